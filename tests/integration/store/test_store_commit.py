from __future__ import annotations

import asyncio
import math
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord, Outcome
from service.core.event import Event
from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.read_models import SeriesFilter
from service.core.rows.take import Reject
from service.core.time_units import to_microseconds
from service.core.windows.records import PaneRecord, WindowRecord
from service.errors import StoreError
from service.store import queries
from service.store.encoding import instant
from service.store.postgres import PostgresStore
from service.store.tables import sample

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = 86_400_000_000
START = 1_357_016_400_000_001  # 2013-01-01 05:00 UTC and one microsecond: no float could lose it unseen
LAYOUT = "schema:time"

WASSERSTEIN = Series(Aspect.DRIFT, "wasserstein", column="distance", definition="evidently")
MAE = Series(Aspect.PERFORMANCE, "mae", unit="minutes")


def measured(value: float | None, series: Series = WASSERSTEIN, **more: Any) -> Measurement:
    return Measurement(series, value, rows=100, **more)


def window(last: int, measurements: Sequence[Measurement], panes: int = 7) -> WindowRecord:
    start, end = START + (last - panes + 1) * DAY, START + (last + 1) * DAY
    return WindowRecord(last - panes + 1, last, start, end, panes, 700, tuple(measurements))


def record(cycle: int, **more: Any) -> CycleRecord:
    after = Checkpoint(
        cycle, {"row": cycle}, 100 * cycle, START, cycle, {"drift|size": "x.!"}, {"adwin": '{"row":0.10}'}
    )
    given: dict[str, Any] = {
        "monitor": "flights", "layout": LAYOUT, "after": after, "slot": START + cycle, "started": START,
        "rows": 100,
        "panes": (PaneRecord(cycle, START, START + DAY, 100, b"\x00\xff%d" % cycle),),
        "windows": (window(cycle, [measured(0.1), measured(8.5, MAE)]),),
    }  # fmt: skip
    return CycleRecord(**(given | more))


@pytest.fixture
def store(pool: asyncpg.Pool) -> PostgresStore:
    """Give a store on an empty migrated database."""
    return PostgresStore(pool)


async def measurements(
    pool: asyncpg.Pool, *, since: datetime | None = None, limit: int | None = None, **wanted: str
) -> list[dict[str, Any]]:
    """Read measurements back, each by the columns of the view."""
    found = await queries.measurements(pool, SeriesFilter(**wanted), since=since, limit=limit)
    return [asdict(row) for row in found]


async def counts(pool: asyncpg.Pool) -> dict[str, int]:
    tables = ("series", "window_run", "sample", "pane", "checkpoint", "cycle_log", "rejected_row", "event")
    return {name: await pool.fetchval(f"SELECT count(*) FROM tidegauge.{name}") for name in tables}


async def test_a_cycle_comes_back_as_it_was_written(store: PostgresStore, pool: asyncpg.Pool):
    """Checkpoint, panes and measurements are read back equal, instants to the microsecond."""
    wanted = record(1)
    assert await store.checkpoint("flights", LAYOUT) == Checkpoint()
    assert await store.commit(wanted)
    assert await store.checkpoint("flights", LAYOUT) == wanted.after
    assert await store.panes("flights", LAYOUT, None, None) == list(wanted.panes)
    drift, mae = await measurements(pool, monitor="flights", metric="wasserstein") + await measurements(
        pool, monitor="flights", metric="mae"
    )
    assert (drift["column_name"], drift["definition"], drift["value"], drift["rows"]) == (
        "distance", "evidently", 0.1, 100,
    )  # fmt: skip
    assert (mae["unit"], mae["value"], mae["revision"]) == ("minutes", 8.5, 1)
    assert to_microseconds(mae["window_start"]) == wanted.windows[0].start
    assert to_microseconds(mae["window_end"]) == wanted.windows[0].end


