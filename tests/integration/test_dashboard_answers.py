"""What the panels of a dashboard answer is what was measured."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.core.measurement import Aspect, Measurement, Series
from service.core.story.newest import newest_window
from service.core.windows.records import WindowRecord
from service.store import queries
from service.store.postgres import PostgresStore
from service.store.tables import story
from tests import filled_store
from tests.integration.filled_pages import ALL, SECOND, expanded, one_cycle, panel_sql, time_range
from tests.unit.grafana.dashboards import FILES, load

if TYPE_CHECKING:
    pass

AXES = ("computed_at", "window_end")
each_axis = pytest.mark.parametrize("axis", AXES)


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
    sql = panel_sql("monitor", "Drift of each column")
    (row,) = await reader.fetch(expanded(sql, "computed_at", column=ALL["column"]))
    assert row["value"] == pytest.approx(0.5)
    assert await reader.fetchval("SELECT breached FROM tidegauge.metrics WHERE metric = 'psi'")


@each_axis
async def test_lanes_of_all_monitors_have_the_same_times(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """Monitors measured at different moments give lanes without a hole, each point with a state."""
    await filled_store.fill(pool, monitors=2, sparse=5, dense=40)
    for stem, title in (
        ("overview", "State over time"),
        ("monitor", "State of each aspect"),
        ("monitor", "Drifted columns"),
    ):
        rows = await reader.fetch(expanded(panel_sql(stem, title), axis, column=ALL["column"]))
        lanes = {row["metric"]: [r["time"] for r in rows if r["metric"] == row["metric"]] for row in rows}
        assert len(lanes) > 1
        first, *others = lanes.values()
        assert all(times == first for times in others)
        assert {row["value"] for row in rows} <= {-1.0, 0.0, 1.0, 2.0}


async def test_a_dead_monitor_s_lane_turns_grey(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """Three times its usual gap after a monitor's last window, and not before, its lane has no window."""
    await filled_store.fill(pool, monitors=1, sparse=0, dense=40)
    times = await reader.fetchrow(
        "SELECT min(computed_at) AS first, max(computed_at) AS last FROM tidegauge.window_run"
    )
    lanes = await reader.fetch(
        'SELECT "time", run_id FROM tidegauge.chart_lanes($1, $2, $3, $4, 600) ORDER BY 1',
        "flights", "computed_at", times["last"] - timedelta(minutes=5), times["last"] + timedelta(minutes=5),
    )  # fmt: skip
    after = [row for row in lanes if row["time"] > times["last"]]
    silent = [row["time"] for row in after if row["run_id"] is None]
    assert silent == [row["time"] for row in after if row["time"] >= silent[0]]
    assert timedelta(seconds=29) < silent[0] - times["last"] < timedelta(seconds=32)


