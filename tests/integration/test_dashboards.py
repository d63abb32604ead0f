"""Every piece of SQL in the dashboards and alert rules runs on the migrated database, as Grafana's role."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.core.event import Event
from service.core.measurement import Aspect, Measurement, Series
from service.core.time_units import EPOCH, to_microseconds
from service.core.windows.records import WindowRecord
from service.store.postgres import PostgresStore
from tests import filled_store
from tests.unit.grafana.dashboards import FILES, all_sql, load, panel_queries, rule_queries, rules
from tests.unit.grafana.macros import Bare, expand, interpolate

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.grafana.macros import Value

SECOND = filled_store.SECOND
AXES = ("computed_at", "window_end")
# Grafana's choices: the first of each variable, and where there are several, also All.
CHOICES: dict[str, Value] = {
    "monitor": "flights",
    "column": "o'hare",
    "segment": "(all rows)",
    "performance": "mae",
    "measure": "jensenshannon evidently",
}
ALL = {"column": Bare("column_name"), "monitor": Bare("monitor")}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_axis = pytest.mark.parametrize("axis", AXES)
each_rule = pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["uid"])


def _range(axis: str) -> tuple[datetime, datetime]:
    if axis == "window_end":
        return EPOCH, datetime(2200, 1, 1, tzinfo=UTC)
    now = datetime.now(UTC)
    return now - timedelta(minutes=30), now + timedelta(minutes=1)


def _expanded(sql: str, axis: str, **choices: Value) -> str:
    return expand(interpolate(sql, CHOICES | choices | {"axis": axis}), *_range(axis))


def _choices(path: Path) -> list[dict[str, Value]]:
    several = [v["name"] for v in load(path)["templating"]["list"] if v.get("includeAll")]
    return [{}, {name: ALL[name] for name in several}] if several else [{}]


async def _answers(
    reader: asyncpg.Connection, path: Path, axis: str, **choices: Value
) -> dict[str, list[asyncpg.Record]]:
    return {
        name: await reader.fetch(_expanded(sql, axis, **choices)) for name, sql in all_sql(load(path)).items()
    }


def _panel(stem: str, title: str) -> str:
    (path,) = (path for path in FILES if path.stem == stem)
    return all_sql(load(path))[f"{title}, A"]


async def _one_cycle(pool: asyncpg.Pool, shift: float = 1.5, **more: object) -> WindowRecord:
    """Measure one window of the monitor `flights` a moment ago; by default all of it has moved."""
    measured = filled_store.measured(filled_store.rows(900, 3, shift), 0, filled_store.known())
    now = int(datetime.now(UTC).timestamp() - 10) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 1, measured, now=now, **more)
    return measured


@each_file
@each_axis
async def test_every_query_runs_on_an_empty_store(reader: asyncpg.Connection, path: Path, axis: str) -> None:
    """Before anything was measured no panel, variable or annotation shows an error or a zero."""
    for choices in _choices(path):
        for name, rows in (await _answers(reader, path, axis, **choices)).items():
            assert [row for row in rows if any(value is not None for value in row.values())] == [], name


@each_file
async def test_every_query_runs_where_nothing_is_chosen(reader: asyncpg.Connection, path: Path) -> None:
    """A variable without choices is empty text: no panel shows an error for that."""
    await _answers(reader, path, "computed_at", **dict.fromkeys(CHOICES, ""))


@each_file
@each_axis
async def test_every_query_runs_after_one_cycle(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path, axis: str
) -> None:
    """One window is enough for every panel that has something to show of it."""
    await _one_cycle(pool)
    for choices in _choices(path):
        found = await _answers(reader, path, axis, **choices)
        assert {name for name, rows in found.items() if not rows} <= QUIET[path.stem]


# What there is nothing to show of in a store where all went well and the last window was over its thresholds.
OTHERS = {"annotation Recoveries", "annotation Other events"}
QUIET = {
    "overview": OTHERS,
    "monitor": OTHERS | {"Numbers that are missing, and why, A", "Cycle time, A", "Strange values, A"},
    # A column of labels has no range.
    "column": OTHERS | {"Out of range, infinite, unreadable, A"},
    "decline": OTHERS,
    "health": OTHERS
    | {"Cycles that failed, A", "Rows that were refused, A", "Database, A"}
    | {"Cycle time, A", "Rows a second, A", "Lag, A", "Skipped and failed cycles, A"},
    "dummy": OTHERS | {"Newest row, A", "The random numbers, A", "The random labels, A"},
}


@each_axis
async def test_every_query_finds_what_was_measured(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """In a full store every query has rows on both time axes; those of lines have the form of lines."""
    await filled_store.fill(pool, monitors=2, sparse=5, dense=40)
    for path in FILES:
        found = await _answers(reader, path, axis)
        assert {name for name, rows in found.items() if not rows} <= QUIET[path.stem]
        for name, target in panel_queries(load(path)):
            if target["format"] == "time_series":
                await _is_time_series(reader, _expanded(target["rawSql"], axis), f"{path.stem}: {name}")


async def _is_time_series(reader: asyncpg.Connection, sql: str, name: str) -> None:
    """Check for a zoned `time` in ascending order, numbers, and at most one text that names the line."""
    statement = await reader.prepare(sql)
    types = {a.name: a.type.name for a in statement.get_attributes()}
    rows = await statement.fetch()
    assert types.pop("time") == "timestamptz", name
    texts = [column for column, kind in types.items() if kind == "text"]
    assert texts in ([], ["metric"], ["monitor"]), name
    assert {kind for column, kind in types.items() if column not in texts} == {"float8"}, name
    times = [row["time"] for row in rows]
    assert times == sorted(times), name
    lines = [tuple(row[column] for column in ("time", *texts)) for row in rows]
    assert len(lines) == len(set(lines)), name


@each_file
async def test_a_query_that_numbers_are_read_from_gives_numbers(
    pool: asyncpg.Pool, reader: asyncpg.Connection, path: Path
) -> None:
    """No panel asks for a type that Grafana reads as text: numeric or interval."""
    await _one_cycle(pool)
    for name, sql in all_sql(load(path)).items():
        statement = await reader.prepare(_expanded(sql, "computed_at"))
        kinds = {attribute.type.name for attribute in statement.get_attributes()}
        assert kinds <= {"text", "float8", "int8", "timestamptz", "bool"}, name


@each_rule
async def test_a_rule_gives_one_number_by_its_labels(
    pool: asyncpg.Pool, reader: asyncpg.Connection, rule: dict[str, object]
) -> None:
    """Empty or full: exactly one number, the other columns text without NULL, alike in every query."""
    for full in (False, True):
        if full:
            await filled_store.fill(pool, monitors=2, sparse=5, dense=40)
        labels = set()
        for letter, sql in rule_queries(rule).items():
            statement = await reader.prepare(sql)
            kinds = [(a.name, a.type.name) for a in statement.get_attributes()]
            assert [kind for _, kind in kinds if kind != "text"] == ["float8"], letter
            rows = await statement.fetch()
            names = [name for name, kind in kinds if kind == "text"]
            assert all(row[name] is not None for row in rows for name in names)
            labels.add(tuple(sorted(tuple(row[name] for name in names) for row in rows)))
        assert len(labels) == 1


async def _alerts(reader: asyncpg.Connection, uid: str) -> list[tuple[object, ...]]:
    """Return the labels of the alerts that a rule would raise now, as Grafana's threshold says."""
    (rule,) = (rule for rule in rules() if rule["uid"] == uid)
    (limit,) = rule["data"][-1]["model"]["conditions"][0]["evaluator"]["params"]
    rows = await reader.fetch(rule_queries(rule)["A"])
    return [tuple(row.values())[:-1] for row in rows if tuple(row.values())[-1] > limit]


