"""Keep this replica's leases: renew them, take what is free, give up what is another's, notice what is lost.

Every third of a lease time, and at once where a monitor file changed or a write was fenced off. No beat waits
for a cycle to end or for a source to open.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import structlog

from service.core.sharing import Part, part_of
from service.core.time_units import SECOND, to_microseconds
from service.errors import StoreError, TidegaugeError
from service.runtime.clock import now
from service.store.connection_errors import is_read_only
from service.store.leases import leases
from service.store.tables.monitors import monitor as monitor_table

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

    import asyncpg

    from service.core.sharing import Fence
    from service.store.leases.leases import Identity, Sharing

log = structlog.get_logger(__name__)

BEATS_PER_LEASE = 3
LEAVE_SECONDS = 5.0
MIN_BEAT_SECONDS = 5.0  # that a beat may take
MAX_ANSWER_US = SECOND  # a slower answer does not tell what the database's clock shows
TOLERATED_SKEW_US = 5 * SECOND  # of this machine's clock


class Cycles(Protocol):
    """The monitors that this replica has files of, and the cycles of those that it holds."""

    def file_hashes(self) -> Mapping[str, str]:
        """Return the hashes of the files that are used, by monitor."""
        ...

    async def begin(self, name: str, *, after: int | None) -> None:
        """Begin a monitor's cycles, `after` a grid point (UTC microseconds) or on a grid of their own."""
        ...

    async def end(self, name: str) -> None:
        """End a monitor's cycles, once its running one has ended."""
        ...


