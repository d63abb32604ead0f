"""What each definition says of windows that lack some hours or days: measured on the flights of 2013.

`python -m tests.benchmarks.season_page` writes docs/benchmarks/season.md. `table_of_windows` is the table
for other pages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from service.config.time_zone import zone_of
from service.core.profile import profile
from service.core.reference import reference as references
from service.core.reference.reference import Reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.season.season import AutoSeason, Season, SeasonKind
from service.methods.drift.columns import DriftPlan, measure_drift
from service.sources.tables.from_pandas import to_batch
from simulator.datasets import read_flights

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "season.md"
NEW_YORK = zone_of("America/New_York")
SCHEMA = Schema(
    (
        Column("hour", Kind.NUMERICAL),
        Column("distance", Kind.NUMERICAL),
        Column("dep_delay", Kind.NUMERICAL),
        Column("carrier", Kind.CATEGORICAL),
    )
)
SINCE, UNTIL = "2013-01-07", "2013-04-01"  # twelve whole weeks
SEASONS = (SeasonKind.WEEKEND, SeasonKind.HOUR, SeasonKind.HOUR_WEEKEND)
DISTANCES = {Kind.NUMERICAL: "wasserstein", Kind.CATEGORICAL: "jensenshannon"}
CHOSEN = {(column.name, DISTANCES[column.kind]) for column in SCHEMA.columns}
SHIFT = 0.2  # of the reference's standard deviation


@dataclass(frozen=True, slots=True)
class Case:
    """A window: its local days, the hours that it has, and by how much its delays are moved."""

    name: str
    days: tuple[str, str]
    hours: tuple[int, int] = (0, 24)
    weekdays: tuple[int, ...] = tuple(range(7))
    moved: float = 0.0


CASES = (
    Case("a whole week", ("2013-04-08", "2013-04-15")),
    Case("a week without its weekend", ("2013-04-08", "2013-04-13")),
    Case("a weekend alone", ("2013-04-13", "2013-04-15")),
    Case("a week without its evenings (17:00 on)", ("2013-04-08", "2013-04-15"), hours=(0, 17)),
    Case("a public holiday (Thursday, 4 July)", ("2013-07-04", "2013-07-05")),
    Case("a week without its weekend, delays moved 0.2 sd", ("2013-04-08", "2013-04-13"), moved=SHIFT),
)


@cache
def flights() -> pd.DataFrame:
    """Return the year's flights by scheduled departure, with their local day and hour."""
    frame = read_flights()
    local = frame["scheduled_departure"].dt.tz_convert("America/New_York")
    return frame.assign(day=local.dt.strftime("%Y-%m-%d"), clock=local.dt.hour, weekday_=local.dt.weekday)


def batch_of(frame: pd.DataFrame) -> Batch:
    """Return flights, typed."""
    asked = frame[["scheduled_departure", *SCHEMA.names]].reset_index(drop=True)
    return to_batch(asked, SCHEMA, "scheduled_departure").batch


@cache
def reference(kind: SeasonKind | None) -> Reference:
    """Return twelve weeks of winter by a season; None lets them choose it."""
    frame = flights()
    rows = batch_of(frame[(frame["day"] >= SINCE) & (frame["day"] < UNTIL)])
    return references.of(
        rows, SCHEMA, season=AutoSeason(NEW_YORK) if kind is None else Season(kind, NEW_YORK)
    )


def window(case: Case) -> Batch:
    """Return a case's rows."""
    frame = flights()
    inside = (frame["day"] >= case.days[0]) & (frame["day"] < case.days[1])
    inside &= frame["clock"].between(case.hours[0], case.hours[1] - 1) & frame["weekday_"].isin(case.weekdays)
    rows = batch_of(frame[inside])
    column = rows.columns["dep_delay"]
    assert isinstance(column, Numbers)
    moved = column.values + case.moved * float(flights()["dep_delay"].std())  # noqa: PD011 - a typed column
    return rows.with_column("dep_delay", Numbers(moved))


def values(case: Case, kind: SeasonKind) -> dict[tuple[str, str], float]:
    """Measure a case: the distance by column and definition."""
    made = reference(kind)
    current = profile.of(window(case).numbered(0), SCHEMA, made.spec)
    names = [f"{name}:{definition}" for name in DISTANCES.values() for definition in ("robust", "season")]
    measured = measure_drift(
        made.profile, current, SCHEMA, DriftPlan(methods=tuple(names)), seasonal=made.seasonal
    )
    return {
        (m.series.column, m.series.definition): m.value
        for m in measured
        if m.value is not None and (m.series.column, m.series.metric) in CHOSEN
    }


def table_of_windows() -> str:
    """Return each case's distance of each column as a table: from the whole reference, and by season."""
    lines = []
    for case in CASES:
        found = {kind: values(case, kind) for kind in SEASONS}
        for column in SCHEMA.names:
            plain = found[SEASONS[0]][column, "robust"]
            matched = [f"{found[kind][column, 'season']:.3f}" for kind in SEASONS]
            lines.append([case.name, column, f"{plain:.3f}", *matched])
    head = ["window", "column", "robust", *(f"season: {kind}" for kind in SEASONS)]
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in rows) + "\n"


def page() -> str:
    """Return the page."""
    choice = reference(None).choice
    assert choice is not None
    rows = reference(SeasonKind.HOUR).profile.rows
    return f"""\
# What each definition says of a window without some hours or days

Made by `python -m tests.benchmarks.season_page`. The reference is {rows:,} flights from New York, {SINCE}
up to {UNTIL} (twelve whole weeks); windows are cut from later weeks. The values are Wasserstein distances in
the reference's standard deviations (of the carrier: Jensen-Shannon distances): from the whole reference
(`robust`), and from the reference of the same cells, by three seasons (`wasserstein:season`,
`jensenshannon:season`). Each line is one window and has no chance interval of its own; the first case says
what whole weeks differ by.

{table_of_windows()}
> {choice.note}

A distance that a season takes away came from the window's hours or days; what is left is a difference between
flights of the same hours and days. Matched by hour, the hour itself can never drift: its distribution is the
window's own, and that the evenings are missing is for the row count to say. A match can also show what the
mix hid: a week without its evenings has the delays of the whole reference by chance (0.025), and not those of
its own hours. No season knows a public holiday: 4 July is compared with Mondays to Fridays. Delays that were
moved are found by every definition.
"""


if __name__ == "__main__":
    PAGE.write_text(page())
