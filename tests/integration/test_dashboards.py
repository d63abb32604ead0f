"""Every piece of SQL in the dashboards runs on the migrated database, as the role that Grafana has."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.record import Checkpoint, CycleRecord, Event, WindowRecord
from service.store.postgres import PostgresStore
from tests.unit.grafana.dashboards import FILES, all_sql, load, panel_queries
from tests.unit.grafana.macros import expand, interpolate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.grafana.macros import Value

MONITOR = "flights"
DAY = 86_400_000_000  # microseconds
FEBRUARY = 15_737 * DAY  # 2013-02-01, in microseconds since 1970
AXES = ("computed_at", "window_end")
# Cycles have no event time: under event time these have rows only where the range covers the wall clock.
WALL_CLOCK = {"Rows a cycle, A", "Cycle time, A"}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_axis = pytest.mark.parametrize("axis", AXES)


def _drift(column: str, value: float, definition: str = "evidently", metric: str = "psi") -> Measurement:
    series = Series(Aspect.DRIFT, metric, column, definition=definition)
    return Measurement(series, value, 900, threshold=0.1, breached=value >= 0.1)


def _window(day: int, drift: float, mae: float) -> WindowRecord:
    whole = Series(Aspect.DRIFT, "drift_share", unit="share")
    count = Series(Aspect.DRIFT, "drifted_columns", unit="columns")
    rows = Series(Aspect.QUALITY, "rows", unit="rows", worse=Worse.BOTH)
    error = Series(Aspect.PERFORMANCE, "mae")
    late = Series(Aspect.PERFORMANCE, "rmse")
    share = 0.5 if drift >= 0.1 else 0.0
    return WindowRecord(
        first=day,
        last=day + 6,
        start=FEBRUARY + day * DAY,
        end=FEBRUARY + (day + 7) * DAY,
        panes=7,
        rows=900,
        measurements=(
            _drift("distance", drift),
            _drift("distance", 0.01, metric="hellinger"),
            _drift("o'hare", 0.01),
            _drift("distance", 0.02, "robust"),
            Measurement(whole, share, 900, threshold=0.5, breached=share >= 0.5),
            Measurement(count, 2 * share, 900),
            Measurement(rows, 900.0, 900, reference=8_000.0),
            Measurement(error, mae, 880, reference=7.5),
            Measurement(late, None, 0, reason="no labels yet"),
        ),
    )


async def _commit(store: PostgresStore, cycle: int, *windows: WindowRecord, now: int, **more: Any) -> None:
    record = CycleRecord(
        monitor=MONITOR,
        layout="v1",
        after=Checkpoint(cycle=cycle, rows=900 * cycle),
        slot=now,
        started=now,
        rows=130,
        windows=windows,
        **more,
    )
    assert await store.commit(record)


async def _fill(pool: asyncpg.Pool) -> None:
    """Measure three windows of February 2013, the first of them twice, as the service would have."""
    store = PostgresStore(pool)
    now = int(datetime.now(UTC).timestamp()) * 1_000_000 - 60_000_000
    breach = Event("breach", FEBRUARY + 9 * DAY, "distance drifted", "distance", "psi")
    await _commit(store, 1, _window(0, 0.03, 8.0), now=now)
    await _commit(store, 2, _window(0, 0.04, 8.25), _window(1, 0.05, 8.5), now=now + 1_000_000, rejected=3)
    await _commit(store, 3, _window(2, 0.35, 17.0), now=now + 2_000_000, events=(breach,))
    await store.record_failed(MONITOR, now + 3_000_000, now + 3_000_000, "the file is gone", seconds=0.5)
    await store.record_skipped(MONITOR, now + 4_000_000, 2)


def _range(axis: str) -> tuple[datetime, datetime]:
    if axis == "window_end":
        return datetime(2013, 1, 1, tzinfo=UTC), datetime(2014, 1, 1, tzinfo=UTC)
    now = datetime.now(UTC)
    return now - timedelta(minutes=15), now + timedelta(minutes=1)


def _expanded(sql: str, axis: str, column: Value = "column_name") -> str:
    values = {"monitor": MONITOR, "axis": axis, "definition": "evidently", "column": column}
    return expand(interpolate(sql, values), *_range(axis))


async def _ask(
    reader: asyncpg.Connection, sql: str, axis: str, column: Value = "column_name"
) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await reader.fetch(_expanded(sql, axis, column))
    return rows


@each_file
@each_axis
async def test_every_query_runs_on_an_empty_store(reader: asyncpg.Connection, path: Path, axis: str) -> None:
    """Before anything was measured, no panel, variable or annotation shows an error."""
    for name, sql in all_sql(load(path)).items():
        rows = await _ask(reader, sql, axis)
        assert [row for row in rows if any(value is not None for value in row.values())] == [], name


@each_file
@each_axis
async def test_every_query_finds_what_was_measured(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path, axis: str
) -> None:
    """Each panel, variable and annotation has rows, on both time axes."""
    await _fill(pool)
    found = {name: await _ask(reader, sql, axis) for name, sql in all_sql(load(path)).items()}
    empty = {name for name, rows in found.items() if not rows}
    assert empty == (WALL_CLOCK if axis == "window_end" else set())


@each_file
@each_axis
async def test_time_series_have_the_form_that_grafana_wants(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path, axis: str
) -> None:
    """A zoned `time` in ascending order, numbers, and at most one text: the `metric` that names the line."""
    await _fill(pool)
    for name, target in panel_queries(load(path)):
        if target["format"] != "time_series":
            continue
        statement = await reader.prepare(_expanded(target["rawSql"], axis))
        types = {a.name: a.type.name for a in statement.get_attributes()}
        rows = await statement.fetch()
        assert types.pop("time") == "timestamptz", name
        assert types.pop("metric", "text") == "text", name
        assert set(types.values()) == {"float8"}, name
        times = [row["time"] for row in rows]
        assert times == sorted(times), name


def _panel(title: str) -> str:
    (path,) = (path for path in FILES if path.stem == "monitor")
    return all_sql(load(path))[f"{title}, A"]


@each_axis
async def test_stats_show_the_newest_window(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """The figures at the top are the newest window's, with the reference or threshold beside them."""
    await _fill(pool)
    shown = {
        title: tuple((await _ask(reader, _panel(title), axis))[0].values())
        for title in ("Verdict", "Drift share (now)", "Drifted columns", "MAE (now)", "Rows in the window")
    }
    assert shown == {
        "Verdict": (2,),
        "Drift share (now)": (0.5, 0.5),
        "Drifted columns": (1.0,),
        "MAE (now)": (17.0, 7.5),
        "Rows in the window": (900.0,),
    }