async def test_a_cycle_done_twice_changes_nothing(store: PostgresStore, pool: asyncpg.Pool):
    """The same cycle committed again is refused, by this store and by one that starts anew."""
    assert await store.commit(record(1))
    before = await counts(pool)
    assert not await store.commit(record(1))
    assert not await PostgresStore(pool).commit(record(1, rows=999))
    assert await counts(pool) == before
    assert (await store.checkpoint("flights", LAYOUT)).rows == 100


async def test_a_cycle_that_does_not_follow_is_refused(store: PostgresStore, pool: asyncpg.Pool):
    """A commit must follow the stored cycle by exactly one, and the first one must be number one."""
    assert not await store.commit(record(2))
    assert set((await counts(pool)).values()) == {0}
    assert await store.commit(record(1))
    assert not await store.commit(record(3))
    assert await store.commit(record(2))


@pytest.mark.parametrize("cycle", [1, 2])
async def test_of_concurrent_commits_one_wins(store: PostgresStore, pool: asyncpg.Pool, cycle: int):
    """Eight commits of the same cycle at once write it once, be it the first cycle or a later one."""
    for done in range(1, cycle):
        assert await store.commit(record(done))
    results = await asyncio.gather(*(PostgresStore(pool).commit(record(cycle)) for _ in range(8)))
    assert sorted(results) == [False] * 7 + [True]
    found = await counts(pool)
    assert (found["window_run"], found["sample"], found["cycle_log"]) == (cycle, 2 * cycle, cycle)


async def test_monitors_commit_side_by_side(store: PostgresStore, pool: asyncpg.Pool):
    """Ten monitors that commit at once, in a month without a partition, all succeed."""
    names = [f"monitor{number}" for number in range(10)]
    assert all(await asyncio.gather(*(store.commit(record(1, monitor=name)) for name in names)))
    assert (await counts(pool))["sample"] == 20


async def test_a_window_measured_again_gets_the_next_revision(store: PostgresStore, pool: asyncpg.Pool):
    """View metrics shows a window's latest revision, metrics_history all of them."""
    await store.commit(record(1, windows=(window(1, [measured(0.1)]), window(2, [measured(0.2)]))))
    await store.commit(record(2, windows=(window(1, [measured(0.3)]),)))
    await store.commit(record(3, windows=(window(1, [measured(0.4)]), window(3, [measured(0.5)]))))
    shown = (
        "SELECT value, revision FROM tidegauge.{} WHERE metric = 'wasserstein' ORDER BY window_end, revision"
    )
    assert [tuple(row) for row in await pool.fetch(shown.format("metrics"))] == [(0.4, 3), (0.2, 1), (0.5, 1)]
    assert [tuple(row) for row in await pool.fetch(shown.format("metrics_history"))] == [
        (0.1, 1), (0.3, 2), (0.4, 3), (0.2, 1), (0.5, 1),
    ]  # fmt: skip


async def test_nothing_stays_of_a_cycle_that_fails(store: PostgresStore, pool: asyncpg.Pool):
    """Where one row is refused, no table keeps anything of the cycle, and the next try succeeds."""
    twice = (window(1, [measured(0.1), measured(0.2)]),)
    with pytest.raises(StoreError, match=r"flights: write cycle 1: .*sample.*"):
        await store.commit(record(1, windows=twice))
    assert set((await counts(pool)).values()) == {0}
    assert await store.commit(record(1))
    assert (await counts(pool))["sample"] == 2


async def test_the_same_series_is_made_once(store: PostgresStore, pool: asyncpg.Pool):
    """Cycles and stores share a series, and a new description of it is taken over."""
    await store.commit(record(1))
    await PostgresStore(pool).commit(record(2))
    changed = replace(WASSERSTEIN, unit="minutes", worse=Worse.BOTH)
    await store.commit(record(3, windows=(window(3, [measured(0.1, changed)]),)))
    found = await pool.fetch("SELECT metric, unit, worse FROM tidegauge.series ORDER BY metric")
    assert [tuple(row) for row in found] == [("mae", "minutes", "higher"), ("wasserstein", "minutes", "both")]


