from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.measurement import Measurement
from service.core.profile.columns import ColumnProfile
from service.core.profile.distribution import Distribution, compress, of_numbers
from service.core.profile.profile import Profile
from service.core.rows.schema import Column, Kind
from service.methods.drift import columns
from service.methods.drift.columns import DriftPlan
from service.methods.drift.registry import METHODS, compute, find
from service.methods.stats.error_bounds import Range, _filled

BOUNDED = [method for method in METHODS.values() if method.bound is not None]
COLUMN = Column("size", Kind.NUMERICAL)


def measured(name: str, reference: Distribution, current: Distribution) -> Measurement:
    """Measure one column by one method, as a window's measurement."""
    plan = DriftPlan(by_column={COLUMN.name: (name,)})
    (method,) = columns.methods_of(plan, COLUMN, reference, current)
    before, now = (
        Profile("", side.rows, {COLUMN.name: ColumnProfile(side)}) for side in (reference, current)
    )
    return columns._measured(method, COLUMN, (before, now), threshold=0.1, withheld=None)


@pytest.mark.parametrize("method", BOUNDED, ids=lambda m: m.full_name)
@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.tuples(st.integers(30, 900), st.integers(1, 900)),
    limits=st.tuples(st.sampled_from([24, 60, 300, 10**6]), st.sampled_from([8, 60, 300, 10**6])),
    shape=st.sampled_from(["normal", "shifted", "lognormal", "grid", "heavy"]),
)
def test_the_exact_value_lies_within_the_bound(
    method: columns.Method, seed: int, sizes: tuple[int, int], limits: tuple[int, int], shape: str
):
    """However far either side is compressed, the exact number is no farther off than the bound says."""
    draw = np.random.default_rng(seed)
    reference, current = (draw.normal(size=size) for size in sizes)
    if shape == "shifted":
        current = current + 3.0
    elif shape == "lognormal":
        reference, current = np.exp(reference), np.exp(current * 1.5)
    elif shape == "grid":
        reference, current = reference.round(1), current.round(1)
    elif shape == "heavy":
        reference = np.where(draw.random(len(reference)) < 0.4, 1.3, reference)
    sides = [of_numbers(side) for side in (reference, current)]
    kept = [compress(side, limit) for side, limit in zip(sides, limits, strict=True)]
    got = measured(method.full_name, kept[0], kept[1])
    if not any(side.dropped_bits for side in kept):
        assert got.error_bound is None
        return
    if got.value is None:
        reasons = ("compressed", "too many distinct", "two rows or more")
        assert any(reason in str(got.reason) for reason in reasons)
        return
    assert got.error_bound is not None
    exact = compute(method, Kind.NUMERICAL, sides[0], sides[1])
    assert abs(got.value - exact) <= got.error_bound + 1e-9


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("wasserstein", 0.001),
        ("wasserstein:robust", 0.01),
        ("ks", 0.05),
        ("psi", 0.05),
        ("psi:robust", 0.05),
        ("jensenshannon", 0.05),
        ("kl_div:robust", 0.05),
        ("hellinger:robust", 0.05),
    ],
)
def test_a_bound_is_small_where_compression_is_light(name: str, most: float):
    """A hundred thousand continuous rows kept in 65,536 values give numbers that can still be used."""
    draw = np.random.default_rng(5)
    reference, current = (compress(of_numbers(draw.normal(size=100_000)), 65_536) for _ in range(2))
    assert reference.dropped_bits
    got = measured(name, reference, current)
    assert got.error_bound is not None
    assert 0.0 <= got.error_bound < most


@pytest.mark.parametrize("name", ["chisquare", "z", "chisquare:robust", "z:robust"])
def test_counting_values_is_refused_when_they_were_compressed(name: str):
    """A test that counts every value has a reason and no number where values were made equal."""
    side = compress(of_numbers(np.random.default_rng(5).normal(size=500)), 20)
    got = measured(name, side, side)
    assert got.value is None
    assert "too many distinct values" in str(got.reason)


@pytest.mark.parametrize("name", ["psi:robust", "kl_div:robust", "jensenshannon:robust", "hellinger:robust"])
def test_frequent_values_that_were_made_equal_are_within_the_bound(name: str):
    """Rows that moved between two frequent values which compression made one are not lost from the bound."""
    others = np.random.default_rng(6).normal(size=200)
    reference = np.concatenate((np.repeat([1.0, 1.0 + 2.0**-30], 400), others))
    current = np.concatenate((np.repeat(1.0 + 2.0**-31, 800), others))
    sides = [of_numbers(reference), of_numbers(current)]
    exact = compute(find(name, Kind.NUMERICAL), Kind.NUMERICAL, sides[0], sides[1])
    kept = [compress(side, 50) for side in sides]
    got = measured(name, kept[0], kept[1])
    assert got.value is not None
    assert got.error_bound is not None
    assert 0.1 < exact - got.value <= got.error_bound


def test_the_stand_in_for_zero_is_a_range_as_well():
    """Where the smallest share is 1 to 3 rows of 12,000, an empty bin holds 1e-4 or a millionth of one."""
    rows = 12_000
    side = Range(np.array([0.5, 1 / rows, 0.0]), np.array([0.9, 3 / rows, 0.0]))
    low, high = _filled(side, rows)
    assert low.tolist() == [0.5, 1 / rows, 1 / rows / 10**6]
    assert high.tolist() == [0.9, 3 / rows, 1e-4]


@pytest.mark.parametrize("name", ["psi:robust", "kl_div:robust", "jensenshannon:robust", "hellinger:robust"])
def test_rows_beside_an_edge_that_compression_moved_are_within_the_bound(name: str):
    """The exact decile ends between two values that were made one, so its edge lies far from the kept one."""
    whole = np.arange(1.0, 51.0)
    reference = np.concatenate((np.repeat(whole, 15), np.repeat(whole + 2.0**-40, 5), np.full(10, 0.5)))
    sides = [of_numbers(reference), of_numbers(np.repeat([3.0, 5.3], 100))]
    exact = compute(find(name, Kind.NUMERICAL), Kind.NUMERICAL, sides[0], sides[1])
    got = measured(name, compress(sides[0], 51), sides[1])
    assert got.value is not None
    assert got.error_bound is not None
    assert 0.05 < abs(exact - got.value) <= got.error_bound < 3.0
