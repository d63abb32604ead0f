from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from service.core.measurement import Aspect
from service.core.profile import profile
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.methods.quality.expectations import Expectation, measure_expectations
from tests.unit.methods.build import SCHEMA, rows

REFERENCE = rows(size=[0.0, 5.0, 12.0, math.nan], colour=["red", "red", "blue", None])


def measured(
    current: profile.Profile, reference: profile.Profile = REFERENCE, **declared: Expectation
) -> Any:
    """Index what is measured by metric; one column is declared at a time."""
    return {m.series.metric: m for m in measure_expectations(reference, current, SCHEMA, declared)}


def test_what_is_not_declared_is_not_measured():
    """Columns without a declaration have no expectation's measurement."""
    assert measured(rows(size=[1.0]), size=Expectation()) == {}


def test_a_range_has_two_sides():
    """Rows below the minimum and above the maximum count apart, infinities too; the ends are in order."""
    current = rows(size=[-1.0, 0.0, 10.0, 10.5, 11.0, math.inf, -math.inf, math.nan])
    got = measured(current, size=Expectation(low=0, high=10))
    below, above = got["below_min_share"], got["above_max_share"]
    assert (below.value, below.rows, below.reference) == (2 / 7, 7, 0.0)
    assert (above.value, above.reference) == (3 / 7, pytest.approx(1 / 3))
    assert (below.threshold, below.breached, below.series.aspect) == (0.0, True, Aspect.QUALITY)


@pytest.mark.parametrize(
    ("metric", "expectation", "good", "bad"),
    [
        ("below_min_share", Expectation(low=0), [0.0, 4.0], [0.0, -4.0]),
        ("above_max_share", Expectation(high=4), [0.0, 4.0], [0.0, 5.0]),
        ("not_allowed_share", Expectation(allowed=(0, 4)), [0.0, 4.0], [0.0, 5.0]),
        ("null_share", Expectation(not_null=True), [0.0, 4.0], [0.0, math.nan]),
        ("duplicate_share", Expectation(unique=True), [0.0, math.nan, math.inf], [0.0, 0.0]),
    ],
)
def test_one_row_breaches_and_none_does_not(
    metric: str, expectation: Expectation, good: list[float], bad: list[float]
):
    """The threshold is 0: a window that keeps the declaration is clear, one row that does not is a breach."""
    clear, breach = (measured(rows(size=values), size=expectation)[metric] for values in (good, bad))
    assert (clear.value, clear.breached) == (0.0, False)
    assert (breach.value, breach.breached) == (0.5, True)


@pytest.mark.parametrize(
    ("allowed", "labels", "share"),
    [
        (("red", "blue"), np.array(["blue", "green", "red"]), 1 / 3),
        ((1, 2.5), np.array(["1", "2.5", "x"]), 1 / 3),
        (("1", 2.5), np.array(["1", "2.5", "3"]), 1 / 3),
        ((True,), np.array(["False", "True", "true"]), 2 / 3),
    ],
)
def test_allowed_categories_go_by_their_text(allowed: tuple[Any, ...], labels: np.ndarray, share: float):
    """A declared number fits the label whether the source wrote it as a number or as text."""
    schema = Schema((Column("colour", Kind.CATEGORICAL),))
    batch = Batch(4, np.zeros(4, np.int64), {"colour": Labels(np.array([0, 1, 2, -1]), labels)})
    whole = profile.of(batch, schema)
    (got,) = measure_expectations(whole, whole, schema, {"colour": Expectation(allowed=allowed)})
    assert (got.value, got.rows) == (pytest.approx(share), 3)


def test_an_empty_window_has_reasons():
    """Without rows, or without a value, nothing is breached and the reason is there."""
    everything = Expectation(0, 1, (1,), not_null=True, unique=True)
    got = measured(profile.empty(SCHEMA), size=everything)
    assert {m.breached for m in got.values()} == {None}
    assert got["null_share"].reason == "no rows in the window"
    assert got["duplicate_share"].reason == "no value in the window"
    absent = measured(rows(colour=["red", "red"]), size=everything)
    assert (absent["null_share"].value, absent["null_share"].breached) == (1.0, True)


def test_compressed_values_say_how_far_off_they_can_be():
    """A unique column that was compressed looks repeated, and the bound covers all of it."""
    schema = Schema((Column("size", Kind.NUMERICAL),))
    values = np.random.default_rng(3).normal(size=900)
    batch = Batch(900, np.zeros(900, np.int64), {"size": Numbers(values)})
    exact, rough = profile.of(batch, schema), profile.of(batch, schema, limit=50)
    declared = {"size": Expectation(low=0.5, allowed=(9.0,), unique=True)}
    sides = [measure_expectations(exact, side, schema, declared) for side in (exact, rough)]
    for sharp, blunt in zip(*sides, strict=True):
        assert sharp.error_bound is None
        assert blunt.error_bound is not None
        assert sharp.value is not None
        assert abs((blunt.value or 0.0) - sharp.value) <= blunt.error_bound