async def test_a_store_survives_a_database_put_back(store: PostgresStore, pool: asyncpg.Pool):
    """Series that vanished under a running service are an error once, then made again."""
    await store.commit(record(1))
    await pool.execute("TRUNCATE tidegauge.series, tidegauge.sample, tidegauge.window_run CASCADE")
    with pytest.raises(StoreError, match="write cycle 2"):
        await store.commit(record(2))
    assert await store.commit(record(2))
    assert (await counts(pool))["sample"] == 2


async def test_panes_are_replaced_and_chosen_by_key_and_layout(store: PostgresStore):
    """A pane written again is replaced; a range has both ends, and other layouts stay apart."""
    panes = tuple(PaneRecord(key, START, START + DAY, 1, b"old") for key in range(-2, 3))
    await store.commit(record(1, panes=panes))
    late = PaneRecord(0, START, START + DAY, 2, b"new")
    await store.commit(record(2, panes=(late,)))
    assert [pane.key for pane in await store.panes("flights", LAYOUT, -1, 1)] == [-1, 0, 1]
    assert (await store.panes("flights", LAYOUT, 0, 0)) == [late]
    assert await store.panes("flights", "another", None, None) == []
    assert [pane.key for pane in await store.panes("flights", LAYOUT, None, -1)] == [-2, -1]


async def test_another_layout_keeps_the_position_but_no_closed_pane(store: PostgresStore):
    """After the columns changed the source goes on where it was, and no old pane counts as measured."""
    await store.commit(record(1))
    found = await store.checkpoint("flights", "another")
    assert found == replace(record(1).after, closed=None)


async def test_a_gap_keeps_its_reason(store: PostgresStore, pool: asyncpg.Pool):
    """A measurement without a value is a row with the reason, and every other number of it is kept."""
    missing = measured(
        None, reason="no labels yet", threshold=0.5, breached=None, reference=0.25, low=-1.0, high=1.0
    )
    await store.commit(record(1, windows=(window(1, [missing]),)))
    (row,) = await measurements(pool, metric="wasserstein")
    assert (row["value"], row["reason"], row["threshold"], row["breached"], row["severity"]) == (
        None, "no labels yet", 0.5, None, None,
    )  # fmt: skip
    assert (row["reference"], row["low"], row["high"]) == (0.25, -1.0, 1.0)


@pytest.mark.parametrize("most", [1, 3, 4, 1_000])
async def test_measurements_are_written_in_parts(
    store: PostgresStore, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch, most: int
):
    """However many go into a statement, the measurements of all windows are kept, each with its window."""
    monkeypatch.setattr(sample, "MAX_PER_STATEMENT", most)
    every = [window(last, [measured(last), measured(last + 0.5, MAE)]) for last in range(4)]
    assert await store.commit(record(1, windows=tuple(every)))
    found = await pool.fetch("SELECT value, window_end FROM tidegauge.metrics WHERE aspect <> 'health'")
    assert sorted((row["value"], to_microseconds(row["window_end"])) for row in found) == [
        (last + more, every[last].end) for last in range(4) for more in (0.0, 0.5)
    ]
    assert await pool.fetchval("SELECT measurements FROM tidegauge.cycle_log") == 8


async def test_numbers_beside_the_value_that_are_none_become_null(store: PostgresStore, pool: asyncpg.Pool):
    """NaN or infinity as a bound or reference never reaches a chart and never fails a cycle."""
    odd = measured(
        1.0, reference=math.nan, low=-math.inf, high=math.inf, error_bound=math.nan, threshold=math.nan
    )
    await store.commit(record(1, windows=(window(1, [odd]),), lag_seconds=math.nan))
    (row,) = await measurements(pool, metric="wasserstein")
    assert {row[name] for name in ("reference", "low", "high", "error_bound", "threshold")} == {None}


async def test_the_table_refuses_what_is_no_number(store: PostgresStore, pool: asyncpg.Pool):
    """NaN and the infinities are refused by the table itself, in every column and whoever writes them."""
    await store.commit(record(1))
    for column in ("value", "threshold", "error_bound", "low", "high", "reference"):
        for number in (math.nan, math.inf, -math.inf):
            with pytest.raises(asyncpg.CheckViolationError):
                await pool.execute(f"UPDATE tidegauge.sample SET {column} = $1", number)