async def test_a_lane_begins_with_the_window_before_the_range(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A monitor that measures seldom has a state from the left edge on, also with a single window."""
    await one_cycle(pool)
    last = await reader.fetchval("SELECT max(computed_at) FROM tidegauge.window_run")
    assert await reader.fetchval("SELECT tidegauge.window_gap('flights', 'computed_at', now())") is None
    lanes = await reader.fetch(
        "SELECT run_id FROM tidegauge.chart_lanes($1, $2, $3, $4, 60)",
        "flights", "computed_at", last + timedelta(hours=1), last + timedelta(hours=2),
    )  # fmt: skip
    assert len(lanes) == 61
    assert None not in {row["run_id"] for row in lanes}


async def test_since_when_follows_the_time_axis(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """On the event axis an alarm began at its window's end, on the live axis when it was recorded."""
    measured = await one_cycle(pool)
    recorded = await reader.fetchval("SELECT min(recorded_at) FROM tidegauge.event WHERE kind = 'breach'")
    for axis, at in (("window_end", measured.end / 1_000), ("computed_at", recorded.timestamp() * 1_000)):
        for stem, title in (("monitor", "State"), ("overview", "Every monitor")):
            (row,) = await reader.fetch(expanded(panel_sql(stem, title), axis))
            assert row["since"] == pytest.approx(at, abs=1.0)


async def test_performance_comes_first_among_the_reasons(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """However far columns have drifted, the error that is beyond its threshold is the first row."""
    await one_cycle(pool)
    rows = await reader.fetch(
        expanded(panel_sql("monitor", "Why: beyond the threshold in the newest window"), "computed_at")
    )
    assert (rows[0]["aspect"], rows[0]["measure"]) == ("performance", "mae")
    assert max(row["severity"] for row in rows) > rows[0]["severity"]


async def test_the_first_panel_is_the_story(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """On the overview and on the monitor's page it has the text of the service, else says what to do."""
    for stem, title in (("overview", "How each monitor is, and why"), ("monitor", "How it is, and why")):
        (first, *_) = load(next(path for path in FILES if path.stem == stem))["panels"]
        assert first["title"] == title
        (row,) = await reader.fetch(expanded(panel_sql(stem, title), "computed_at"))
        assert row["story"].startswith("No monitor has run a cycle yet.")
    await one_cycle(pool)
    (told,) = await story.read_all(pool)
    for stem, title in (("overview", "How each monitor is, and why"), ("monitor", "How it is, and why")):
        (row,) = await reader.fetch(expanded(panel_sql(stem, title), "computed_at"))
        assert (row["state"], row["story"]) == (told.state, told.story)


async def test_the_reasons_are_in_the_order_of_the_page(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """The table of reasons sorts in SQL as the page does by `core/story/order.py`."""
    await one_cycle(pool)
    latest = await queries.latest_window(pool, "flights")
    ordered = [
        (each.aspect, each.column_name or "", each.value)
        for each in newest_window(latest).measurements
        if each.decides
    ]
    rows = await reader.fetch(
        expanded(panel_sql("monitor", "Why: beyond the threshold in the newest window"), "computed_at")
    )
    shown = [(row["aspect"], row["column"], row["value"]) for row in rows]
    assert [each for each in shown if each in ordered] == ordered
    assert len(ordered) > 1


async def test_rows_of_a_segment_are_not_those_of_the_window(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A window measured by segment too shows the rows of the whole, once."""
    whole, part = (Series(Aspect.QUALITY, "rows", segment=name, unit="rows") for name in ("", "origin=EWR"))
    measurements = (Measurement(part, 2_264.0, 2_264), Measurement(whole, 6_064.0, 6_064))
    window = WindowRecord(0, 0, 0, 1, 1, 6_064, measurements)
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 1, window, now=now)
    rows = await reader.fetch(expanded(panel_sql("monitor", "Rows in the window"), "computed_at"))
    assert [row["rows"] for row in rows] == [6_064.0]


async def test_rows_that_wait_for_their_labels_are_not_labelled(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """What is known of all rows before their labels come, such as the expected error, counts no labels."""

    def of(metric: str, value: float, rows: int) -> Measurement:
        return Measurement(Series(Aspect.PERFORMANCE, metric), value, rows)

    known = (of("mae", 9.0, 118), of("pending_rows", 282.0, 400), of("estimated_mae", 8.0, 400))
    window = WindowRecord(0, 0, 0, 1, 1, 400, (*known, of("positive_rate", 0.4, 400)))
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 1, window, now=now)
    (row,) = await reader.fetch(expanded(panel_sql("monitor", "Labels"), "computed_at"))
    assert (row["waiting"], row["labelled"]) == (282.0, 118.0)


async def test_the_last_cycle_is_overdue_as_the_alert_says(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """By the monitors' own cycle times, not by a fixed one; where every source has ended, none is due."""
    await one_cycle(pool)
    sql = panel_sql("health", "Last cycle")
    (row,) = await reader.fetch(expanded(sql, "computed_at"))
    assert row["metric"] == "on time"
    await pool.execute("UPDATE tidegauge.cycle_log SET finished_at = finished_at - interval '1 hour'")
    (row,) = await reader.fetch(expanded(sql, "computed_at"))
    assert row["metric"] == "overdue"
    assert row["value"] == pytest.approx(3_610, abs=60)


async def test_a_chart_of_cycles_reads_some_of_each_span(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """Of each span the last hundred, with the time since the cycle before, also where that is of another."""
    await pool.execute(
        """INSERT INTO tidegauge.cycle_log
            (monitor, slot, started_at, finished_at, outcome, rows, duration_ms, backlog_rows)
        SELECT 'flights', g, g, g, CASE WHEN n % 7 = 0 THEN 'skipped' ELSE 'measured' END, n, n, n
        FROM generate_series(0, 1399) n,
            LATERAL (SELECT timestamptz '2026-01-01Z' + n * interval '1 s' AS g) at"""
    )
    start = datetime(2026, 1, 1, tzinfo=UTC)

    async def cycles(spans: int) -> list[asyncpg.Record]:
        asked = "SELECT * FROM tidegauge.chart_cycles('flights', $1, $2, $3) ORDER BY finished_at"
        found: list[asyncpg.Record] = await reader.fetch(
            asked, start, start + timedelta(seconds=1_400), spans
        )
        return found

    every = await cycles(40)
    assert [row["rows"] for row in every] == [n for n in range(1_400) if n % 7]
    gaps = [2.0 if n % 7 == 1 else 1.0 for n in range(2, 1_400) if n % 7]
    assert [row["seconds"] for row in every[1:]] == gaps
    some = await cycles(4)
    in_span = [sum(row["rows"] // 350 == span for row in some) for span in range(4)]
    assert in_span == [100, 100, 100, 100]
    assert some[0]["seconds"] in (1.0, 2.0)
    assert some[-1]["rows"] == 1_399


async def test_replicas_show_what_they_measure(pool: asyncpg.Pool, reader: asyncpg.Connection) -> None:
    """Each process of the service with its monitors, and first the monitors that no replica measures."""
    await one_cycle(pool)
    await pool.execute(
        "INSERT INTO tidegauge.replica (id, name, address, machine, started_at, expires_at) VALUES "
        "('a', 'one:1', 'http://one', '', now(), now() + interval '1 hour'), "
        "('b', 'two:2', 'http://two', '', now(), now() - interval '1 hour')"
    )
    await pool.execute(
        "INSERT INTO tidegauge.lease (monitor, holder, fence, file_hash, taken_at) "
        "VALUES ('flights', 'b', 1, 'x', now())"
    )
    rows = await reader.fetch(expanded(panel_sql("health", "Replicas"), "computed_at"))
    assert [(row["replica"], row["state"], row["monitors"]) for row in rows] == [
        ("one:1", "alive", 0.0),
        ("two:2", "gone", 1.0),
    ]
    (row,) = await reader.fetch(
        expanded(panel_sql("health", "Which replica measures which monitor"), "computed_at")
    )
    assert (row["monitor"], row["replica"], row["note"]) == ("flights", None, "No replica measures it now.")


@each_axis
async def test_late_rows_show_once_with_their_latest_revision(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """A window that was measured again is one point, the later one, in lines and in heatmaps."""
    await one_cycle(pool)
    again = filled_store.measured(filled_store.rows(1_800, 4), 0, filled_store.known())
    now = int(datetime.now(UTC).timestamp()) * SECOND
    await filled_store.commit(PostgresStore(pool), "flights", 2, again, now=now)
    rows = await reader.fetch(expanded(panel_sql("monitor", "Rows in the window"), axis))
    assert [row["rows"] for row in rows] == [1_800.0]
    cells = await reader.fetch(expanded(panel_sql("column", "Distribution over time"), axis))
    assert len({row["time"] for row in cells}) == 1
    assert sum(row["value"] for row in cells) == pytest.approx(1.0)


@each_axis
async def test_charts_show_the_last_window_of_each_point(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """A chart has as many windows as points at the most, the newest of each span, and loses no end."""
    await filled_store.fill(pool, monitors=1, sparse=0, dense=300)
    since, until = time_range(axis)
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
    await one_cycle(pool)
    sql = panel_sql("column", "Difference from the reference")
    rows = await reader.fetch(expanded(sql, "computed_at", column="distance"))
    names = sorted({row["metric"] for row in rows})
    bins = await reader.fetchval("SELECT label FROM tidegauge.column_bins WHERE column_name = 'distance'")
    labels = [name.split(" · ", 1)[1] for name in names]
    own, further = bins[:-2], labels[len(bins) - 2 : -2]
    assert labels == [*own, *further, f"{further[-1].split()[-1]} and above", bins[-1]]
    assert [float(label.split()[0]) for label in further] == [100.0 + 5 * n for n in range(len(further))]
    assert sum(row["value"] for row in rows) == pytest.approx(0.0, abs=1e-12)


async def test_the_chosen_columns_and_segments_are_shown_alone(
    pool: asyncpg.Pool, reader: asyncpg.Connection
) -> None:
    """A choice of columns leaves the others out, one with a quote in its name among them."""
    await one_cycle(pool)
    sql = panel_sql("monitor", "Drift of each column")
    for chosen in (("o'hare",), ("distance", "o'hare"), ("nothing",)):
        rows = await reader.fetch(expanded(sql, "computed_at", column=chosen))
        assert {row["metric"] for row in rows} == set(chosen) - {"nothing"}


@each_axis
async def test_pages_say_what_the_view_says(
    pool: asyncpg.Pool, reader: asyncpg.Connection, axis: str
) -> None:
    """The performance at the top is the view's, and the parts of the error's change add up to it."""
    await one_cycle(pool)
    rows = await reader.fetch(expanded(panel_sql("monitor", "Performance: ${performance}"), axis))
    told = await reader.fetchrow(
        "SELECT value, threshold, reference FROM tidegauge.metrics WHERE metric = 'mae'"
    )
    assert {row["metric"]: row["value"] for row in rows} == {
        "beyond threshold": told["value"],
        "threshold": told["threshold"],
        "reference": told["reference"],
    }
    (row,) = await reader.fetch(expanded(panel_sql("decline", "The change of the error and its parts"), axis))
    assert row["data"] + row["concept"] + row["unseen"] == pytest.approx(row["change"])