async def test_verdict_is_open_where_nothing_could_be_judged(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A window with reasons in place of numbers is not called as validated."""
    series = Series(Aspect.DRIFT, "psi", "distance", definition="evidently")
    gap = Measurement(series, None, 3, reason="3 rows, fewer than 100", threshold=0.1)
    rows = Measurement(Series(Aspect.QUALITY, "rows"), 3.0, 3)
    window = WindowRecord(0, 6, FEBRUARY, FEBRUARY + 7 * DAY, 7, 3, (gap, rows))
    await _commit(PostgresStore(pool), 1, window, now=FEBRUARY)
    assert [tuple(row.values()) for row in await _ask(reader, _panel("Verdict"), "computed_at")] == [(None,)]


@each_axis
async def test_late_rows_show_once_with_their_latest_revision(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """A window that was measured again is one point, the later one."""
    await _fill(pool)
    rows = await _ask(reader, _panel("MAE against the reference"), axis)
    assert [row["MAE"] for row in rows] == [8.25, 8.5, 17.0]
    assert {row["reference"] for row in rows} == {7.5}


@each_axis
async def test_severity_is_of_the_chosen_definition_and_columns(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """The drift panels show one definition's worst severity of each column, of all or of the chosen ones."""
    await _fill(pool)
    everything = await _ask(reader, _panel("Drift per column"), axis)
    assert {row["metric"] for row in everything} == {"distance", "o'hare"}
    assert max(row["value"] for row in everything) == pytest.approx(3.5)
    chosen = await _ask(reader, _panel("Severity per column"), axis, ("o'hare", "carrier"))
    assert {row["metric"] for row in chosen} == {"o'hare"}


@each_axis
async def test_tables_name_what_is_breached_and_what_is_missing(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """The tables list the newest window's breaches, the worst first, and the reason of every gap."""
    await _fill(pool)
    breached = await _ask(reader, _panel("Breached in the newest window"), axis)
    assert [(row["metric"], row["column"]) for row in breached] == [("psi", "distance"), ("drift_share", "")]
    gaps = await _ask(reader, _panel("Numbers that are missing, and why"), axis)
    assert {(row["metric"], row["reason"]) for row in gaps} == {("rmse", "no labels yet")}
    assert len(gaps) == 3


async def test_trouble_is_counted(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """Failed and skipped cycles and refused rows of the range are added up."""
    await _fill(pool)
    (row,) = await _ask(reader, _panel("Trouble in the range"), "computed_at")
    assert dict(row) == {"failed": 1.0, "skipped": 2.0, "rejected": 3.0}