async def test_the_table_refuses_a_gap_without_reason(store: PostgresStore, pool: asyncpg.Pool):
    """A row without value and without reason is refused by the table itself."""
    await store.commit(record(1))
    with pytest.raises(asyncpg.CheckViolationError, match="value_or_reason"):
        await pool.execute("UPDATE tidegauge.sample SET value = NULL")


async def test_rejects_and_events_are_kept(store: PostgresStore, pool: asyncpg.Pool):
    """Rejected rows come back as they were, events with their event time."""
    await store.commit(
        record(
            1,
            rejects=(Reject({"when": "yesterday", "x": 1.5, "none": None}, "no timestamp"),),
            rejected=3,
            events=(Event("breach", START, "drift", column="distance", details={"value": 2}),),
        )
    )
    rejected = await pool.fetchrow("SELECT * FROM tidegauge.rejected_row")
    assert (rejected["row"], rejected["reason"]) == (
        {"when": "yesterday", "x": 1.5, "none": None},
        "no timestamp",
    )
    event = await pool.fetchrow("SELECT * FROM tidegauge.event")
    assert (event["at"], event["column_name"], event["details"]) == (instant(START), "distance", {"value": 2})


async def test_bad_input_never_fails_a_cycle(store: PostgresStore, pool: asyncpg.Pool):
    """Text and numbers that Postgres cannot hold are kept in a form that it can."""
    strange = {
        "nul": "a\x00b",
        "half": "\ud800",
        "nan": math.nan,
        "when": datetime(2013, 1, 1, tzinfo=UTC),
        "é\x00": [1],
    }
    gap = measured(None, replace(WASSERSTEIN, column="x\x00"), reason="label \x00 \udfff never seen")
    assert await store.commit(record(1, rejects=(Reject(strange, "bad \x00"),), windows=(window(1, [gap]),)))
    assert await pool.fetchval('SELECT "row" FROM tidegauge.rejected_row') == {
        "nul": "a\ufffdb", "half": "\ufffd", "nan": "nan", "when": "2013-01-01 00:00:00+00:00",
        "é\ufffd": [1],
    }  # fmt: skip
    assert await pool.fetchval("SELECT reason FROM tidegauge.sample") == "label \ufffd \ufffd never seen"


async def test_a_year_that_postgres_and_python_do_not_share_is_told(store: PostgresStore):
    """An instant outside the years 1 to 9999 is an error that says which one."""
    with pytest.raises(StoreError, match="years 1 to 9999"):
        await store.commit(record(1, slot=2**62))


async def test_cycles_are_logged_with_their_duration(store: PostgresStore, pool: asyncpg.Pool):
    """The log row of a cycle has its outcome, its counts and the time from its start to its end.

    That time is by the loop's clock: that the service's clock lies years off changes nothing.
    """
    began = asyncio.get_running_loop().time() - 2.0
    await store.commit(record(1, rejected=4, lag_seconds=1.5, progress=math.nan), began=began)
    row = await pool.fetchrow("SELECT * FROM tidegauge.cycle_log")
    assert (row["slot"], row["started_at"]) == (instant(START + 1), instant(START))
    assert row["outcome"] == Outcome.MEASURED
    assert 2_000 <= row["duration_ms"] < 60_000
    assert 0 < row["round_trip_ms"] < 60_000
    assert row["progress"] is None
    assert [row[name] for name in ("rows", "windows", "measurements", "rejected")] == [100, 1, 2, 4]


