"""Performance next to the reference's own value over a window's mix of hours."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.measurement import Measurement
from service.core.profile import profile
from service.core.reference import reference as references
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.task import Binary
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.methods.measure_window import MeasurePlan, measure

REGRESSION = Schema(
    (
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
    )
)
BINARY = Schema(
    (
        Column("answer", Kind.CATEGORICAL, Role.PREDICTION),
        Column("label", Kind.CATEGORICAL, Role.TARGET),
    ),
    Binary("label", "answer", positive=("yes",)),
)
SEASON = Season(SeasonKind.HOUR)


def rows(hours: tuple[int, ...], labelled: tuple[int, ...] = tuple(range(24)), days: int = 5) -> Batch:
    """Return rows of some hours and days; an error is as large as its hour, some hours have labels."""
    hour = np.tile(np.array(hours), days)
    times = np.repeat(np.arange(1, days + 1), len(hours)) * DAY + hour * HOUR
    known = np.isin(hour, labelled)
    truth = np.where(known, 100.0 + hour, np.nan)
    right = np.where(known, 1, -1)
    wrong = (hour % 2).astype(np.int64)
    labels = np.array(["no", "yes"])
    return Batch(
        len(hour),
        times,
        {
            "guess": Numbers(np.full(len(hour), 100.0)),
            "truth": Numbers(truth),
            "answer": Labels(1 - wrong, labels),
            "label": Labels(right, labels),
        },
    )


def measured(
    window: Batch, schema: Schema = REGRESSION, reference: Batch | None = None
) -> dict[str, Measurement]:
    """Measure a window against a reference with every hour."""
    held = rows(tuple(range(24)), days=10) if reference is None else reference
    made = references.of(held, schema, season=SEASON)
    current = profile.of(window, made.schema, made.spec)
    found = measure(
        made.profile,
        current,
        made.schema,
        MeasurePlan(performance={"mae": 1.0}),
        made.spec,
        seasonal=made.seasonal,
    )
    return {m.series.metric: m for m in found}


def test_the_reference_value_has_the_window_s_hours() -> None:
    """Errors are as large as the hour: 11.5 over the whole reference, and 6.5 over the window's own hours."""
    found = measured(rows((2, 2, 2, 20)))
    assert found["mae"].reference == pytest.approx(11.5)
    matched = found["season_matched_mae"]
    assert (matched.value, matched.reference) == (pytest.approx(6.5), pytest.approx(6.5))
    assert (matched.threshold, matched.breached, matched.decides) == (None, None, False)
    assert matched.series.headline is None
    assert found["mae"].series.headline == 1
    assert found["season_matched_rmse"].reference == pytest.approx(np.sqrt((3 * 4 + 400) / 4))


def test_a_mix_is_that_of_the_labelled_rows() -> None:
    """Rows that wait for their labels are no part of it."""
    found = measured(rows((2, 4, 20), labelled=(2, 4)))
    assert found["season_matched_mae"].reference == pytest.approx(3.0)


def test_classifiers_are_matched_too() -> None:
    """The share of right answers by hour: odd hours are wrong."""
    found = measured(rows((2, 4, 6, 7)), BINARY)
    assert found["accuracy"].reference == pytest.approx(0.5)
    assert found["season_matched_accuracy"].reference == pytest.approx(0.75)
    assert found["season_matched_accuracy"].value == pytest.approx(0.75)


def test_hours_that_the_reference_lacks_are_said() -> None:
    """A few are a remark; of many there is no reference value, and the reason says why."""
    partial = rows(tuple(range(1, 24)), days=10)
    few = measured(rows(tuple(range(24)) * 1), reference=partial)["season_matched_mae"]
    assert few.reference == pytest.approx(12.0)
    assert few.reason == (
        "5 of 120 labelled rows (0.042 of them) came at times of which the reference has none (00:00)"
    )
    many = measured(rows((0, 1)), reference=partial)["season_matched_mae"]
    assert (many.value, many.reference) == (pytest.approx(0.5), None)
    assert "more than 5%" in str(many.reason)
    none = measured(rows((0,)), reference=partial)["season_matched_mae"]
    assert none.reference is None
    assert none.reason == "no season-matched reference: it has no labelled row of these hours and days"


def test_without_a_season_there_is_no_such_series() -> None:
    """Performance has the series that it had."""
    made = references.of(rows(tuple(range(24))), REGRESSION)
    current = profile.of(rows((1,)), REGRESSION, made.spec)
    found = measure(made.profile, current, REGRESSION, MeasurePlan(), made.spec, seasonal=made.seasonal)
    assert not any(m.series.metric.startswith("season_matched") for m in found)
