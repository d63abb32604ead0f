"""The live page in front of a filled store, without a running service: every state, and heavy loads.

Windows are measured and written by the service's own code; what runs in memory (cycles, reports) is given.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from service.api.app import build
from service.api.server import serving
from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.core.measurement import Aspect, Measurement, Series
from service.core.reference.bins import MISSING, Binned, Bins
from service.core.report_status import ReportState, ReportStatus
from service.core.rows.schema import Kind
from service.core.time_units import SECOND
from service.core.windows.records import WindowRecord
from service.errors import WorkerError
from service.methods import alarm
from service.methods.alarm import AlarmPlan
from service.runtime.clock import now
from service.runtime.job import CycleResult, Job
from service.status.live_feed import EventBroadcaster
from service.status.queries import StatusQueries
from service.store.postgres import PostgresStore
from service.store.tables import window_run
from tests import filled_store
from tests.unit.api.doors import callables

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    import asyncpg

DAY = filled_store.DAY
START = filled_store.FEBRUARY
LONG_NAME = "a_column_with_a_name_of_five_thousand_characters_" + "and_more_" * 550
FOREIGN_NAME = "מודל 🛫 טיסות"
FOREIGN_COLUMNS = ("עמודה_אחת", "سرعة الرياح", "🌡️ temp", "tab\tand\nline", "ﬀ\u202eabc")
FIRST_ROWS = "3,120 of the 5,000 rows of its reference have come"
TWO_OF_THREE = AlarmPlan(2, 3)


async def _unused(_: int) -> CycleResult:
    raise AssertionError("no cycle runs here")


def job(name: str, *, seconds: float = 600.0, ended: float | None = 1.0, **more: Any) -> Job:
    """Make a monitor's cycles, the last of which ended so many seconds ago; None: there was none yet."""
    made = Job(name, seconds, _unused, **more)
    if ended is not None:
        made.cycles, made.last_end = 40, now() - round(ended * SECOND)
    return made


@dataclass
class SeededPage:
    """A page on a filled database.

    - `jobs`, `descriptions`, `columns`: the monitors, by name
    - `report`: how far every report is; `report.window` is filled in
    - `outcome`: how the making of a report ends, once `may_end` is set
    """

    pool: asyncpg.Pool
    jobs: dict[str, Job] = field(default_factory=dict)
    descriptions: dict[str, str] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    holders: dict[str, str] = field(default_factory=dict)
    report: ReportStatus = field(default_factory=lambda: ReportStatus(ReportState.POSSIBLE))
    outcome: ReportStatus = field(default_factory=lambda: ReportStatus(ReportState.READY))
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    broadcaster: EventBroadcaster = field(default_factory=EventBroadcaster)

    def add(self, made: Job, description: str = "", columns: Iterable[str] = ()) -> None:
        """Add a monitor."""
        self.jobs[made.name] = made
        self.descriptions[made.name] = description
        self.columns[made.name] = tuple(columns)

    async def report_status(self, monitor: str, window: int | None, _: datetime | None) -> ReportStatus:
        """Return the given state of the window's report."""
        run = await window_run.find(self.pool, monitor, window)
        if run is None:
            return ReportStatus(ReportState.IMPOSSIBLE, reason="no window has been measured yet")
        return ReportStatus(self.report.state, run, self.report.reason)

    async def make_report(self, _: str, __: int) -> str:
        """Make a report that is ready, or fails, once a test lets it."""
        self.report = ReportStatus(ReportState.MAKING)
        await self.may_end.wait()
        self.report = self.outcome
        if self.report.state is ReportState.FAILED:
            raise WorkerError(self.report.reason or "")
        return "<!doctype html><title>A report</title>"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """Serve the page; yields its address."""
        queries = StatusQueries(
            self.pool, self.jobs, self.descriptions, self.columns, self.refused, holders=self.holders
        )
        app = build(
            callables(
                queries=queries,
                broadcaster=self.broadcaster,
                refused=lambda: self.refused,
                report_status=self.report_status,
                report=self.make_report,
            )
        )
        async with serving(app, host="127.0.0.1", port=0) as url:
            try:
                yield url
            finally:
                self.broadcaster.close()


