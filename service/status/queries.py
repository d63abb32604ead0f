"""Read a monitor's state, measurements, events and distributions, from the store and from its cycles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from service.core.paging import page_of
from service.core.story import story
from service.core.story.newest import newest_window, raised_alarm, raised_names
from service.core.time_units import to_datetime
from service.errors import StoreError
from service.runtime.clock import now
from service.status.columns import ColumnPage, ColumnRow, column_heads
from service.status.known_names import DeclaredNames, known_names, unknown_name
from service.status.monitor_state import Verdict, monitor_state
from service.status.overview import Overview, rank, searched, text_of
from service.status.readiness import cycle_status, freshness, is_ok
from service.status.window_cache import WindowCache
from service.status.window_page import window_page
from service.store import page_queries, queries
from service.store.tables import drawn_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import asyncpg

    from service.core.paging import PageRequest
    from service.core.read_models import (
        Axis,
        ColumnDistribution,
        IntakeState,
        MonitorEvent,
        NewestWindow,
        RaisedAlarm,
        SeriesFilter,
        StoredEvent,
        StoredMeasurement,
        StoredSeries,
    )
    from service.runtime.job import Job
    from service.status.monitor_state import CycleStatus, MonitorState
    from service.status.window_page import MeasurementFilter, WindowPage

SPARKLINE_WINDOWS = 60
STATES_AT_ONCE = 4  # connections that a page may hold: the cycles need some too
DEFAULT_EVENTS = 50
MAX_REASONS = 10  # of refused rows
DEFAULT_PERIOD = timedelta(days=1)  # of measurements without a bound


@dataclass(frozen=True, slots=True)
class StatusQueries:
    """What is asked of the monitors; the mappings go by their names. Methods raise StoreError.

    - `jobs`: the cycles of those that run now
    - `descriptions`: of their files
    - `watched_columns`: the columns that they watch
    - `refused`: why a monitor's edited file is not used
    - `declared`: the names of what their files make them measure
    - `holders`: the replica that measures each; empty where one process measures all
    - `windows`: their newest windows, kept until the next cycle
    """

    pool: asyncpg.Pool
    jobs: Mapping[str, Job]
    descriptions: Mapping[str, str]
    watched_columns: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Callable[[], DeclaredNames]] = field(default_factory=dict)
    holders: Mapping[str, str] = field(default_factory=dict)
    windows: WindowCache = field(default_factory=WindowCache)

    def of(self, names: Collection[str]) -> StatusQueries:
        """Return what answers of these monitors alone, as if there were no others."""
        return replace(self, jobs={name: job for name, job in self.jobs.items() if name in names})

    def monitors(self) -> list[CycleStatus]:
        """List the monitors and how their cycles go."""
        return [self._cycles(job) for job in self.jobs.values()]

    def columns(self, monitor: str) -> tuple[str, ...]:
        """Return the columns that a monitor watches."""
        return self.watched_columns.get(monitor, ())

    async def state_and_window(self, monitor: str) -> tuple[MonitorState, NewestWindow]:
        """Return a monitor's state and its newest window, both of one instant."""
        version = await page_queries.version(self.pool, monitor)
        newest, alarms = await self.windows.get(monitor, version, partial(self._read_window, monitor))
        job = self.jobs.get(monitor)
        if job is None:  # deleted since it was asked for
            raise StoreError(f"{monitor}: it has no file any more")
        state = monitor_state(self._cycles(job), newest, alarms, self._trouble(monitor), halt=_halt(job))
        return state, newest

    async def state(self, monitor: str) -> MonitorState:
        """Return a monitor's state."""
        return (await self.state_and_window(monitor))[0]

    async def latest_window(self, monitor: str) -> NewestWindow:
        """Return a monitor's newest window."""
        return (await self.state_and_window(monitor))[1]

    async def window_page(self, monitor: str, wanted: MeasurementFilter, request: PageRequest) -> WindowPage:
        """Return a page of the newest window's measurements, the worst first."""
        return window_page(await self.latest_window(monitor), wanted, request)

    async def overview(self, request: PageRequest, name: str | None = None) -> Overview:
        """Return a page of the monitors' states, the worst first; with `name` only that monitor's."""
        cycles = self.monitors()
        standings = await page_queries.standings(self.pool, [one.name for one in cycles])
        troubled = [one.name for one in cycles if self._trouble(one.name) is not None]
        ranked = rank(cycles, standings, troubled)
        wanted = [one for one in ranked if name is None or one.cycles.name == name]
        page = page_of(wanted, request, searched)
        return Overview(
            total=len(ranked),
            alarms=sum(one.verdict is Verdict.ALARM for one in ranked),
            matched=page.matched,
            monitors=await self._states([one.cycles.name for one in page.entries]),
        )

    async def newest_events(self, request: PageRequest) -> list[MonitorEvent]:
        """Return the newest events of the monitors that match, `limit` in all, the newest first."""
        names = [one.name for one in page_of(self.monitors(), replace(request, limit=None), text_of).entries]
        return await page_queries.newest_events(self.pool, names, request.limit or DEFAULT_EVENTS)

    async def column_page(self, monitor: str, request: PageRequest) -> ColumnPage:
        """Return a page of a monitor's columns, the worst first, each with its history and distribution."""
        newest = await self.latest_window(monitor)
        heads = column_heads(newest, self.columns(monitor))
        page = page_of(heads, request, lambda head: head.column_name)
        drifts = [head.drift for head in page.entries if head.drift is not None]
        lines = await page_queries.sparklines(self.pool, monitor, drifts, SPARKLINE_WINDOWS)
        history = {drift.column_name: line for drift, line in zip(drifts, lines, strict=True)}
        names = [head.column_name for head in page.entries]
        shares = await page_queries.shares(self.pool, monitor, newest.window, names) if newest.window else {}
        return ColumnPage(
            window=newest.window,
            columns=[
                ColumnRow(
                    column_name=head.column_name,
                    drift=head.drift,
                    missing=head.missing,
                    history=history.get(head.column_name, []),
                    distribution=shares.get(head.column_name),
                )
                for head in page.entries
            ],
            total=page.total,
            matched=page.matched,
        )

    async def intake(self, monitor: str) -> IntakeState:
        """Return what comes in from a monitor's source, and what was refused of it."""
        return await page_queries.intake(self.pool, monitor, MAX_REASONS)

    async def series(self, monitor: str) -> list[StoredSeries]:
        """Return which series a monitor has."""
        return await queries.series(self.pool, monitor)

    async def measurements(
        self,
        wanted: SeriesFilter,
        *,
        axis: Axis,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> list[StoredMeasurement]:
        """Return the newest measurements by `axis`, from `since` to `until`, oldest first."""
        if axis == "window_end":
            return await queries.measurements_by_event_time(
                self.pool, wanted, since=since, until=until, limit=limit
            )
        # Without a bound the newest rows could only be found by reading a monitor's whole history.
        after = since or (until or datetime.now(UTC)) - DEFAULT_PERIOD
        return await queries.measurements(self.pool, wanted, since=after, until=until, limit=limit)

    async def unknown_name(self, wanted: SeriesFilter) -> str | None:
        """Return what to say of a name in a filter, which names the monitor, that it does not have."""
        monitor = wanted.monitor or ""
        declared = DeclaredNames(columns=frozenset(self.columns(monitor)))
        if monitor in self.declared:
            declared = await asyncio.to_thread(self.declared[monitor])
        stored = await queries.series(self.pool, monitor)
        return unknown_name(wanted, known_names(stored, [declared]))

    async def events(
        self, monitor: str, *, since: datetime | None, kind: str | None, limit: int
    ) -> list[StoredEvent]:
        """Return events, the newest first."""
        return await queries.events(self.pool, monitor=monitor, since=since, kind=kind, limit=limit)

    async def distribution(
        self, monitor: str, column: str, window_end: datetime | None, against_end: datetime | None
    ) -> ColumnDistribution:
        """Return a column's bins in a window and another one, none where nothing is kept of it."""
        return await drawn_distribution.read(
            self.pool, monitor=monitor, column=column, window_end=window_end, against_end=against_end
        )

    async def _states(self, monitors: Sequence[str]) -> list[MonitorState]:
        few = asyncio.Semaphore(STATES_AT_ONCE)

        async def state(monitor: str) -> MonitorState | None:
            async with few:
                try:
                    return await self.state(monitor)
                except StoreError:
                    if monitor in self.jobs:
                        raise
                    return None  # its file was deleted while the page was read

        found = await asyncio.gather(*(state(monitor) for monitor in monitors))
        return [each for each in found if each is not None]

    async def _read_window(self, monitor: str) -> tuple[NewestWindow, list[RaisedAlarm]]:
        """Read a monitor's newest window and its raised alarms, of one instant."""
        latest = await queries.latest_window(self.pool, monitor)
        newest = newest_window(latest)
        names = raised_names(latest, newest)
        starts = await queries.raised(self.pool, monitor, names)
        return newest, [raised_alarm(name, start) for name, start in zip(names, starts, strict=True)]

    def _trouble(self, monitor: str) -> str | None:
        """Return what is wrong with a monitor's cycles, None where nothing is."""
        found = _stalled(self.jobs[monitor])
        if found is not None:
            return found
        if monitor in self.refused:
            return f"its edited file is refused, and the earlier one holds: {self.refused[monitor]}"
        return None

    def _cycles(self, job: Job) -> CycleStatus:
        return cycle_status(job, self.descriptions.get(job.name, ""), self.holders.get(job.name))


def _stalled(job: Job) -> str | None:
    """Return why no cycle works; None where they run, or none has been due yet."""
    found = freshness(job, now())
    return None if is_ok(found) or (job.last_end is None and not job.failures) else found


def _halt(job: Job) -> str:
    """Return that no cycle works, as the store writes it for the dashboards; empty where they run."""
    if _stalled(job) is None:
        return ""
    if job.failures or job.last_end is None:
        return story.failing(job.error or "")
    return story.silent(to_datetime(job.last_end))
