from __future__ import annotations

import math

import pytest

from service.core.measurement import Aspect, Measurement, Worse
from service.core.schema import Column, Kind, Schema
from service.methods.regression import measure_regression
from tests.unit.methods.build import rows

REFERENCE = rows(guess=[1.0, 2.0], truth=[2.0, 2.0])


def by_name(measurements: tuple[Measurement, ...]) -> dict[str, Measurement]:
    """Index measurements by metric."""
    return {m.series.metric: m for m in measurements}


def test_errors_stand_beside_the_reference_s():
    """mae, rmse and mean error of the labelled rows, each with the reference's own."""
    got = by_name(measure_regression(REFERENCE, rows(guess=[1.0, 5.0, 9.0], truth=[4.0, 1.0, math.nan])))
    assert (got["mae"].value, got["mae"].reference, got["mae"].rows) == (3.5, 0.5, 2)
    assert (got["rmse"].value, got["rmse"].reference) == (math.sqrt(12.5), math.sqrt(0.5))
    assert (got["mean_error"].value, got["mean_error"].reference) == (0.5, -0.5)
    assert (got["pending_rows"].value, got["pending_rows"].reference, got["pending_rows"].rows) == (
        1.0,
        0.0,
        3,
    )
    assert {m.series.aspect for m in got.values()} == {Aspect.PERFORMANCE}
    assert [got[m].series.worse for m in ("mae", "rmse", "mean_error")] == [
        Worse.HIGHER,
        Worse.HIGHER,
        Worse.BOTH,
    ]


@pytest.mark.parametrize(("error", "breached"), [(2.0, True), (-2.0, True), (1.5, False), (-1.5, False)])
def test_a_mean_error_is_breached_both_ways(error: float, breached: bool):
    """A model that guesses too low breaches the threshold of the mean error as one that guesses too high."""
    current = rows(guess=[error], truth=[0.0])
    got = by_name(measure_regression(REFERENCE, current, {"mean_error": 2.0}))
    assert got["mean_error"].breached is breached
    assert (got["mae"].breached, got["mae"].threshold) == (None, None)


def test_without_labels_there_is_a_reason():
    """No label yet gives a reason for each error, and a true count of the rows that wait."""
    got = by_name(measure_regression(REFERENCE, rows(guess=[1.0, 2.0], truth=[math.nan] * 2), {"mae": 1.0}))
    assert (got["mae"].value, got["mae"].breached, got["mae"].reason) == (None, None, "no labels yet")
    assert got["mae"].reference == 0.5
    assert got["pending_rows"].value == 2.0


def test_errors_beyond_a_number_are_a_reason():
    """A sum of squares that no number can hold has a reason and is never infinite."""
    big = rows(guess=[1e154] * 4, truth=[-1e153] * 4)
    got = by_name(measure_regression(REFERENCE, big))
    assert got["rmse"].value == pytest.approx(1.1e154)
    assert all(m.value is None or math.isfinite(m.value) for m in got.values())


def test_a_schema_without_target_has_no_performance():
    """Where no prediction and target are named nothing is measured."""
    schema = Schema((Column("size", Kind.NUMERICAL),))
    side = rows(size=[1.0], schema=schema)
    assert measure_regression(side, side) == ()
