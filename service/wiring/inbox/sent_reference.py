"""A reference that is made of rows that were sent: frozen in the store once they are there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import structlog

from service.core.deduplicate import ids_of, no_ids, repeated
from service.core.inbox import MAX_SENT_ROWS
from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated
from service.core.time_units import to_datetime
from service.errors import NotYetError, ReferenceDataError
from service.sources.event_clock import EventClock
from service.sources.http import stored_batch
from service.sources.http.kind_change import by_kind
from service.store.tables.inbox import reference
from service.store.tables.inbox.reference import KeptReference

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.core.inbox import SentReference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.runtime.compute_threads import Compute
    from service.store.leases.fence import Fences
    from service.store.tables.inbox.reference import SentBatch

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Seen:
    """What was seen of a stretch: how far its stream has come, how many rows it has, and the newest."""

    last: int = 0  # of the batches
    clock: EventClock = field(default_factory=EventClock)
    rows: int = 0
    newest: int | None = None


def sent_reference_loader(
    monitor: Monitor,
    schema: Schema,
    sent: SentReference,
    *,
    pool: asyncpg.Pool,
    compute: Compute,
    now: Callable[[], int],
    fences: Fences | None = None,
) -> Callable[[], Awaitable[Batch]]:
    """Return a function that reads the reference, or freezes it from what waits in the inbox.

    Its rows stay in the inbox, and are measured like all that follow. The function raises NotYetError with
    what is missing while they have not come, ReferenceDataError where they never will, or where another one
    was frozen.
    """
    name, seen = monitor.name, _Seen()

    async def load() -> Batch:
        kept = await reference.read(pool, name)
        if kept is None:
            await freeze()
            kept = await reference.read(pool, name)
        if kept is None or kept.made_of != sent:
            raise ReferenceDataError(
                f"{name}: its reference was frozen with {_described(kept.made_of) if kept else 'no rows'}, "
                f"and its file says {_described(sent)}; a frozen reference never changes: expected "
                f"{_written(kept.made_of) if kept else 'another one'}, or a monitor of another name"
            )
        payload = kept.payload
        return await compute.run_long(lambda: by_kind(stored_batch.decode(payload), schema))

    async def freeze() -> None:
        if sent.rows is not None:
            await _wait_for_rows(pool, name, sent.rows)
            payloads = await reference.first_payloads(pool, name, sent.rows)
        else:
            await _wait_for_end(monitor, sent, seen, pool=pool, compute=compute, now=now)
            payloads = await reference.all_payloads(pool, name)
        rows, payload = await compute.run_long(lambda: _chosen(payloads, monitor, schema, sent))
        await reference.keep(pool, name, KeptReference(rows, payload, sent), fences)
        log.info("reference frozen", monitor=name, rows=rows)

    return load


async def _wait_for_rows(pool: asyncpg.Pool, name: str, rows: int) -> None:
    there = await reference.waiting_rows(pool, name)
    if there < rows:
        raise NotYetError(f"{there:,} of {rows:,} rows of its reference have come")


async def _wait_for_end(
    monitor: Monitor,
    sent: SentReference,
    seen: _Seen,
    *,
    pool: asyncpg.Pool,
    compute: Compute,
    now: Callable[[], int],
) -> None:
    name = monitor.name
    measured = await reference.measured_until(pool, name)
    if measured is not None and measured > sent.start:
        raise ReferenceDataError(
            f"{name}: its reference is {_described(sent)}, and rows up to {_minute(measured)} were measured "
            "before and are not kept; expected a later start"
        )
    while batches := await reference.batches_after(pool, name, seen.last):
        await compute.run_long(_see, seen, batches, sent)
    watermark = seen.clock.idle_watermark(now(), monitor.source.idle_after_us)
    if seen.rows > MAX_SENT_ROWS:
        raise ReferenceDataError(
            f"{name}: its reference is {_described(sent)}, of which {seen.rows:,} rows have come; expected a "
            f"shorter stretch, of {MAX_SENT_ROWS:,} rows at most"
        )
    if watermark is None or watermark < sent.end + monitor.window.lateness:
        newest = "" if seen.newest is None else f", the newest of {_minute(seen.newest)}"
        raise NotYetError(f"its reference is {_described(sent)}: {seen.rows:,} rows have come{newest}")
    if not seen.rows:
        raise ReferenceDataError(
            f"{name}: its reference is {_described(sent)}, and no row of it was sent until "
            f"{_minute(watermark)}; expected another stretch"
        )


def _see(seen: _Seen, batches: Sequence[SentBatch], sent: SentReference) -> None:
    for batch in batches:
        times = stored_batch.decode(batch.payload).event_time
        seen.last, seen.clock = batch.id, seen.clock.after(times, batch.received)
        own = times[(times >= sent.start) & (times < sent.end)]
        seen.rows += len(own)
        if len(own):
            seen.newest = max(int(own.max()), own[0] if seen.newest is None else seen.newest)


def _chosen(
    payloads: Sequence[bytes], monitor: Monitor, schema: Schema, sent: SentReference
) -> tuple[int, bytes]:
    """Return how many rows the reference has, and these, in the order of their times."""
    parts = []
    for payload in payloads:
        part = by_kind(stored_batch.decode(payload), schema)
        if sent.rows is None:
            part = part.take(np.flatnonzero((part.event_time >= sent.start) & (part.event_time < sent.end)))
        if part.rows:
            parts.append(part)
    batch = concatenated(parts, schema) if parts else no_rows()
    batch = batch.take(slice(0, sent.rows))
    if monitor.deduplicate is not None:
        again = repeated(ids_of(batch), no_ids(), monitor.deduplicate.within)
        batch = batch.take(np.flatnonzero(~again))
    return batch.rows, stored_batch.encode(batch.take(np.argsort(batch.event_time, kind="stable")))


def _described(sent: SentReference) -> str:
    if sent.rows is not None:
        return f"the first {sent.rows:,} rows that are sent"
    return f"what is sent of {_minute(sent.start)} to {_minute(sent.end)}"


def _written(sent: SentReference) -> str:
    if sent.rows is not None:
        return f"first_rows: {sent.rows}"
    start, end = to_datetime(sent.start).isoformat(), to_datetime(sent.end).isoformat()
    return f"{{start: {start}, end: {end}}}"


def _minute(instant: int) -> str:
    return f"{to_datetime(instant):%Y-%m-%d %H:%M} UTC"
