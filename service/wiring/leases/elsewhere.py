"""What this replica says of monitors that it does not measure: how their cycles go, and whose file counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from service.core.time_units import to_microseconds
from service.store.leases.elsewhere import progress

if TYPE_CHECKING:
    from collections.abc import Mapping

    import asyncpg

    from service.core.sharing import Part
    from service.runtime.job import Job
    from service.status.live_feed import EventBroadcaster
    from service.store.leases.elsewhere import Progress
    from service.store.leases.leases import Sharing
    from service.wiring.monitor_index import MonitorIndex


class Elsewhere:
    """Follows, beat by beat, the monitors that other replicas measure."""

    def __init__(self, pool: asyncpg.Pool, index: MonitorIndex, broadcaster: EventBroadcaster) -> None:
        self._pool = pool
        self._index = index
        self._broadcaster = broadcaster
        self._newest: dict[str, int | None] = {}

    async def follow(
        self,
        seen: Sharing | None,
        part: Part,
        *,
        skew_us: int = 0,
        hindrances: Mapping[str, str] | None = None,
    ) -> None:
        """Take over what the others have logged, and which of this replica's files are refused.

        `skew_us` is how far the database's clock is ahead of this machine's; `hindrances` are, by monitor,
        the reasons why this machine cannot read its rows.
        """
        if seen is None:
            return
        self._note(seen, part, hindrances or {})
        jobs = {name: job for name, job in self._index.jobs.items() if job.elsewhere}
        if not jobs:
            return
        for found in await progress(self._pool, list(jobs)):
            _mirror(jobs[found.name], found, skew_us)
            before = self._newest.get(found.name, found.newest)
            self._newest[found.name] = found.newest
            if found.newest != before:
                self._broadcaster.notify(found.name)

    def _note(self, seen: Sharing, part: Part, hindrances: Mapping[str, str]) -> None:
        index = self._index
        held = {name: lease.holder for name, lease in seen.leases.items() if name in index.jobs}
        index.refused.clear()
        index.refused |= refusals(seen, part)
        index.hindered.clear()
        index.hindered |= {name: hindrances[name] for name in part.hindered if name in hindrances}
        index.replicas.clear()
        index.replicas |= {name: [] for name in sorted(seen.names.values())}
        index.holders.clear()
        for monitor, holder in sorted(held.items()):
            if holder is not None:
                index.replicas[seen.names[holder]].append(monitor)
                if len(seen.names) > 1:
                    index.holders[monitor] = seen.names[holder]
        unheld = [name for name in index.jobs if held.get(name) is None]
        clock = asyncio.get_running_loop().time()
        kept = {name: index.unheld.get(name, clock) for name in unheld}
        index.unheld.clear()
        index.unheld |= kept


def refusals(seen: Sharing, part: Part) -> dict[str, str]:
    """Return by monitor why this replica may not hold it."""
    found = {}
    for monitor in part.refused:
        lease = seen.leases.get(monitor)
        holder = None if lease is None or lease.holder is None else seen.names.get(lease.holder)
        others = "the other replicas" if holder is None else f"{holder}, which measures it,"
        verb = "have" if holder is None else "has"
        found[monitor] = (
            f"{monitor}: its file here is not the one that {others} {verb}; give all replicas the same file, "
            "and the same TIDEGAUGE_HASH_KEY where it has sensitive columns"
        )
    return found


def _mirror(job: Job, found: Progress, skew_us: int) -> None:
    job.cycles, job.failures = found.cycles, found.failures
    job.error, job.waits = found.error if found.failures else "", found.waits
    # By this machine's clock, as where it runs the cycles itself.
    job.last_end = None if found.last_good is None else to_microseconds(found.last_good) - skew_us
    job.exhausted = found.ended
    if found.ended:
        job.finished.set()
    else:
        job.finished.clear()
