"""Read a monitor's state, measurements, events and distributions, from the store and from its cycles."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from service.errors import StoreError
from service.runtime.clock import now
from service.status.known_names import DeclaredNames, known_names, unknown_name
from service.status.monitor_state import monitor_state, newest_window, raised_alarm, raised_names
from service.status.readiness import OK, cycle_status, freshness
from service.store import queries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import asyncpg

    from service.core.read_models import (
        Axis,
        ColumnDistribution,
        SeriesFilter,
        StoredEvent,
        StoredMeasurement,
        StoredSeries,
    )
    from service.runtime.scheduler import Job
    from service.status.monitor_state import CycleStatus, MonitorState, NewestWindow

DEFAULT_PERIOD = timedelta(days=1)  # of measurements without a bound


@dataclass(frozen=True, slots=True)
class StatusQueries:
    """What is asked of the monitors; the mappings go by their names. Methods raise StoreError.

    - `jobs`: the cycles of those that run now
    - `descriptions`: of their files
    - `watched_columns`: the columns that they watch
    - `refused`: why a monitor's edited file is not used
    - `declared`: the names of what their files make them measure
    """

    pool: asyncpg.Pool
    jobs: Mapping[str, Job]
    descriptions: Mapping[str, str]
    watched_columns: Mapping[str, tuple[str, ...]]
    refused: Mapping[str, str] = field(default_factory=dict)
    declared: Mapping[str, Callable[[], DeclaredNames]] = field(default_factory=dict)

    def monitors(self) -> list[CycleStatus]:
        """List the monitors and how their cycles go."""
        return [self._cycles(job) for job in self.jobs.values()]

    def columns(self, monitor: str) -> tuple[str, ...]:
        """Return the columns that a monitor watches."""
        return self.watched_columns.get(monitor, ())

    async def state_and_window(self, monitor: str) -> tuple[MonitorState, NewestWindow]:
        """Return a monitor's state and its newest window, both of one instant."""
        latest = await queries.latest_window(self.pool, monitor)
        newest = newest_window(latest)
        names = raised_names(latest, newest)
        starts = await queries.raised(self.pool, monitor, names)
        alarms = [raised_alarm(name, start) for name, start in zip(names, starts, strict=True)]
        job = self.jobs.get(monitor)
        if job is None:  # deleted since it was asked for
            raise StoreError(f"{monitor}: it has no file any more")
        found = freshness(job, now())
        trouble = None if found == OK or (job.last_end is None and not job.failures) else found
        if trouble is None and monitor in self.refused:
            trouble = f"its edited file is refused, and the earlier one holds: {self.refused[monitor]}"
        return monitor_state(self._cycles(job), newest, alarms, trouble), newest

    async def state(self, monitor: str) -> MonitorState:
        """Return a monitor's state."""
        return (await self.state_and_window(monitor))[0]

    async def latest_window(self, monitor: str) -> NewestWindow:
        """Return a monitor's newest window."""
        return (await self.state_and_window(monitor))[1]

    async def series(self, monitor: str) -> list[StoredSeries]:
        """Return which series a monitor has."""
        return await queries.series(self.pool, monitor)

    async def measurements(
        self, wanted: SeriesFilter, *, axis: Axis, since: datetime | None, limit: int
    ) -> list[StoredMeasurement]:
        """Return the newest measurements by `axis`, oldest first."""
        if axis == "window_end":
            return await queries.measurements_by_event_time(self.pool, wanted, since=since, limit=limit)
        # Without a bound the newest rows could only be found by reading a monitor's whole history.
        after = since or datetime.now(UTC) - DEFAULT_PERIOD
        return await queries.measurements(self.pool, wanted, since=after, limit=limit)

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
        self, monitor: str, column: str, window_end: datetime | None
    ) -> ColumnDistribution:
        """Return a column's bins in a window, none where nothing is kept of it."""
        return await queries.distribution(self.pool, monitor=monitor, column=column, window_end=window_end)

    def _cycles(self, job: Job) -> CycleStatus:
        return cycle_status(job, self.descriptions.get(job.name, ""))
