"""Compressed windows against a season-matched reference: the exact value lies within the bound."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.profile import distribution
from service.core.reference.seasonal.weighted import Weighted
from service.core.rows.schema import Kind
from service.methods.drift.method import Compression
from service.methods.drift.registry import ALL, COMPRESSED, compute_matched, matched_error_bound
from service.methods.stats.unmeasurable import Unmeasurable

BOUNDED = [m for m in ALL if m.matched_bound is not None]
REFUSING = [
    m for m in ALL if m.matched and m.compression is Compression.REFUSES and Kind.NUMERICAL in m.kinds
]


def weighted(values: np.ndarray, weights: np.ndarray) -> Weighted:
    """Return a matched reference of distinct values with these weights."""
    counts = weights * (weights.sum() / (weights**2).sum())
    return Weighted(values, counts, float(counts.sum()))


@pytest.mark.parametrize("method", BOUNDED, ids=lambda m: m.full_name)
@settings(max_examples=40)
@given(
    seed=st.integers(0, 10_000),
    limit=st.integers(3, 30),
    scale=st.sampled_from([1.0, 1e-3, 1e6]),
    shift=st.floats(-1, 1),
)
def test_the_exact_value_lies_within_the_bound(
    method: object, seed: int, limit: int, scale: float, shift: float
) -> None:
    """Whatever was compressed: value and bound enclose what the rows as they came give."""
    random = np.random.default_rng(seed)
    reference = weighted(np.sort(random.normal(size=60)) * scale, random.uniform(0.5, 2.0, 60))
    exact = distribution.of_numbers((random.normal(size=80) + shift) * scale)
    kept = distribution.compress(exact, limit)
    value = compute_matched(method, Kind.NUMERICAL, reference, kept)  # type: ignore[arg-type]
    bound = matched_error_bound(method, reference, kept, value)  # type: ignore[arg-type]
    true = compute_matched(method, Kind.NUMERICAL, reference, exact)  # type: ignore[arg-type]
    assert matched_error_bound(method, reference, exact, true) is None  # type: ignore[arg-type]
    if bound is None:
        assert not kept.dropped_bits
        assert value == true
    else:
        assert abs(value - true) <= bound + 1e-12


@pytest.mark.parametrize("method", REFUSING, ids=lambda m: m.full_name)
def test_a_method_that_needs_every_value_refuses(method: object) -> None:
    """Without a bound there is no value of a compressed window, and the reason says why."""
    random = np.random.default_rng(1)
    reference = weighted(np.sort(random.normal(size=60)), np.ones(60))
    kept = distribution.compress(distribution.of_numbers(random.normal(size=80)), 10)
    with pytest.raises(Unmeasurable) as refused:
        compute_matched(method, Kind.NUMERICAL, reference, kept)  # type: ignore[arg-type]
    assert str(refused.value) == COMPRESSED
