"""A store with months of several monitors in it, made in seconds: real cycles, then copies of them in SQL.

What is copied is what the service itself wrote of a first window, so that series, units, bins and columns are
real; the copies' numbers wander around it. The newest day is dense, a window every ten seconds, the months
before are sparse. Monitors are named `flights`, `dummy`, `model2` and so on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.core.profile import profile
from service.core.reference import bins, reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.windows.records import WindowRecord
from service.methods import alarm
from service.methods.alarm import AlarmPlan
from service.methods.drift.columns import DriftPlan
from service.methods.health import TrafficPlan
from service.methods.measure_window import MeasurePlan, measure
from service.store.postgres import PostgresStore

if TYPE_CHECKING:
    import asyncpg


SECOND = 1_000_000
DAY = 86_400 * SECOND
FEBRUARY = 15_737 * DAY  # 2013-02-01: the replay's event time lies years back
DENSE_SECONDS = 10
DENSE_WINDOWS = 8_640
SPARSE_SECONDS = 900
PATIENCE_SECONDS = 3_600.0
NUMBERS = ("distance", "hour", "temp", "humid", "wind_speed", "pressure", "visib", "dep_delay")
SCHEMA = Schema(
    (
        Column("carrier", Kind.CATEGORICAL),
        Column("o'hare", Kind.CATEGORICAL),
        *(Column(name, Kind.NUMERICAL) for name in NUMBERS),
        Column("predicted", Kind.NUMERICAL, Role.PREDICTION),
        Column("minutes", Kind.NUMERICAL, Role.TARGET),
        Column("latency", Kind.NUMERICAL, Role.SERVICE),
        Column("failed", Kind.NUMERICAL, Role.SERVICE),
    )
)
PLAN = MeasurePlan(
    DriftPlan(("default", "psi:robust"), thresholds={"wasserstein": 0.2}, share=0.3),
    performance={"mae": 12.0},
    traffic=TrafficPlan("latency", "failed", 86_400.0),
)


def rows(count: int, seed: int, shift: float = 0.0) -> Batch:
    """Draw rows of SCHEMA; `shift` moves every number."""
    draw = np.random.default_rng(seed)
    columns: dict[str, Numbers | Labels] = {
        name: Numbers(np.round(draw.normal(50.0 + 20.0 * shift, 20.0, count))) for name in NUMBERS
    }
    for name, labels in (("carrier", ["AA", "B6", "DL", "UA"]), ("o'hare", ["no", "yes"])):
        columns[name] = Labels(draw.integers(-1, len(labels), count), np.array(labels))
    truth = draw.normal(150.0, 40.0, count)
    columns["minutes"] = Numbers(np.where(draw.random(count) < 0.02, np.nan, truth))
    columns["predicted"] = Numbers(truth + draw.normal(10.0 * shift, 8.0, count))
    columns["latency"] = Numbers(draw.gamma(3.0, 10.0, count))
    columns["failed"] = Numbers((draw.random(count) < 0.01) * 1.0)
    times = FEBRUARY + np.sort(draw.integers(0, DAY, count))
    return Batch(count, times, columns)


def known(seed: int = 1) -> reference.Reference:
    """Make the reference that every monitor here has."""
    return reference.of(rows(4_000, seed), SCHEMA)


def measured(batch: Batch, day: int, to: reference.Reference) -> WindowRecord:
    """Measure a batch as the window of one day, counted from 1 February 2013."""
    current = profile.of(batch, SCHEMA, to.spec)
    start = FEBRUARY + day * DAY
    numbers = measure(to.profile, current, SCHEMA, PLAN)
    return WindowRecord(day, day, start, start + DAY, 1, batch.rows, numbers, bins.counted(to.bins, current))


async def commit(
    store: PostgresStore, monitor: str, cycle: int, *windows: WindowRecord, now: int, **more: object
) -> None:
    """Write a cycle as the service does, with the alarms of its windows; `now` in UTC microseconds."""
    before = await store.checkpoint(monitor, "a layout")
    alarms, events = dict(before.alarms), list[Event]()
    for each in windows:
        alarms, fresh = alarm.step(alarms, each, AlarmPlan(1, 1))
        events += fresh
    given = {"rejected": 0, "lag_seconds": 0.5} | more
    events += given.pop("events", ())
    ended = any(event.kind == "ended" for event in events)
    record = CycleRecord(
        monitor=monitor,
        layout="a layout",
        after=Checkpoint(cycle, {"row": cycle}, 900 * cycle, closed=cycle, alarms=alarms, ended=ended),
        slot=now,
        started=now,
        rows=900,
        windows=windows,
        events=tuple(events),
        **given,
    )
    assert await store.commit(record)


async def fill(pool: asyncpg.Pool, *, monitors: int, sparse: int, dense: int = DENSE_WINDOWS) -> int:
    """Fill a migrated database with `sparse` + `dense` windows a monitor; return how many samples it has.

    The newest window of each was measured a moment ago by the service's own code.
    """
    to, now = known(), datetime.now(UTC)
    for number in range(monitors):
        name = ("flights", "dummy")[number] if number < 2 else f"model{number}"
        store, instant = PostgresStore(pool), int(now.timestamp()) * SECOND - 20 * SECOND
        first = measured(rows(900, number, 0.3), 3_000, to)
        later = measured(rows(900, number + 50, 0.8), 3_001, to)
        await commit(store, name, 1, first, now=instant)
        await commit(store, name, 2, later, now=instant + 10 * SECOND, rejected=3)
        await _copy(pool, name, now, sparse, dense)
    await pool.execute("VACUUM ANALYZE", timeout=PATIENCE_SECONDS)
    total: int = await pool.fetchval("SELECT count(*) FROM tidegauge.sample")
    return total


_RUNS = """
INSERT INTO tidegauge.window_run (monitor, layout, first_pane, last_pane, window_start, window_end, revision,
    panes, rows, computed_at)
