"""What can be read of the monitors over HTTP, from the store and from how their cycles go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from service.runtime.clock import now
from service.status.monitor_state import monitor_state, newest_of, raised_series
from service.status.readiness import OK, freshness, state_of
from service.store import queries

if TYPE_CHECKING:
    import asyncpg

    from service.runtime.scheduler import Job

    Rows = list[dict[str, Any]]

DEFAULT_PERIOD = timedelta(days=1)  # of measurements without a bound
WINDOW = ("window_start", "window_end", "revision", "rows", "computed_at")
BIN = ("label", "low", "high", "share", "reference_share")


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read of the monitors; `jobs` and `descriptions` go by their names."""

    pool: asyncpg.Pool
    jobs: dict[str, Job]
    descriptions: dict[str, str]

    def monitors(self) -> Rows:
        """List the monitors and how their cycles go."""
        return [self._cycles(job) for job in self.jobs.values()]

    async def state_and_numbers(self, monitor: str) -> tuple[dict[str, Any], Rows]:
        """Return a monitor's state, and its newest window's numbers as `Newest.rows` has them."""
        window, rows, alarms = await queries.latest_window(self.pool, monitor)
        newest = newest_of(window, rows, alarms)
        series = raised_series(newest)
        since = await queries.raised(self.pool, monitor, series)
        raised = [
            {**one, "since": event and event["at"], "message": event and event["message"]}
            for one, event in zip(series, since, strict=True)
        ]
        job = self.jobs[monitor]
        found = freshness(job, now())
        trouble = None if found == OK or (job.last_end is None and not job.failures) else found
        state = monitor_state(self._cycles(job), newest, raised, trouble)
        return state, list(newest.rows)

    async def state(self, monitor: str) -> dict[str, Any]:
        """Return a monitor's state."""
        return (await self.state_and_numbers(monitor))[0]

    async def latest_window(self, monitor: str) -> dict[str, Any]:
        """Return a monitor's newest window and its numbers."""
        state, rows = await self.state_and_numbers(monitor)
        return {"window": state["window"], "measurements": rows}

    async def series(self, monitor: str) -> Rows:
        """Return what a monitor's numbers are."""
        return [dict(row) for row in await queries.series(self.pool, monitor)]

    async def measurements(self, *, axis: str, since: datetime | None, **filters: Any) -> Rows:
        """Return the newest measurements by `axis`, oldest first."""
        if axis == "window_end":
            return [
                dict(row)
                for row in await queries.measurements_by_event_time(self.pool, since=since, **filters)
            ]
        # Without a bound the newest rows could only be found by reading a monitor's whole history.
        after = since or datetime.now(UTC) - DEFAULT_PERIOD
        return [dict(row) for row in await queries.measurements(self.pool, since=after, **filters)]

    async def events(self, **filters: Any) -> Rows:
        """Return events, the newest first."""
        return [dict(row) for row in await queries.events(self.pool, **filters)]

    async def distribution(self, **filters: Any) -> dict[str, Any]:
        """Return a column's bins in a window, none where nothing is kept of it."""
        rows = await queries.distribution(self.pool, **filters)
        window = {name: rows[0][name] for name in WINDOW} if rows else None
        bins = [{name: row[name] for name in BIN} for row in rows]
        return {"column_name": filters["column"], "window": window, "bins": bins}

    def _cycles(self, job: Job) -> dict[str, Any]:
        return {**state_of(job), "description": self.descriptions[job.name]}
