"""The block test as measurements: what is judged, what it says, and why there is no value."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from service.core.blocks import sums
from service.core.blocks.plan import BlockRules, BlockUnit
from service.core.measurement import Measurement
from service.core.profile import block_sums, profile
from service.core.profile.part import NOT_KEPT
from service.core.reference import reference as references
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import DAY, Season, SeasonKind
from service.methods.block_test import model as block_model
from service.methods.block_test.measure import MIXED, measure_blocks

RATE = 0.01
SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("still", Kind.NUMERICAL),
        Column("plan", Kind.CATEGORICAL),
        Column("user", Kind.CATEGORICAL),
    )
)


def rows(days: int, seed: int, *, shift: float = 0.0, per_day: int = 200) -> Batch:
    random = np.random.default_rng(seed)
    count = days * per_day
    level = np.repeat(random.normal(0.0, 0.1, days), per_day)
    users = np.array([f"{i:04d}" for i in range(3_000)])
    columns: dict[str, Numbers | Labels] = {
        "size": Numbers(level + random.normal(shift, 1.0, count)),
        "still": Numbers(np.full(count, 3.0)),
        "plan": Labels(random.choice(2, count, p=[0.7, 0.3]), np.array(["basic", "pro"])),
        "user": Labels(random.integers(0, 3_000, count), users),
    }
    return Batch(count, np.arange(count, dtype=np.int64) * DAY // per_day, columns).numbered(0)


@pytest.fixture(scope="module")
def made() -> Reference:
    return references.of(rows(31, 1), SCHEMA, blocks=BlockRules())


def measured(made: Reference, window: Batch, **more: str | None) -> dict[tuple[str, str], Measurement]:
    assert made.blocks is not None
    current = profile.of(window, SCHEMA, made.spec)
    found = measure_blocks(
        block_model.fit(made.blocks), made.blocks.spec.columns, current, SCHEMA, RATE, **more
    )
    return {(m.series.metric, m.series.column): m for m in found}


def test_a_column_that_moved_is_named_and_alone_decides(made: Reference) -> None:
    """The window's own value is the least of its columns', and raises no second alarm."""
    found = measured(made, rows(3, 2, shift=1.0))
    size, whole = found["block_test", "size"], found["block_test", ""]
    assert (size.breached, size.decides, size.threshold) == (True, True, RATE)
    assert size.reason == "location up in the last 3 days"
    assert (whole.value, whole.breached, whole.decides) == (size.value, True, False)
    assert whole.reason == f"size: {size.reason}"
    assert found["block_test", "plan"].breached is False
    quiet = measured(made, rows(3, 3))
    judged = [m for (metric, name), m in quiet.items() if metric == "block_test"]
    assert [m.breached for m in judged] == [False] * 5
    assert quiet["block_test", ""].reason is None


@pytest.mark.parametrize(("changed", "breached"), [(0.0, False), (0.02, False), (0.2, True)])
def test_what_never_varied_drifts_once_it_does(made: Reference, changed: float, breached: bool) -> None:
    """A twentieth of the rows, up or down; a few odd ones are none."""
    window = rows(3, 3)
    for value in (2.5, 3.5):
        still = np.where(np.arange(window.rows) % 50 < 50 * changed, value, 3.0)
        found = measured(made, window.with_column("still", Numbers(still)))
        assert found["block_test", "still"].breached is breached
        assert found["detectable_shift", "still"].value is None
        assert "does not vary in the reference" in str(found["detectable_shift", "still"].reason)


def test_what_is_the_same_all_day_is_compared_by_days() -> None:
    """A column with one value per day differs from day to day and not within one: that alone is no drift."""
    schema, random = Schema((Column("price", Kind.NUMERICAL),)), np.random.default_rng(7)

    def priced(days: int, level: float = 0.0) -> Batch:
        batch = rows(days, 1)
        price = np.repeat(random.normal(level, 1.0, days), batch.rows // days)
        return Batch(batch.rows, batch.event_time, {"price": Numbers(price)}).numbered(0)

    made = references.of(priced(60), schema, blocks=BlockRules())
    assert made.blocks is not None
    model = block_model.fit(made.blocks)
    for level, breached in ((0.0, False), (6.0, True)):
        current = profile.of(priced(10, level), schema, made.spec)
        found = measure_blocks(model, made.blocks.spec.columns, current, schema, RATE)
        assert found[0].breached is breached


def test_what_can_be_seen_is_said(made: Reference) -> None:
    """Longer windows show smaller shifts; many rare labels have none that is said."""
    short, long = (measured(made, rows(days, 4)) for days in (1, 10))
    sizes = [found["detectable_shift", "size"] for found in (short, long)]
    assert sizes[0].value is not None
    assert sizes[1].value is not None
    assert sizes[0].value > sizes[1].value > 0.1
    assert "0.2 standard deviations" in str(sizes[1].reason)
    assert (sizes[1].threshold, sizes[1].breached, sizes[1].series.unit) == (
        None,
        None,
        "standard deviations",
    )
    plan = long["detectable_shift", "plan"]
    assert plan.series.unit == "share"
    assert "of the share of 'basic'" in str(plan.reason)
    assert "no label holds 2 %" in str(long["detectable_shift", "user"].reason)


def test_a_reference_of_few_blocks_says_how_many_more_are_needed() -> None:
    """Three hours of rows give runs; two rows give too few of these, and nothing is judged."""
    few = rows(1, 1, per_day=10)
    made = references.of(few, SCHEMA, blocks=BlockRules(timed=False))
    found = measured(made, rows(1, 2))
    assert {m.value for m in found.values()} == {None}
    reasons = {str(m.reason) for m in found.values()}
    assert reasons == {
        "the reference has 1 run of 16 rows; 7 more are needed to tell drift from how they differ"
    }


def test_hours_stand_in_for_days() -> None:
    """A reference of three days is compared by its hours, and the words say so."""
    made = references.of(rows(3, 1), SCHEMA, blocks=BlockRules())
    assert made.blocks is not None
    assert made.blocks.spec.plan.unit is BlockUnit.HOUR
    found = measured(made, rows(1, 2, shift=1.0))["block_test", "size"]
    assert found.breached
    assert "hours" in str(found.reason)


def test_without_sums_there_is_a_reason(made: Reference) -> None:
    """Panes of a build that did not keep them, of another reference, and a window that is withheld."""
    assert made.blocks is not None
    current = profile.of(rows(3, 2), SCHEMA, made.spec)
    model, columns = block_model.fit(made.blocks), made.blocks.spec.columns
    bare = replace(current, parts={k: v for k, v in current.parts.items() if k != block_sums.PART.name})
    mixed = current.with_part(block_sums.PART, sums.mixed())
    for profile_, reason in ((bare, NOT_KEPT), (mixed, MIXED)):
        found = measure_blocks(model, columns, profile_, SCHEMA, RATE)
        assert {m.reason for m in found} == {reason}
    withheld = measured(made, rows(3, 2), withheld="too few rows")
    assert {m.reason for m in withheld.values()} == {"too few rows"}


def test_a_night_is_compared_with_nights() -> None:
    """A column that follows the hour moves with the window's hours; with the season it does not."""
    random = np.random.default_rng(5)
    schema = Schema((Column("load", Kind.NUMERICAL),))

    def by_hour(days: int) -> Batch:
        times = np.arange(days * 480, dtype=np.int64) * DAY // 480
        hour = (times % DAY) / DAY
        load = 3.0 * np.sin(2 * np.pi * hour) + random.normal(size=len(times))
        return Batch(len(times), times, {"load": Numbers(load)}).numbered(0)

    batch, window = by_hour(31), by_hour(3)
    evenings = window.take(np.flatnonzero(window.event_time % DAY >= DAY // 2))
    breached = {}
    for kind in (SeasonKind.NONE, SeasonKind.HOUR):
        made = references.of(batch, schema, blocks=BlockRules(season=Season(kind)))
        assert made.blocks is not None
        current = profile.of(evenings, schema, made.spec)
        model = block_model.fit(made.blocks)
        found = measure_blocks(model, made.blocks.spec.columns, current, schema, RATE)
        breached[kind] = found[0].breached
    assert breached == {SeasonKind.NONE: True, SeasonKind.HOUR: False}


@pytest.mark.parametrize("known", [0.0, 0.5])
def test_labels_that_are_still_to_come_are_no_drift(made: Reference, known: float) -> None:
    """A missing label moves no share and no familiarity; a window without any says so."""
    window = rows(7, 2)
    hidden = np.random.default_rng(3).random(window.rows) >= known
    for name in ("plan", "user"):
        column = window.columns[name]
        assert isinstance(column, Labels)
        codes = np.where(hidden, -1, column.codes)
        window = window.with_column(name, Labels(codes, column.labels))
    found = measured(made, window)
    for name in ("plan", "user"):
        each = found["block_test", name]
        assert each.breached is (False if known else None), (name, each)
        assert each.reason == (None if known else "no value in the window")
    assert found["block_test", ""].breached is False


def test_a_column_that_is_empty_in_a_window_is_not_judged(made: Reference) -> None:
    """Without a value there is nothing that could be compared: it has not held, and has not drifted."""
    window = rows(3, 2)
    found = measured(made, window.with_column("size", Numbers(np.full(window.rows, np.nan))))
    assert found["block_test", "size"].value is None
    assert found["block_test", "size"].reason == "no value in the window"
    del window.columns["size"]
    assert measured(made, window)["block_test", "size"].value is None


def test_missing_values_that_the_reference_knows_are_judged_where_all_are_missing() -> None:
    """Their share is a score of its own."""
    known = rows(31, 1)
    column = known.columns["plan"]
    assert isinstance(column, Labels)
    hidden = np.random.default_rng(3).random(known.rows) < 0.1
    known = known.with_column("plan", Labels(np.where(hidden, -1, column.codes), column.labels))
    made = references.of(known, SCHEMA, blocks=BlockRules())
    window = rows(3, 2)
    nothing = Labels(np.full(window.rows, -1), column.labels)
    found = measured(made, window.with_column("plan", nothing))["block_test", "plan"]
    assert (found.breached, found.reason) == (True, "share of missing values up in the last 3 days")
    same = np.random.default_rng(4).random(window.rows) < 0.1
    again = window.with_column(
        "plan", Labels(np.where(same, -1, window.columns["plan"].codes), column.labels)
    )
    assert measured(made, again)["block_test", "plan"].breached is False


@pytest.mark.parametrize("part", [0, 12])
def test_missing_values_of_an_hour_that_differs_are_no_drift(part: int) -> None:
    """What an hour adds is expected of rows with a value alone."""

    def day_and_night(days: int, seed: int) -> Batch:
        random, hours = np.random.default_rng(seed), np.arange(days * 24).repeat(20)
        night = hours % 24 < 12
        columns: dict[str, Numbers | Labels] = {
            "size": Numbers(random.normal(size=len(hours)) + 2.0 * night),
            "still": Numbers(np.full(len(hours), 3.0)),
            "plan": Labels((random.random(len(hours)) < 0.2 + 0.6 * night) * 1, np.array(["basic", "pro"])),
        }
        return Batch(len(hours), hours * (DAY // 24) + np.tile(np.arange(20), days * 24), columns)

    season = Season(SeasonKind.HOUR)
    made = references.of(day_and_night(31, 1), SCHEMA, blocks=BlockRules(), season=season)
    window = day_and_night(40, 2)
    window = window.take(np.flatnonzero((window.event_time // (DAY // 24)) == 39 * 24 + part))
    for name in ("size", "plan"):
        column = window.columns[name]
        hidden = np.arange(window.rows) % 2 == 0
        if isinstance(column, Labels):
            window = window.with_column(name, Labels(np.where(hidden, -1, column.codes), column.labels))
        elif isinstance(column, Numbers):
            window = window.with_column(name, Numbers(np.where(hidden, np.nan, column.values)))
    found = measured(made, window)
    for name in ("size", "plan"):
        assert (found["block_test", name].value or 0.0) > 0.05, found["block_test", name]
