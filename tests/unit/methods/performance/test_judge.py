"""A threshold's verdict, and what the measurement says where a reader could take it for more than it is."""

from __future__ import annotations

import pytest
from scipy.stats import t

from service.core.measurement import Measurement
from service.core.rows.task import Binary, Regression
from service.methods.performance.judge import Judging
from tests.unit.methods.build import performance

REGRESSION = Regression("guess", "truth")
BINARY = Binary("truth", "guess", positive=("yes",))
CHANCE = "no breach: chance may explain a value beyond the threshold of {}, as the 95 % band, made "


def of_errors(errors: list[float], **thresholds: float) -> dict[str, Measurement]:
    """Measure a regression that is off by `errors`."""
    columns = {"guess": errors, "truth": [0.0] * len(errors)}
    return performance(REGRESSION, columns, thresholds=thresholds)


def test_a_value_beyond_its_threshold_inside_the_band_is_no_breach() -> None:
    """A value beyond the threshold whose band reaches back across it is marked, and no breach."""
    got = of_errors([9.0, 13.0] * 20, mae=10.9, mean_error=10.9, rmse=13.0)
    for metric in ("mae", "mean_error"):
        assert got[metric].low < 10.9 < got[metric].value == 11.0
        assert got[metric].breached is False
        assert got[metric].reason.startswith(CHANCE.format(10.9))
        assert got[metric].reason.endswith(" of 1 % over 3 verdicts, reaches back across it")
    assert (got["rmse"].breached, got["rmse"].reason) == (False, None)


def test_a_breach_beyond_the_band_is_not_marked() -> None:
    """Where the whole band lies beyond the threshold there is nothing to add."""
    got = of_errors([9.0, 13.0] * 20, mae=5.0, mean_error=5.0)
    assert {got[metric].breached for metric in ("mae", "mean_error")} == {True}
    assert {got[metric].reason for metric in ("mae", "mean_error")} == {None}


def test_one_row_breaches_nothing() -> None:
    """A single row has a value and no end of a band: nothing is known of it."""
    got = of_errors([9.0], mae=5.0)["mae"]
    assert (got.low, got.breached) == (None, False)
    assert got.reason is not None
    assert got.reason.startswith(CHANCE.format(5))


@pytest.mark.parametrize("rows", [5, 30, 100_000])
def test_the_band_is_as_long_as_the_rate_over_all_verdicts_asks(rows: int) -> None:
    """A band is longer for a lower rate, for more verdicts and for fewer rows, by Student's t."""
    for rate, verdicts in ((0.025, 1), (0.01, 1), (0.025, 50), (0.025, 0)):
        expected = t.ppf(1.0 - rate / max(verdicts, 1), rows - 1) / t.ppf(0.975, rows - 1)
        assert Judging(rate, verdicts).band_multiplier(rows) == pytest.approx(expected, rel=0.02)


def test_what_has_no_band_is_not_marked() -> None:
    """No band can be given of the largest error: its breach stands as it is."""
    got = of_errors([9.0, 1.0], max_error=5.0)["max_error"]
    assert (got.breached, got.reason) == (True, None)


@pytest.mark.parametrize(("limit", "marked"), [(0.65, True), (0.95, False)])
def test_a_low_value_is_judged_by_the_upper_end(limit: float, marked: bool) -> None:
    """Of a metric that gets worse downwards the upper end of the band decides."""
    columns = {"truth": ["yes"] * 20, "guess": ["yes"] * 12 + ["no"] * 8}
    got = performance(BINARY, columns, thresholds={"accuracy": limit})["accuracy"]
    assert (got.value, got.breached) == (0.6, not marked)
    assert (got.reason or "").startswith(CHANCE.format(limit)) is marked


def test_a_threshold_without_a_value_says_that_it_is_not_judged() -> None:
    """Whatever the reason for no value: it also says that the threshold has no verdict."""
    got = performance(
        BINARY, {"truth": ["no", "no"], "guess": ["no", "no"]}, thresholds={"precision": 0.5, "accuracy": 0.5}
    )
    assert (got["precision"].breached, got["precision"].threshold) == (None, 0.5)
    assert got["precision"].reason == (
        "no row was predicted to be of the class; its threshold of 0.5 is not judged"
    )
    assert got["recall"].reason == "no row is of the class"
    assert (got["accuracy"].breached, got["accuracy"].reason) == (False, None)


def test_a_rate_that_the_reference_has_not_is_not_judged() -> None:
    """A positive rate is compared with the reference's own: without one it has a value and no verdict."""
    rows = {"truth": ["yes", "no"], "guess": ["yes", "no"]}
    empty: dict[str, list[str]] = {"truth": [], "guess": []}
    got = performance(BINARY, rows, empty, {"positive_rate": 0.1})["positive_rate"]
    assert (got.value, got.threshold, got.breached) == (0.5, 0.1, None)
    assert got.reason == "its threshold of 0.1 is not judged: the reference has no value to compare with"