async def commit(pool: asyncpg.Pool, monitor: str, windows: Iterable[WindowRecord], *events: Event) -> None:
    """Write a cycle per window, with the alarms of 2 of 3 windows; `events` go with the last."""
    store, alarms = PostgresStore(pool), dict[str, str]()
    listed = list(windows)
    for cycle, window in enumerate(listed, start=1):
        alarms, fresh = alarm.step(alarms, window, TWO_OF_THREE)
        instant = now() - (len(listed) - cycle) * SECOND
        record = CycleRecord(
            monitor=monitor,
            layout="a layout",
            after=Checkpoint(cycle, {"row": cycle}, 900 * cycle, closed=cycle, alarms=alarms),
            slot=instant,
            started=instant,
            rows=900,
            windows=(window,),
            events=(*fresh, *(events if cycle == len(listed) else ())),
            lag_seconds=0.5,
        )
        assert await store.commit(record)


def flights(shifts: Iterable[float], seed: int = 3) -> list[WindowRecord]:
    """Measure a window of flights per day, moved by `shifts`."""
    known = filled_store.known()
    return [
        filled_store.measured(filled_store.rows(900, seed + day, shift), day, known)
        for day, shift in enumerate(shifts)
    ]


def wide(names: Iterable[str], windows: int) -> list[WindowRecord]:
    """Make windows with ten measurements and a distribution per column; every fifth column drifts."""
    listed = list(names)
    draw = np.random.default_rng(5)
    made = []
    for day in range(windows):
        measurements, distributions = [], []
        for place, name in enumerate(listed):
            level = 0.05 + (0.3 * day / windows if place % 5 == 0 else 0.0)
            measurements += _of_column(
                name, level * float(draw.uniform(0.8, 1.2)), float(draw.uniform(0, 0.2))
            )
            distributions.append(_binned(name, draw.integers(5, 200, 11)))
        mae = Measurement(Series(Aspect.PERFORMANCE, "mae", unit="minutes", headline=1), 12.0 + day, 900)
        start = START + day * DAY
        made.append(
            WindowRecord(day, day, start, start + DAY, 1, 900, (mae, *measurements), tuple(distributions))
        )
    return made


def _of_column(name: str, drift: float, missing: float) -> list[Measurement]:
    def of(aspect: Aspect, metric: str, value: float, definition: str = "", **more: Any) -> Measurement:
        return Measurement(Series(aspect, metric, name, definition=definition), value, 900, **more)

    return [
        of(Aspect.DRIFT, "wasserstein", drift, "evidently", threshold=0.1, breached=drift > 0.1),
        of(Aspect.DRIFT, "psi", drift, "robust", threshold=0.1, breached=drift > 0.1, decides=False),
        of(Aspect.DRIFT, "ks", drift / 2, "evidently", threshold=0.9, breached=False, decides=False),
        Measurement(
            Series(Aspect.QUALITY, "missing_share", name, unit="share"),
            missing,
            900,
            threshold=0.5,
            breached=False,
            reference=0.1,
        ),
        *(of(Aspect.QUALITY, metric, 50 + drift) for metric in ("mean", "std", "min", "max", "median")),
        of(Aspect.QUALITY, "unseen_share", 0.0, reference=0.0),
    ]


def _binned(name: str, counts: np.ndarray[Any, Any]) -> Binned:
    edges = (None, *(float(edge) for edge in range(9)), None)
    low, high = (*edges[:-1], None), (*edges[1:], None)
    labels = (*(f"bin {place}" for place in range(10)), MISSING)
    reference = tuple(round(300 * math.exp(-((place - 5) ** 2) / 8)) for place in range(11))
    return Binned(Bins(name, Kind.NUMERICAL, low, high, labels, reference), tuple(int(c) for c in counts))