class LeaseKeeper:
    """The leases and the duties of this replica. `seen` is who held what at the last beat."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        own: Identity,
        *,
        lease_seconds: float,
        duties: Collection[str] = (),
        wall: Callable[[], int] = now,
    ) -> None:
        """Take the replica's identity, what it is to do besides, and its wall clock; nothing is held yet."""
        self._wall = wall
        self._pool = pool
        self.own = own
        self._lease_seconds = lease_seconds
        self._wanted_duties = duties
        self._fences: dict[str, Fence] = {}
        self._duties: dict[str, Fence] = {}
        self._registered: tuple[Mapping[str, str], str, Mapping[str, str]] | None = None
        self._address = ""
        self._soon = asyncio.Event()
        self._moving: dict[str, asyncio.Task[None]] = {}  # monitors whose cycles begin or end
        self._closing = False
        self._has_beaten = False
        self._clock = asyncio.get_running_loop().time
        self._patient_until = 0.0
        self._warned_of: int | None = None
        self._had: set[str] = set()  # monitors that have or had a file here
        self.skew_us = 0  # how far the database's clock is ahead of this machine's
        # What the database's clock showed, and when by the loop's clock, which nobody sets.
        self._shown: tuple[int, float] | None = None
        self.seen: Sharing | None = None
        self.part = Part((), (), ())
        self.further_pools: Sequence[asyncpg.Pool] = ()  # of this process, which may lead to another server
        self.noticed: Callable[[], Awaitable[None]] = _nothing  # awaited after every beat
        self.hindrances: Callable[[], Mapping[str, str]] = dict  # by monitor, why it cannot be read here

    @property
    def lease_seconds(self) -> float:
        """For how long a lease holds without a renewal."""
        return self._lease_seconds

    def fence(self, monitor: str) -> Fence | None:
        """Return what to show for a monitor's lease; None where this replica does not hold it."""
        return self._fences.get(monitor)

    def duty(self, name: str) -> Fence | None:
        """Return what to show for a duty; None where another replica has it."""
        return self._duties.get(name)

    def now(self) -> int:
        """Return what the database's clock shows, in UTC microseconds: all replicas have it in common."""
        if self._shown is None:
            return self._wall()
        shown, at = self._shown
        return shown + round((asyncio.get_running_loop().time() - at) * SECOND)

    def wake(self) -> None:
        """Beat now."""
        self._soon.set()

    def set_address(self, address: str) -> None:
        """Say where this replica's page is."""
        self._address = address
        self.wake()

    async def work(self, cycles: Cycles) -> None:
        """Beat until the task is cancelled."""
        is_away = False
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), self._lease_seconds / BEATS_PER_LEASE)
            self._soon.clear()
            try:
                await asyncio.wait_for(self.beat(cycles), max(self._lease_seconds, MIN_BEAT_SECONDS))
                is_away = False
            except (StoreError, TimeoutError) as error:
                say = log.debug if is_away else log.warning
                say("leases not renewed", error=str(error), hint="cycles that are fenced off write nothing")
                is_away = True
                if is_read_only(error):
                    await self._connect_anew()

    async def _connect_anew(self) -> None:
        """Replace all connections: after a failover they may lead to a server that only reads now."""
        for pool in (self._pool, *self.further_pools):
            await pool.expire_connections()

    async def beat(self, cycles: Cycles) -> None:
        """Renew, see who lives and holds what, and act on it. Raises StoreError."""
        state = dict(cycles.file_hashes()), self._address, dict(self.hindrances())
        was_alive = await leases.renew(self._pool, self.own.id, self._lease_seconds)
        if was_alive is False:
            # The database was away, or this process stood still: the others may be about to renew as well.
            self._patient_until = self._clock() + self._lease_seconds
        if self._registered != state or was_alive is None:
            await leases.register(
                self._pool, self.own, self._address, state[0], self._lease_seconds, hindered=state[2]
            )
            self._registered = state
        await self._look_at_clock()
        self.seen = await leases.read(self._pool, self.own.id)
        self._drop_lost(self.seen, cycles)
        if self._closing or not any(replica.id == self.own.id for replica in self.seen.replicas):
            return
        self.part = part_of(self.own.id, self.seen.replicas, self.seen.leases)
        await self._follow_part(cycles, state[0])
        await self._bury(self.seen, state[0])
        for duty in self._wanted_duties:
            fence = await leases.take_duty(self._pool, self.own.id, duty)
            if fence is None:
                self._duties.pop(duty, None)
            else:
                self._duties[duty] = fence
        self._has_beaten = True
        try:
            await self.noticed()
        except StoreError as error:  # what others do is shown as of the last beat
            log.debug("other replicas not read", error=str(error))

    async def settled(self) -> None:
        """Return when what the last beat began or ended has begun or ended."""
        await asyncio.gather(*self._moving.values(), return_exceptions=True)

    async def leave(self) -> None:
        """Give back everything, once no cycle runs any more."""
        self._closing = True
        for task in self._moving.values():
            task.cancel()
        await asyncio.gather(*self._moving.values(), return_exceptions=True)
        self._fences.clear()
        self._duties.clear()
        try:
            await asyncio.wait_for(leases.leave(self._pool, [self.own.id]), LEAVE_SECONDS)
        except (StoreError, TimeoutError) as error:
            log.debug("leases not given back", error=str(error), hint="they run out")

    def begin_to_leave(self) -> None:
        """Take nothing any more; what is held is renewed until `leave`."""
        self._closing = True

    async def _look_at_clock(self) -> None:
        asked = self._wall()
        shown = await leases.clock(self._pool)
        answered = self._wall()
        if answered - asked > MAX_ANSWER_US and self._has_beaten:
            return
        self.skew_us = shown - (asked + answered) // 2
        self._shown = shown, asyncio.get_running_loop().time() - (answered - asked) / 2 / SECOND
        is_far = abs(self.skew_us) > TOLERATED_SKEW_US
        if is_far and (self._warned_of is None or abs(self.skew_us - self._warned_of) > TOLERATED_SKEW_US):
            log.warning(
                "clock differs from the database's",
                seconds=round(-self.skew_us / SECOND, 1),
                hint="rows without a time, silence and waits go by this machine's clock: set it (NTP)",
            )
        self._warned_of = self.skew_us if is_far else None

    def _drop_lost(self, seen: Sharing, cycles: Cycles) -> None:
        for monitor in [name for name, fence in self._fences.items() if seen.fences.get(name) != fence]:
            del self._fences[monitor]
            holder = seen.leases[monitor].holder if monitor in seen.leases else None
            name = seen.names.get(holder or "", "no replica")
            hint = f"{name} holds it now: this one did not renew in time"
            log.warning("lease lost", monitor=monitor, hint=hint)
            self._move(monitor, self._ended(monitor, cycles))

    async def _follow_part(self, cycles: Cycles, files: Mapping[str, str]) -> None:
        seen, part = self.seen, self.part
        if seen is None:
            return
        gone = [name for name in seen.fences if name not in files and name not in self._moving]
        if gone:  # its file was deleted here
            for name in gone:
                self._fences.pop(name, None)
            await leases.drop(self._pool, self.own.id, gone)
        for monitor in part.give_up:
            if monitor in self._fences and monitor not in self._moving:
                self._move(monitor, self._handed_over(monitor, cycles))
        taken = {  # of a beat whose answer was lost
            name: fence
            for name, fence in seen.fences.items()
            if name in files and name not in self._fences and name not in self._moving
        }
        left = seen.abandoned if self._clock() < self._patient_until else frozenset[str]()
        free = {
            name: files[name]
            for name in part.take
            if name in files and name not in self._moving and name not in left
        }
        if free:
            taken |= await leases.take(self._pool, self.own.id, free)
        if taken:
            await self._begin(taken, cycles, alone=len(seen.replicas) == 1)

    async def _bury(self, seen: Sharing, files: Mapping[str, str]) -> None:
        """Note that files are gone which were deleted here while no live replica held their monitors."""
        self._had |= files.keys()
        gone = self._had - files.keys()
        self._had -= {name for name in gone if name not in seen.leases}  # their holder has noted it
        unheld = [name for name in gone if name in seen.leases and seen.leases[name].holder is None]
        if unheld:
            await leases.bury(self._pool, unheld)

    async def _begin(self, taken: Mapping[str, Fence], cycles: Cycles, *, alone: bool) -> None:
        # One that starts alone starts its grids now; one that takes over goes on with those of the others.
        await monitor_table.set_defined(self._pool, list(taken))
        earlier = [] if self.seen is None else [name for name in taken if name in self.seen.leases]
        is_start = alone and not self._has_beaten
        slots = {} if is_start else await leases.last_slots(self._pool, earlier)
        self._fences.update(taken)
        for monitor in taken:
            after = to_microseconds(slots[monitor]) if monitor in slots else None
            self._move(monitor, self._begun(monitor, cycles, after))
        log.info("leases taken", count=len(taken), monitors=",".join(sorted(taken)))

    async def _begun(self, monitor: str, cycles: Cycles, after: int | None) -> None:
        try:
            await cycles.begin(monitor, after=after)
        except TidegaugeError as error:
            log.error("monitor not begun", monitor=monitor, error=str(error))  # noqa: TRY400  # it says all

    async def _ended(self, monitor: str, cycles: Cycles) -> None:
        await cycles.end(monitor)

    async def _handed_over(self, monitor: str, cycles: Cycles) -> None:
        await cycles.end(monitor)
        self._fences.pop(monitor, None)
        await leases.give_back(self._pool, self.own.id, [monitor])
        log.info("lease handed over", monitor=monitor)

    def _move(self, monitor: str, work: Awaitable[None]) -> None:
        before = self._moving.get(monitor)

        async def after_the_last() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work

        task = asyncio.create_task(after_the_last(), name=f"lease of {monitor}")
        self._moving[monitor] = task
        task.add_done_callback(lambda done: self._moved(monitor, done))

    def _moved(self, monitor: str, task: asyncio.Task[None]) -> None:
        if self._moving.get(monitor) is task:
            del self._moving[monitor]
            self.wake()
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreError):
            log.warning("lease not handed over", monitor=monitor, error=str(error))
        elif error is not None:
            log.error("lease not moved", monitor=monitor, error=str(error), exc_info=error)


async def _nothing() -> None:
    return
