"""Call monitors at the points of their grids, by APScheduler, whatever happens to the wall clock.

APScheduler plans by the wall clock. Its jobs here ask the event loop's clock, which nobody sets, for their
next point, and plan again within CHECK_SECONDS after the wall clock was set back or forward.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog
from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

CHECK_SECONDS = 0.5
STEP_SECONDS = 0.1  # a difference of the clocks that grows by so much is a step; less is drift
EARLY_SECONDS = 0.001  # a timer may fire so much before its point by rounding


class GridTimer:
    """Calls back at `origin` + k x interval, in seconds of the event loop's clock."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        # Overrun and lateness are decided, and recorded, by the scheduler: APScheduler's limits are off.
        self._timer = AsyncIOScheduler(
            timezone=UTC,
            executors={"default": AsyncIOExecutor()},
            job_defaults={"misfire_grace_time": None, "coalesce": True},
        )
        self._check: asyncio.TimerHandle | None = None
        self._difference = 0.0

    def call(
        self, callback: Callable[[], None], *, origin: float, interval_seconds: float, name: str
    ) -> None:
        """Call `callback`, which must return at once, at every point of a grid from now on."""

        async def in_the_loop() -> None:  # APScheduler runs plain functions in threads
            callback()

        self._timer.add_job(in_the_loop, _LoopGrid(self._clock, origin, interval_seconds), id=name)

    def cancel(self, name: str) -> None:
        """Call the callback of that name no more; there need not be one."""
        if self._timer.get_job(name) is not None:
            self._timer.remove_job(name)

    def start(self) -> None:
        """Start calling."""
        self._difference = self._wall_minus_loop()
        self._timer.start()
        self._check_later()

    def stop(self) -> None:
        """Call nobody any more."""
        if self._check is not None:
            self._check.cancel()
        if self._timer.running:
            self._timer.shutdown(wait=False)

    def _check_later(self) -> None:
        self._check = asyncio.get_running_loop().call_later(CHECK_SECONDS, self._plan_after_step)

    def _plan_after_step(self) -> None:
        difference = self._wall_minus_loop()
        step = difference - self._difference
        if abs(step) >= STEP_SECONDS:
            log.warning("wall clock was set", step_seconds=round(step, 1))
            for job in self._timer.get_jobs():
                job.reschedule(job.trigger)
        self._difference = difference
        self._check_later()

    def _wall_minus_loop(self) -> float:
        return datetime.now(UTC).timestamp() - self._clock()


class _LoopGrid(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The next point of a grid by the event loop's clock, as APScheduler wants it: by the wall clock."""

    def __init__(self, clock: Callable[[], float], origin: float, interval_seconds: float) -> None:
        self._clock = clock
        self._origin = origin
        self._interval = interval_seconds

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return the first point that is still to come."""
        passed = self._clock() - self._origin
        point = math.floor((passed + EARLY_SECONDS) / self._interval) + 1
        return now + timedelta(seconds=max(point * self._interval - passed, 0.0))