async def fill_states(pool: asyncpg.Pool) -> SeededPage:
    """Fill a database with a monitor in each state, and return the page on it."""
    page = SeededPage(pool)
    ramp = [0.0] * 12 + [step / 10 for step in range(28)]
    names = filled_store.SCHEMA.names
    columns_changed = Event("schema_change", START + 20 * DAY, "gate: a new column", "gate")
    change = Event("change_point", START + 18 * DAY, "kswin: the error changed", metric="kswin")
    await commit(pool, "flights", flights(ramp), columns_changed, change)
    page.add(job("flights"), "Delay of departures from New York, in minutes", names)
    await commit(pool, "bookings", flights([0.0] * 30 + [0.5], seed=90))
    page.add(job("bookings"), "Bookings by channel", names)
    await commit(pool, "recovered", flights([0.0] * 8 + [2.0] * 6 + [0.0] * 10, seed=40))
    page.add(job("recovered"), "A week of bad sensors, now over", names)
    await commit(pool, "wide", wide([LONG_NAME, *(f"sensor_{number:04}" for number in range(299))], 12))
    page.add(job("wide"), "Three hundred sensors", [LONG_NAME])
    for text, made in (
        ("Waits for its first cycle", job("new", ended=None)),
        ("Its source is away", job("failing", failures=3, error="the file is not there")),
    ):
        page.add(made, text)
    await commit(pool, "silent", flights([0.0] * 4, seed=60))
    page.add(job("silent", ended=7_200), "Nothing for two hours", names)
    over = Event("ended", START, "the source has nothing left after 3600 rows")
    await commit(pool, "ended", flights([0.0] * 4, seed=70), over)
    finished = job("ended", ended=86_400)
    finished.finished.set()
    page.add(finished, "A replay that has ended", names)
    await commit(pool, FOREIGN_NAME, wide(FOREIGN_COLUMNS, 6))
    page.add(job(FOREIGN_NAME), "שמות בכתב אחר, and 🌡️ in the middle", FOREIGN_COLUMNS)
    page.add(job("first_rows", waits=FIRST_ROWS), "Its reference is being filled")
    page.holders["bookings"] = "tidegauge-2:4711"
    await _make_live(pool, "bookings")
    await pool.execute("ANALYZE")
    return page


async def _make_live(pool: asyncpg.Pool, monitor: str) -> None:
    """Let a monitor's cycles be those of a live source that is behind, with refused rows."""
    await pool.execute(
        "UPDATE tidegauge.cycle_log SET rejected = 2, duplicates = 1, backlog_rows = 1200, "
        "waiting_events = 3, unpaired_events = 0, lag_seconds = 95 WHERE monitor = $1",
        monitor,
    )
    reasons = ["no usable time in 'at'", "temp: no number: " + "9" * 400, "שורה בלי זמן"]
    await pool.execute(
        'INSERT INTO tidegauge.rejected_row (monitor, reason, "row") '
        "SELECT $1, r, $3 FROM unnest($2::text[]) r",
        monitor, reasons, {},
    )  # fmt: skip


async def fill_many(pool: asyncpg.Pool, monitors: int) -> SeededPage:
    """Fill a database with many monitors of a few windows, every seventh in alarm."""
    page = SeededPage(pool)
    calm, bad = flights([0.0] * 3), flights([1.5] * 3)
    for number in range(monitors):
        name = f"model_{number:04}"
        await commit(pool, name, bad if number % 7 == 0 else calm)
        page.add(job(name, seconds=5.0), f"Model number {number}", filled_store.SCHEMA.names)
    await pool.execute("ANALYZE")
    return page


async def fill_wide(pool: asyncpg.Pool, columns: int, windows: int) -> SeededPage:
    """Fill a database with one monitor of many columns, the first of them with a name of 5,000 characters."""
    page = SeededPage(pool)
    names = [LONG_NAME, *(f"sensor_{number:04}" for number in range(columns - 1))]
    await commit(pool, "wide", wide(names, windows))
    page.add(job("wide"), "Many columns", names)
    await pool.execute("ANALYZE")
    return page