async def test_alerts_name_what_is_wrong(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A drifted column and a bad error raise an alert each, with the newest value, threshold and window."""
    measured = await _one_cycle(pool, rejected=7)
    drifted = await _alerts(reader, "tidegauge-aspect-breached")
    assert ("flights", "drift", "distance", "wasserstein evidently") in drifted
    assert await _alerts(reader, "tidegauge-performance") == [("flights", "performance", "", "mae")]
    assert await _alerts(reader, "tidegauge-rejected-rows") == [("flights",)]
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    assert await _alerts(reader, "tidegauge-service-down") == []
    (mae,) = (m for m in measured.measurements if m.series.metric == "mae")
    (row,) = await reader.fetch("SELECT * FROM tidegauge.alarms WHERE metric = 'mae'")
    assert (row["value"], row["threshold"]) == (mae.value, mae.threshold)
    assert to_microseconds(row["window_end"]) == measured.end


async def test_nothing_alerts_where_all_is_well(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A window like the reference raises no alert, and an ended alarm's alert is gone."""
    await _one_cycle(pool)
    to, now = filled_store.known(), int(datetime.now(UTC).timestamp()) * SECOND
    calm = filled_store.measured(filled_store.rows(4_000, 1), 1, to)
    await filled_store.commit(PostgresStore(pool), "flights", 2, calm, now=now)
    assert {rule["uid"]: await _alerts(reader, rule["uid"]) for rule in rules()} == {
        rule["uid"]: [] for rule in rules()
    }
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "fine"


async def _age(pool: asyncpg.Pool, by: timedelta) -> None:
    """Make every cycle and event older, as if nothing had happened since."""
    await pool.execute(
        "UPDATE tidegauge.cycle_log SET (started_at, finished_at) = "
        "(started_at - $1::interval, finished_at - $1::interval)",
        by,
    )
    await pool.execute("UPDATE tidegauge.event SET recorded_at = recorded_at - $1::interval", by)


async def test_a_monitor_without_cycles_is_silent(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """After three cycle times without a cycle the monitor is silent, and the service is down."""
    await _one_cycle(pool)
    await _age(pool, timedelta(hours=1))
    assert await _alerts(reader, "tidegauge-monitor-silent") == [("flights",)]
    assert await _alerts(reader, "tidegauge-service-down") == [()]
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "silent"


async def test_a_replay_that_ended_is_no_silence(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A source with nothing left is not waited for."""
    await _one_cycle(pool, events=(Event("ended", 0, "the source has nothing left"),))
    await _age(pool, timedelta(hours=1))
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    assert await _alerts(reader, "tidegauge-service-down") == []


async def test_a_failing_monitor_is_failing_at_once_and_silent_later(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A failed cycle shows at once; it alerts once three cycle times have passed without a good one."""
    await _one_cycle(pool)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "failing"
    assert await _alerts(reader, "tidegauge-monitor-silent") == []
    await _age(pool, timedelta(hours=1))
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    assert await _alerts(reader, "tidegauge-monitor-silent") == [("flights",)]


async def test_a_monitor_that_never_worked_is_silent(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """A monitor whose first cycle failed is there, failing, and alerts."""
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await PostgresStore(pool).record_failed("flights", now, now, "the file is gone", seconds=0.5)
    row = await reader.fetchrow("SELECT state, silent, since FROM tidegauge.monitors")
    assert tuple(row) == ("failing", True, None)


async def test_since_is_when_the_oldest_alarm_was_raised(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """The overview says since when a monitor is not fine: the oldest alarm still raised."""
    await _one_cycle(pool)
    row = await reader.fetchrow(
        "SELECT state, since, (SELECT min(recorded_at) FROM tidegauge.event) AS first FROM tidegauge.monitors"
    )
    assert (row["state"], row["since"]) == ("alarm", row["first"])
    assert await reader.fetchval("SELECT count(DISTINCT since) FROM tidegauge.alarms") == 1


async def test_a_second_opinion_is_no_state(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """What does not decide is kept as breached, and neither the state nor the drift of a column shows it."""
    second = Series(Aspect.DRIFT, "psi", "distance", definition="robust")
    first = Series(Aspect.DRIFT, "wasserstein", "distance", definition="evidently")
    measurements = (
        Measurement(first, 0.05, 900, threshold=0.1, breached=False),
        Measurement(second, 0.5, 900, threshold=0.1, breached=True, decides=False),
    )
    window = WindowRecord(0, 0, 0, 1, 1, 900, measurements)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 1, window, now=now)
    assert await reader.fetchval("SELECT state FROM tidegauge.monitors") == "fine"
    sql = _panel("monitor", "Drift of each column")
    (row,) = await reader.fetch(_expanded(sql, "computed_at", column=ALL["column"]))
    assert row["value"] == pytest.approx(0.5)
    assert await reader.fetchval("SELECT breached FROM tidegauge.metrics WHERE metric = 'psi'")


@each_axis
async def test_late_rows_show_once_with_their_latest_revision(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """A window that was measured again is one point, the later one, in lines and in heatmaps."""
    await _one_cycle(pool)
    again = filled_store.measured(filled_store.rows(1_800, 4), 0, filled_store.known())
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 2, again, now=now)
    rows = await reader.fetch(_expanded(_panel("monitor", "Rows in the window"), axis))
    assert [row["rows"] for row in rows] == [1_800.0]
    cells = await reader.fetch(_expanded(_panel("column", "Distribution over time"), axis))
    assert len({row["time"] for row in cells}) == 1
    assert sum(row["value"] for row in cells) == pytest.approx(1.0)


@each_axis
async def test_charts_show_the_last_window_of_each_point(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """A chart has as many windows as points at the most, the newest of each span, and loses no end."""
    await filled_store.fill(pool, monitors=1, sparse=0, dense=300)
    since, until = _range(axis)
    if axis == "window_end":
        since, until = datetime(2012, 12, 1, tzinfo=UTC), datetime(2013, 1, 1, tzinfo=UTC)
    column = f"{axis} >= $1 AND {axis} < $2"
    everything = await reader.fetch(
        f"SELECT {axis} AS at FROM tidegauge.window_run WHERE {column} ORDER BY 1", since, until
    )
    for points in (1, 7, 5_000):
        shown = await reader.fetch(
            'SELECT "time" FROM tidegauge.chart_windows($1, $2, $3, $4, $5) ORDER BY 1',
            "flights", axis, since, until, points,
        )  # fmt: skip
        assert len(shown) <= points + 1
        assert {row["time"] for row in shown} <= {row["at"] for row in everything}
        assert shown[-1]["time"] == everything[-1]["at"]
    assert len(shown) >= len(everything) - 1  # two were measured in one moment


async def test_heatmap_rows_stand_in_the_order_of_the_bins(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """Names sort as the bins do, because Grafana draws a heatmap's rows in the order of their names."""
    await _one_cycle(pool)
    sql = _panel("column", "Difference from the reference")
    rows = await reader.fetch(_expanded(sql, "computed_at", column="distance"))
    names = sorted({row["metric"] for row in rows})
    bins = await reader.fetchval("SELECT label FROM tidegauge.column_bins WHERE column_name = 'distance'")
    assert [name.split(" · ", 1)[1] for name in names] == bins
    assert sum(row["value"] for row in rows) == pytest.approx(0.0, abs=1e-12)


async def test_the_chosen_columns_and_segments_are_shown_alone(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A choice of columns leaves the others out, one with a quote in its name among them."""
    await _one_cycle(pool)
    sql = _panel("monitor", "Drift of each column")
    for chosen in (("o'hare",), ("distance", "o'hare"), ("nothing",)):
        rows = await reader.fetch(_expanded(sql, "computed_at", column=chosen))
        assert {row["metric"] for row in rows} == set(chosen) - {"nothing"}


@each_axis
async def test_pages_say_what_the_view_says(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """The performance at the top is the view's, and the parts of the error's change add up to it."""
    await _one_cycle(pool)
    (row,) = await reader.fetch(_expanded(_panel("monitor", "Performance"), axis))
    told = await reader.fetchrow("SELECT value, reference FROM tidegauge.metrics WHERE metric = 'mae'")
    assert tuple(row.values()) == tuple(told.values())
    (row,) = await reader.fetch(_expanded(_panel("decline", "The change of the error and its parts"), axis))
    assert row["data"] + row["concept"] + row["unseen"] == pytest.approx(row["change"])
