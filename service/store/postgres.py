"""The store on Postgres: a cycle's measurements, panes, log row and checkpoint are one transaction.

Whatever is written for a monitor is written under its lease (`leases/fence.py`).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import asyncpg

from service.core.cycle_record import Outcome
from service.store.driver_errors import translated
from service.store.leases.fence import held_transaction, hold
from service.store.stories import write_story
from service.store.tables import checkpoint as checkpoints
from service.store.tables import (
    cycle_log,
    distribution,
    event,
    pane,
    pending_row,
    rejected_row,
    sample,
    series,
    story,
)
from service.store.tables.inbox import batches, counted_ids
from service.store.tables.inbox.counted_memory import joined
from service.store.tables.window_run import open_runs

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from service.core.checkpoint import Checkpoint
    from service.core.cycle_record import CycleRecord
    from service.core.deduplicate import CountedIds
    from service.core.labels.pending_rows import PendingRows
    from service.core.measurement import Series
    from service.core.reference.bins import Bins
    from service.core.windows.records import PaneRecord
    from service.store.leases.fence import Fences
    from service.store.tables.inbox.counted_memory import CountedMemory


class _Timing(NamedTuple):
    began: float  # by the loop's clock
    round_trip_seconds: float  # of beginning the transaction, which waits for no lock


class PostgresStore:
    """Writes and reads the results of cycles. Methods raise StoreError where the database fails.

    Those that write raise LeaseLostError, with nothing written, where `fences` does not hold the monitor's
    lease; None: the process that writes is the only one.
    """

    def __init__(
        self, pool: asyncpg.Pool, *, deliver_events: bool = False, fences: Fences | None = None
    ) -> None:
        self._pool = pool
        self._fences = fences
        self._deliver_events = deliver_events
        self._series: dict[str, dict[Series, int]] = {}
        self._bins: dict[str, dict[Bins, int]] = {}
        self._counted: dict[str, CountedMemory] = {}
        self._partition_end: datetime | None = None  # samples before this instant have their partition

    async def checkpoint(self, monitor: str, layout: str) -> Checkpoint:
        """Return the checkpoint of `monitor`, a fresh one where it never committed.

        Where the panes were made with another layout, `closed` is None and they are deleted.
        """
        self._forget(monitor)
        with translated(f"{monitor}: read the checkpoint"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                return await checkpoints.read(connection, monitor, layout)

    async def panes(
        self, monitor: str, layout: str, first: int | None, last: int | None, limit: int | None = None
    ) -> list[PaneRecord]:
        """Return the stored panes from key `first` to `last`, both included, ascending; None: no bound.

        With `limit` at most so many, the first ones.
        """
        with translated(f"{monitor}: read panes"):
            return await pane.read(self._pool, monitor, layout, first, last, limit=limit)

    async def kept_from(self, monitor: str, layout: str) -> int | None:
        """Return the pane before which retention has dropped some of `layout`; None: it has dropped none."""
        with translated(f"{monitor}: read the checkpoint"):
            return await checkpoints.kept_from(self._pool, monitor, layout)

    async def panes_at(self, monitor: str, layout: str, keys: Sequence[int]) -> list[PaneRecord]:
        """Return the stored panes among `keys`, ascending."""
        with translated(f"{monitor}: read panes"):
            return await pane.read_at(self._pool, monitor, layout, keys)

    async def pending(self, monitor: str, identity: Sequence[int]) -> PendingRows:
        """Return the rows that wait for a label under one of these ids (64-bit hashes, signed)."""
        with translated(f"{monitor}: read rows that wait for a label"):
            return await pending_row.read(self._pool, monitor, identity)

    async def labelled_ids(self, monitor: str, identity: Sequence[int]) -> set[int]:
        """Return which of these ids (hashes, signed) have a row with a label."""
        with translated(f"{monitor}: look for rows that have a label"):
            return await pending_row.labelled(self._pool, monitor, identity)

    async def forget_pending(self, monitor: str) -> None:
        """Forget the rows that wait for labels."""
        with translated(f"{monitor}: forget rows that wait for a label"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                await pending_row.forget(connection, monitor)

    async def counted_ids(self, monitor: str, identity: NDArray[np.uint64]) -> CountedIds:
        """Return what is remembered of rows that counted under one of these ids (hashes, ascending)."""
        with translated(f"{monitor}: read the ids of rows that counted"):
            memory = await self._counted_memory(monitor)
            held = await asyncio.to_thread(memory.matching, identity)
            if not memory.has_older:
                return held
            return joined([held, await counted_ids.older(self._pool, monitor, identity)])

    async def _counted_memory(self, monitor: str) -> CountedMemory:
        memory = self._counted.get(monitor)
        if memory is None or memory.version != await counted_ids.version(self._pool, monitor):
            self._counted.pop(monitor, None)
            async with (
                self._pool.acquire() as connection,
                connection.transaction(isolation="repeatable_read", readonly=True),
            ):
                memory = await counted_ids.load(connection, monitor)
            self._counted[monitor] = memory
        return memory

    async def forget_counted_ids(self, monitor: str) -> None:
        """Forget the ids of rows that counted."""
        self._counted.pop(monitor, None)
        with translated(f"{monitor}: forget the ids of rows that counted"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                await counted_ids.forget(connection, monitor)

    async def commit(self, record: CycleRecord, *, began: float | None = None) -> bool:
        """Write all of a cycle in one transaction; False, with nothing written, where another came first.

        `record.after.cycle` must follow the stored cycle by exactly one, so a cycle done twice changes
        nothing. `began` is when the cycle started, in seconds of the loop's clock; None: with this call.
        """
        began = _time() if began is None else began
        known = self._series.setdefault(record.monitor, {})
        bins = self._bins.setdefault(record.monitor, {})
        counted = self._counted.pop(
            record.monitor, None
        )  # of a commit that fails nobody knows what was written
        if counted is not None and counted.version != record.after.cycle - 1:
            counted = None
        with translated(f"{record.monitor}: write cycle {record.after.cycle}"):
            try:
                async with self._pool.acquire() as connection:
                    asked = _time()
                    async with connection.transaction():
                        timing = _Timing(began, _time() - asked)
                        written = await self._write(connection, record, known, bins, timing)
                        if written is not None and record.counted is not None:
                            counted = await counted_ids.change(
                                connection, record.monitor, record.counted, counted
                            )
            except asyncpg.ForeignKeyViolationError:
                known.clear()  # an older database was restored: the next commit makes series and bins again
                bins.clear()
                raise
        if written is None:
            self._forget(record.monitor)
            return False
        fresh, fresh_bins, self._partition_end = written
        known.update(fresh)
        bins.update(fresh_bins)
        if counted is not None and record.counted is not None:
            self._counted[record.monitor] = replace(counted, version=record.after.cycle)
        return True

    async def record_skipped(self, monitor: str, slot: int, slots: int, *, first: int) -> None:
        """Log that `slots` grid points from `first` to `slot` (UTC microseconds) passed without a cycle.

        Those that are in the log already are not among them.
        """
        with translated(f"{monitor}: log skipped cycles"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                await cycle_log.append_skipped(connection, monitor, slot, slots, first=first)

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        """Log that the cycle of `slot`, of `started` (both UTC microseconds), failed after `seconds`."""
        with translated(f"{monitor}: log a failed cycle"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                await cycle_log.append_failed(connection, monitor, slot, started, error, seconds=seconds)
                await story.note_failed(connection, monitor, error)

    async def record_waiting(
        self, monitor: str, slot: int, started: int, reason: str, *, seconds: float
    ) -> None:
        """Log that the cycle of `slot` took nothing, and why."""
        with translated(f"{monitor}: log a cycle that waits"):
            async with held_transaction(self._pool, monitor, self._fences) as connection:
                await cycle_log.append_failed(
                    connection, monitor, slot, started, reason, seconds=seconds, outcome=Outcome.WAITING
                )

    async def ping(self) -> float:
        """Return the seconds of a round trip to the database."""
        with translated("ping"):
            started = time.perf_counter()
            await self._pool.fetchval("SELECT 1")
            return time.perf_counter() - started

    def _forget(self, monitor: str) -> None:
        # A purge deletes ids of series and bins, a rename gives them to another monitor.
        self._series.pop(monitor, None)
        self._bins.pop(monitor, None)
        self._counted.pop(monitor, None)

    async def _write(
        self,
        connection: asyncpg.Connection,
        record: CycleRecord,
        known: dict[Series, int],
        bins: dict[Bins, int],
        timing: _Timing,
    ) -> tuple[dict[Series, int], dict[Bins, int], datetime | None] | None:
        monitor, layout = record.monitor, record.layout
        await hold(connection, monitor, self._fences)
        now = await checkpoints.advance(connection, monitor, layout, record.after)
        if now is None:
            return None
        partition_end = self._partition_end
        if record.windows and (partition_end is None or now >= partition_end):
            partition_end = await sample.ensure_partition(connection, now)
        wanted = (m.series for window in record.windows for m in window.measurements)
        fresh = await series.get_or_create(connection, monitor, wanted, known)
        runs = await open_runs(connection, monitor, layout, record.windows)
        measurements = await sample.append(connection, record.windows, runs, {**known, **fresh})
        seen = (binned.bins for window in record.windows for binned in window.distributions)
        fresh_bins = await distribution.get_or_create_bins(connection, monitor, seen, bins)
        await distribution.append(connection, record.windows, runs, {**bins, **fresh_bins})
        await pane.upsert(connection, monitor, layout, record.panes)
        await rejected_row.append(connection, monitor, record.rejects)
        await event.append(connection, monitor, record.events, deliver=self._deliver_events)
        if record.inbox is not None:
            await batches.change(connection, monitor, record.inbox)
        given_up = 0
        if record.labels is not None:
            given_up = await pending_row.change(connection, monitor, record.labels)
        await cycle_log.append(
            connection,
            record,
            measurements=measurements,
            given_up=given_up,
            seconds=_time() - timing.began,
            round_trip_seconds=timing.round_trip_seconds,
        )
        if record.windows or record.events or not await story.is_told(connection, monitor):
            await write_story(connection, monitor)
        return fresh, fresh_bins, partition_end


def _time() -> float:
    return asyncio.get_running_loop().time()
