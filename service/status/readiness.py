"""Check that the service can do its work: the database answers, the schema is current, the cycles run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.time_units import SECOND, to_datetime
from service.errors import StoreError
from service.status.monitor_state import CycleStatus
from service.store.held_locks import held_locks
from service.store.migrate import migrations_folder, pending

if TYPE_CHECKING:
    from collections.abc import Iterable

    import asyncpg

    from service.runtime.job import Job

STALE_CYCLES = 3  # a monitor silent for this many intervals is not ready
STALE_FLOOR_SECONDS = 60.0
OK = "ok"
MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0


async def readiness_checks(pool: asyncpg.Pool, jobs: Iterable[Job], now: int) -> dict[str, str]:
    """Return what was checked, each `ok` or what is wrong; `now` in UTC microseconds."""
    checks = {"database": OK}
    try:
        held = await held_locks(pool)
        checks["locks"] = "; ".join(lock.message for lock in held) or OK
        waiting = await pending(pool, migrations_folder())
        checks["migrations"] = f"{len(waiting)} not applied" if waiting else OK
    except StoreError as error:
        checks["database"] = str(error)
    return checks | {f"monitor {job.name}": freshness(job, now) for job in jobs}


def cycle_status(job: Job, description: str, replica: str | None = None) -> CycleStatus:
    """Return how a monitor's cycles go, and which replica runs them."""
    return CycleStatus(
        name=job.name,
        description=description,
        cycle_seconds=job.interval_seconds,
        cycles=job.cycles,
        failures_in_a_row=job.failures,
        finished=job.finished.is_set(),
        last_cycle=None if job.last_end is None else to_datetime(job.last_end),
        waits=job.waits,
        replica=replica,
    )


def freshness(job: Job, now: int) -> str:
    """Return `ok` where a monitor's cycles run, else what is wrong; `now` in UTC microseconds.

    Behind the `ok` of one that waits is what for.
    """
    if job.failures:
        count = "cycle" if job.failures == 1 else f"{job.failures} cycles"
        return f"its last {count} failed: {job.error}" if job.error else f"its last {count} failed"
    if job.last_end is None:
        return "no cycle yet"
    silent = (now - job.last_end) / SECOND
    limit = max(STALE_FLOOR_SECONDS, STALE_CYCLES * job.interval_seconds)
    if not job.finished.is_set() and silent > limit:
        return f"silent for {_lasting(silent)}"
    return f"{OK}: waiting: {job.waits}" if job.waits else OK


def _lasting(seconds: float) -> str:
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    if seconds < 2 * HOUR:
        return f"{seconds / MINUTE:.0f} min"
    return f"{seconds / HOUR:.0f} h" if seconds < 2 * DAY else f"{seconds / DAY:.0f} days"


def is_ok(check: str) -> bool:
    """Return whether nothing is wrong; a monitor that waits for its reference says so behind `ok`."""
    return check == OK or check.startswith(f"{OK}: ")