SELECT $1, 'a layout', age, age, ended - interval '1 day', ended, 1, 1, 900, at
FROM (
    SELECT -age AS age, $2::timestamptz - make_interval(secs => $3 * age + $4) AS at,
        timestamptz '2013-01-01' - make_interval(hours => age) AS ended
    FROM generate_series($5::integer, $6::integer) AS age
) AS windows
"""

# What is copied is found first: a planner that does not know the tables yet would look for it over and over.
_SAMPLES = """
WITH template AS MATERIALIZED (
    SELECT m.* FROM tidegauge.sample m
    WHERE m.run_id = (SELECT id FROM tidegauge.window_run WHERE monitor = $1 AND last_pane = 3000)
)
INSERT INTO tidegauge.sample (run_id, series_id, window_end, computed_at, value, threshold, breached,
    error_bound, low, high, reference, rows, reason, decides)
SELECT w.id, t.series_id, w.window_end, w.computed_at, t.value * (0.7 + 0.5 * random()), t.threshold,
    t.breached, t.error_bound, t.low, t.high, t.reference, t.rows, t.reason, t.decides
FROM tidegauge.window_run w CROSS JOIN template t
WHERE w.monitor = $1 AND w.last_pane < 0
"""

_BESIDE = (
    """
    WITH template AS MATERIALIZED (
        SELECT a.* FROM tidegauge.window_aspect a
        WHERE a.run_id = (SELECT id FROM tidegauge.window_run WHERE monitor = $1 AND last_pane = 3000)
    )
    INSERT INTO tidegauge.window_aspect
    SELECT w.id, t.aspect, t.judged, (t.breached * random())::integer, t.severity * (0.7 + 0.5 * random())
    FROM tidegauge.window_run w CROSS JOIN template t WHERE w.monitor = $1 AND w.last_pane < 0
    """,
    """
    WITH template AS MATERIALIZED (
        SELECT d.* FROM tidegauge.window_distribution d
        WHERE d.run_id = (SELECT id FROM tidegauge.window_run WHERE monitor = $1 AND last_pane = 3000)
    )
    INSERT INTO tidegauge.window_distribution
    SELECT w.id, t.bins_id, t.counts, t.tail_places, t.tail_counts, t.reach_below, t.reach_above
    FROM tidegauge.window_run w CROSS JOIN template t WHERE w.monitor = $1 AND w.last_pane < 0
    """,
    """
    INSERT INTO tidegauge.cycle_log (monitor, slot, started_at, finished_at, outcome, rows, windows,
        measurements, duration_ms, lag_seconds)
    SELECT monitor, computed_at, computed_at, computed_at, 'measured', 900, 1,
        100, 20 + 10 * random(), random()
    FROM tidegauge.window_run WHERE monitor = $1 AND last_pane < 0
    """,
    """
    WITH template AS MATERIALIZED (SELECT * FROM tidegauge.event WHERE monitor = $1 AND kind = 'breach')
    INSERT INTO tidegauge.event (monitor, at, recorded_at, kind, column_name, metric, message, details)
    SELECT w.monitor, w.window_end, w.computed_at, t.kind, t.column_name, t.metric, t.message, t.details
    FROM tidegauge.window_run w CROSS JOIN template t
    WHERE w.monitor = $1 AND w.last_pane < 0 AND w.last_pane % 50 = 0
    """,
)


async def _copy(pool: asyncpg.Pool, monitor: str, now: datetime, sparse: int, dense: int) -> None:
    oldest = now.timestamp() - dense * DENSE_SECONDS - (sparse + 1) * SPARSE_SECONDS
    for month in range(int((now.timestamp() - oldest) // (28 * 86_400)) + 2):
        when = datetime.fromtimestamp(min(oldest + month * 28 * 86_400, now.timestamp()), UTC)
        await pool.fetchval("SELECT tidegauge.ensure_sample_partition($1)", when)
    await pool.execute(_RUNS, monitor, now, DENSE_SECONDS, 60, 1, dense, timeout=PATIENCE_SECONDS)
    begun = dense * DENSE_SECONDS - dense * SPARSE_SECONDS
    await pool.execute(
        _RUNS, monitor, now, SPARSE_SECONDS, begun + 60, dense + 1, dense + sparse, timeout=PATIENCE_SECONDS
    )
    for statement in (_SAMPLES, *_BESIDE):
        await pool.execute(statement, monitor, timeout=PATIENCE_SECONDS)
