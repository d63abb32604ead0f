from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from service.core.measurement import Aspect, Worse
from service.core.profile.outcome.regression import RegressionOutcome, of_regression
from service.core.rows.task import Regression
from service.methods.performance.metric import values_of
from service.methods.performance.performance import measure_performance
from service.methods.performance.registry import OF_ERRORS
from tests.unit.methods.build import performance, rows

TASK = Regression("guess", "truth")
REFERENCE = {"guess": [1.0, 2.0], "truth": [2.0, 2.0]}


def test_errors_stand_beside_the_reference_s() -> None:
    """mae, rmse and mean error of the labelled rows, each with the reference's own."""
    got = performance(TASK, {"guess": [1.0, 5.0, 9.0], "truth": [4.0, 1.0, math.nan]}, REFERENCE)
    assert (got["mae"].value, got["mae"].reference, got["mae"].rows) == (3.5, 0.5, 2)
    assert (got["rmse"].value, got["rmse"].reference) == (math.sqrt(12.5), math.sqrt(0.5))
    assert (got["mean_error"].value, got["mean_error"].reference) == (0.5, -0.5)
    pending = got["pending_rows"]
    assert (pending.value, pending.reference, pending.rows) == (1.0, 0.0, 3)
    assert {m.series.aspect for m in got.values()} == {Aspect.PERFORMANCE}
    worse = {name: got[name].series.worse for name in ("mae", "rmse", "mean_error", "r2")}
    assert list(worse.values()) == [Worse.HIGHER, Worse.HIGHER, Worse.BOTH, Worse.LOWER]


@pytest.mark.parametrize(("error", "breached"), [(2.0, True), (-2.0, True), (1.5, False), (-1.5, False)])
def test_a_mean_error_is_breached_both_ways(error: float, breached: bool) -> None:
    """A model that guesses too low breaches the threshold of the mean error as one that guesses too high."""
    got = performance(TASK, {"guess": [error] * 2, "truth": [0.0] * 2}, REFERENCE, {"mean_error": 2.0})
    assert got["mean_error"].breached is breached
    assert (got["mae"].breached, got["mae"].threshold) == (None, None)


@pytest.mark.parametrize(("limit", "breached"), [(0.95, True), (0.9, False), (0.85, False)])
def test_a_low_r2_is_breached_from_below(limit: float, breached: bool) -> None:
    """A metric that is better when higher breaches where its band lies below the threshold."""
    columns = {"guess": [0.5, 1.0, 2.5, 3.0] * 50, "truth": [0.0, 1.0, 2.0, 3.0] * 50}  # 1 - 0.5 / 5
    got = performance(TASK, columns, thresholds={"r2": limit})
    assert got["r2"].value == 0.9
    assert got["r2"].breached is breached


def test_without_labels_there_is_a_reason() -> None:
    """No label yet gives a reason for each error, also why a threshold is not judged, and a true count."""
    got = performance(TASK, {"guess": [1.0, 2.0], "truth": [math.nan] * 2}, REFERENCE, {"mae": 1.0})
    assert (got["mae"].value, got["mae"].breached) == (None, None)
    assert got["mae"].reason == "no labels yet; its threshold of 1 is not judged"
    assert got["rmse"].reason == "no labels yet"
    assert got["mae"].reference == 0.5
    assert got["pending_rows"].value == 2.0


def test_targets_of_zero_are_left_out_and_counted() -> None:
    """A relative error of a target of zero is no number: mape rests on the other rows and says how many."""
    got = performance(TASK, {"guess": [1.0, 3.0, 5.0], "truth": [0.0, 2.0, 4.0]})
    assert (got["mape"].value, got["mape"].rows) == (0.375, 2)
    assert got["mape_left_out_rows"].value == 1.0
    none = performance(TASK, {"guess": [1.0], "truth": [0.0]})
    assert (none["mape"].value, none["mape"].reason) == (None, "every target is zero")


def test_errors_beyond_a_number_are_a_reason() -> None:
    """What no number can hold has a reason, and what still can be measured is."""
    got = performance(TASK, {"guess": [1e154] * 4, "truth": [-1e153] * 4})
    assert got["rmse"].value == pytest.approx(1.1e154)
    assert got["r2"].reason == "4 targets or errors are too large for their squares to be summed"
    assert (got["mape"].value, got["mape"].low) == (pytest.approx(11.0), None)
    assert all(m.value is None or math.isfinite(m.value) for m in got.values())


def test_a_target_that_is_no_number_is_not_pending() -> None:
    """A label that came and cannot be read is not waited for."""
    prediction, target = np.array([1.0, 1.0, 1.0]), np.array([math.nan, math.nan, 2.0])
    outcome = of_regression(prediction, target, unparsable=np.array([True, False, False]), limit=10)
    assert (outcome.labelled, outcome.pending, outcome.unusable) == (1, 1, 1)


def test_compressed_quantiles_say_how_far_off_they_are() -> None:
    """Quantiles of compressed errors lie within their bound of the exact ones; the maximum stays exact."""
    error = np.random.default_rng(8).gamma(2.0, size=5_000)

    def made(limit: int) -> RegressionOutcome:
        return of_regression(error, error * 0.0, limit=limit)

    exact, small = (
        {metric.name: value for metric, value in values_of(OF_ERRORS, partial(made, limit))}
        for limit in (10_000, 1_000)
    )
    for name in ("absolute_error_p50", "absolute_error_p90", "absolute_error_p99"):
        bound = small[name].error_bound
        assert bound is not None
        assert 0.0 < abs(small[name].value - exact[name].value) <= bound < 0.1 * exact[name].value
        assert exact[name].error_bound is None
    assert small["max_error"].value == exact["max_error"].value == error.max()


def test_a_window_without_rows_has_every_series() -> None:
    """Every metric has its reason, so that no chart has an unexplained gap."""
    got = performance(TASK, {"guess": [], "truth": []}, REFERENCE)
    assert set(got) == {*(metric.name for metric in OF_ERRORS), "pending_rows"}
    assert {m.reason for name, m in got.items() if name != "pending_rows"} == {"no labels yet"}


def test_a_schema_without_task_has_no_performance() -> None:
    """Where no prediction and target are named nothing is measured."""
    side = rows(size=[1.0])
    assert measure_performance(side, side, None) == ()
