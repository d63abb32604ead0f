"""Season-matched methods among a window's measurements."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.measurement import Measurement
from service.core.profile import profile, season_rows
from service.core.profile.part import NOT_KEPT
from service.core.reference import reference as references
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.methods.drift.columns import DriftPlan, VerdictRule, measure_drift

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
NAMES = np.array(["blue", "red"])
HOURLY = Season(SeasonKind.HOUR)
METHODS = ("ks:season", "wasserstein:season", "psi:season", "ks")


def rows(hours: range, days: int, seed: int = 1, per_hour: int = 10) -> Batch:
    """Draw rows of some hours of some days; size and colour follow the hour."""
    random = np.random.default_rng(seed)
    hour = np.tile(np.repeat(np.array(hours), per_hour), days)
    day = np.repeat(np.arange(1, days + 1), per_hour * len(hours))
    colour = (random.random(len(hour)) < hour / 24).astype(np.int64)
    size = hour + random.normal(size=len(hour))
    return Batch(len(hour), day * DAY + hour * HOUR, {"size": Numbers(size), "colour": Labels(colour, NAMES)})


REFERENCE = references.of(rows(range(24), 10), SCHEMA, season=HOURLY)


def measured(
    batch: Batch, plan: DriftPlan | None = None, made: references.Reference = REFERENCE
) -> dict[tuple[str, str, str], Measurement]:
    """Measure a window's drift, by column, metric and definition."""
    current = profile.of(batch, SCHEMA, made.spec)
    chosen = plan or DriftPlan(methods=METHODS, verdict=VerdictRule.FIRST)
    found = measure_drift(made.profile, current, SCHEMA, chosen, seasonal=made.seasonal)
    return {(m.series.column, m.series.metric, m.series.definition): m for m in found}


def test_a_night_without_its_traffic_is_no_drift() -> None:
    """Rows of the day alone are like the reference's rows of the same hours, and unlike all of it."""
    found = measured(rows(range(8, 20), 2, seed=2))
    assert found["size", "ks", "season"].value == pytest.approx(1.0, abs=0.9)
    assert found["size", "ks", "season"].breached is False
    assert found["size", "ks", "evidently"].value == pytest.approx(0.0, abs=1e-9)
    matched, plain = (found["size", "wasserstein", "season"].value, 4.0)
    assert matched is not None
    assert matched < 0.1 < plain
    assert found["", "drifted_columns", ""].value == 0.0  # the first method is the season-matched one


def test_a_change_of_the_same_hours_is_drift() -> None:
    """Rows that moved are found within their hours."""
    batch = rows(range(8, 20), 2, seed=2)
    sizes = batch.columns["size"]
    assert isinstance(sizes, Numbers)
    moved = measured(batch.with_column("size", Numbers(sizes.values + 2.0)))
    assert moved["size", "ks", "season"].breached is True
    assert moved["size", "wasserstein", "season"].breached is True


def test_the_effective_size_is_next_to_the_values() -> None:
    """Twelve of 24 hours with equal shares are worth twelve hours' rows; it judges nothing."""
    found = measured(rows(range(8, 20), 2))
    effective = found["size", "effective_rows", "season"]
    assert effective.value == pytest.approx(12 * 10 * 10)
    assert (effective.threshold, effective.breached, effective.decides, effective.reason) == (
        None,
        None,
        False,
        None,
    )
    assert effective.rows == found["size", "ks", "season"].rows == 240


def test_without_a_matched_method_there_is_no_effective_size() -> None:
    """Plain methods have the series that they had."""
    found = measured(rows(range(24), 2), DriftPlan(methods=("ks",)))
    assert {definition for _, _, definition in found} == {"evidently", ""}
    assert not any(metric == "effective_rows" for _, metric, _ in found)


def test_rows_of_hours_that_the_reference_lacks_are_said() -> None:
    """A few are a remark, more than a twentieth leave no value; both name the hours."""
    partial = references.of(rows(range(1, 24), 10), SCHEMA, season=HOURLY)
    few = measured(rows(range(24), 2), made=partial)["size", "ks", "season"]
    assert few.value is not None
    assert few.reason is not None
    assert few.reason.startswith("20 of 480 rows (0.042 of them) came at times of which the reference has no")
    assert "(00:00)" in few.reason
    many = measured(rows(range(2), 30), made=partial)
    for metric in ("ks", "effective_rows"):
        assert many["size", metric, "season"].value is None
        assert "300 of 600 rows (0.5 of them)" in str(many["size", metric, "season"].reason)
    assert "above 5% nothing is compared" in str(many["size", "ks", "season"].reason)
    assert many["size", "ks", "evidently"].value is not None


def test_missing_values_are_no_part_of_the_mix() -> None:
    """A column that is empty at night is compared with the reference's days."""
    batch = rows(range(24), 4, seed=3)
    sizes = batch.columns["size"]
    assert isinstance(sizes, Numbers)
    night = (batch.event_time % DAY) // HOUR < 8
    found = measured(batch.with_column("size", Numbers(np.where(night, np.nan, sizes.values))))
    assert found["size", "ks", "season"].breached is False
    assert found["size", "effective_rows", "season"].value == pytest.approx(16 * 100)
    assert found["colour", "effective_rows", "season"].value == pytest.approx(24 * 100)


def test_panes_of_an_earlier_build_have_the_reason() -> None:
    """Rows that were not counted by season, or by another one, are matched with nothing."""
    for spec in (replace(REFERENCE.spec, season=None), replace(REFERENCE.spec, season=Season())):
        current = profile.of(rows(range(24), 1), SCHEMA, spec)
        plan = DriftPlan(methods=("ks:season",))
        found = measure_drift(REFERENCE.profile, current, SCHEMA, plan, seasonal=REFERENCE.seasonal)
        assert next(m.reason for m in found if m.series.metric == "ks") == NOT_KEPT
    kept = profile.of(rows(range(24), 1), SCHEMA, REFERENCE.spec)
    assert kept[season_rows.PART] is not None
    found = measure_drift(REFERENCE.profile, kept, SCHEMA, DriftPlan(methods=("ks:season",)))
    assert "not kept by season" in str(next(m.reason for m in found if m.series.metric == "ks"))


@pytest.mark.parametrize(
    ("plan", "decides"),
    [
        (DriftPlan(methods=("ks", "ks:season")), True),
        (DriftPlan(methods=("ks", "ks:season"), false_alarm_rate=0.01), False),
        (DriftPlan(methods=("ks", "ks:season"), verdict=VerdictRule.FIRST), False),
    ],
)
def test_next_to_calibrated_methods_it_is_a_second_opinion(plan: DriftPlan, decides: bool) -> None:
    """A rate that is kept over calibrated methods is not spoilt by one that has a fixed threshold."""
    assert measured(rows(range(24), 1), plan)["size", "ks", "season"].decides is decides


def test_a_withheld_window_has_its_reason() -> None:
    """Too few rows are said of matched methods as of all others."""
    current = profile.of(rows(range(24), 1), SCHEMA, REFERENCE.spec)
    found = measure_drift(
        REFERENCE.profile,
        current,
        SCHEMA,
        DriftPlan(methods=METHODS),
        seasonal=REFERENCE.seasonal,
        withheld="too few",
    )
    assert {m.reason for m in found} == {"too few"}
    assert "effective_rows" in {m.series.metric for m in found}