async def test_service_health_is_measured_too(store: PostgresStore, pool: asyncpg.Pool):
    """Cycles done, skipped and failed appear as measurements of aspect health, derived and not stored."""
    await store.commit(record(1, rejected=4, progress=0.25))
    await store.record_skipped("flights", START + 2, 3, first=START + 2)
    await store.record_failed("flights", START + 5, START + 5, "no \x00 source", seconds=0.75)
    rows = await measurements(pool, aspect="health")
    found = {(to_microseconds(row["window_end"]) - START, row["metric"]): row["value"] for row in rows}
    took, answered, rate = (
        found.pop((1, name)) for name in ("cycle_ms", "database_round_trip_ms", "rows_per_second")
    )
    assert 0 < answered < took < 60_000
    assert rate == pytest.approx(100 / (took / 1_000))
    assert found == {
        (1, "cycle_rows"): 100, (1, "failed_cycles"): 0, (1, "lag_seconds"): None,
        (1, "progress_share"): 0.25, (1, "rejected_rows"): 4, (1, "skipped_cycles"): 0,
        (2, "failed_cycles"): 0, (2, "skipped_cycles"): 3,
        (5, "cycle_ms"): 750, (5, "failed_cycles"): 1, (5, "skipped_cycles"): 0,
    }  # fmt: skip
    assert {row["reason"] for row in rows if row["value"] is None} == {
        "past rows are replayed at a pace of their own: see progress_share"
    }
    assert (await counts(pool))["sample"] == 2


async def test_a_rate_or_a_lag_that_is_not_known_has_its_reason(store: PostgresStore, pool: asyncpg.Pool):
    """A cycle without rows has no rate, a source that does not say has no lag, none of them is a zero."""
    await store.commit(record(1, rows=0))
    rows = await measurements(pool, aspect="health")
    assert {row["metric"]: row["reason"] for row in rows if row["value"] is None} == {
        "rows_per_second": "no rows were taken",
        "lag_seconds": "the source does not say how far behind it is",
    }


async def test_measurements_are_filtered_and_limited_to_the_newest(store: PostgresStore, pool: asyncpg.Pool):
    """Filters combine; a limit keeps the newest windows, in ascending order."""
    for cycle in range(1, 6):
        await store.commit(record(cycle))
    await store.commit(record(1, monitor="another"))
    rows = await measurements(pool, monitor="flights", aspect="drift", column="distance", limit=2)
    assert [to_microseconds(row["window_end"]) for row in rows] == [START + 5 * DAY, START + 6 * DAY]
    assert await measurements(pool, since=datetime(2999, 1, 1, tzinfo=UTC)) == []
    assert len(await measurements(pool, metric="mae", since=datetime(2013, 1, 1, tzinfo=UTC))) == 6


SEVERITIES = [
    (("drift", "higher"), 0.1, 0.1, 1.0),
    (("drift", "higher"), 0.3, 0.1, 3.0),
    (("drift", "higher"), 1e9, 0.1, 100.0),
    (("drift", "lower"), 0.05, 0.05, 1.0),
    (("drift", "lower"), 1.0, 0.05, 0.0),
    (("drift", "lower"), 0.0, 0.05, 100.0),
    (("performance", "lower"), 0.5, 1.0, 2.0),
    (("performance", "both"), -4.0, 2.0, 2.0),
    (("quality", "higher"), 0.0, 0.0, 0.0),
    (("quality", "higher"), 0.1, 0.0, 100.0),
    (("drift", "higher"), None, 0.1, None),
    (("drift", "higher"), 0.1, None, None),
]


async def test_severity_is_one_at_the_threshold_and_grows_with_harm(pool: asyncpg.Pool):
    """Distances, p-values and two-sided numbers share one scale from 0 to 100."""
    for series, value, threshold, severity in SEVERITIES:
        found = await pool.fetchval("SELECT tidegauge.severity($1, $2, $3, $4)", *series, value, threshold)
        expected = None if severity is None else pytest.approx(severity)
        assert found == expected, (series, value, threshold)


async def test_ping_takes_a_round_trip(store: PostgresStore):
    """A ping gives seconds, above none."""
    assert 0 < await store.ping() < 60


async def test_a_database_that_went_away_is_a_store_error(database_url: str):
    """Driver errors never leave the store, whatever it was doing."""
    lost = await asyncpg.create_pool(database_url, min_size=1, max_size=1)
    await lost.close()
    store = PostgresStore(lost)
    for attempt in (store.ping(), store.checkpoint("flights", LAYOUT), store.commit(record(1))):
        with pytest.raises(StoreError, match="closed"):
            await attempt
