"""A reference that is made of the rows that come to a live monitor: frozen in the store once they are there.

Whatever door they come by, they are looked at by takes of the monitor's own source that are never committed:
they stay where they are, and are measured like all that follow.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from service.core.deduplicate import ids_of, no_ids, repeated
from service.core.inbox import MAX_SENT_ROWS
from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated
from service.core.time_units import to_datetime
from service.errors import NotYetError, ReferenceDataError
from service.sources.http import stored_batch
from service.sources.http.kind_change import by_kind
from service.store.tables.inbox import reference
from service.store.tables.inbox.reference import KeptReference
from service.wiring.inbox.uncommitted import Looked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.core.inbox import SentReference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take
    from service.runtime.compute_threads import Compute
    from service.sources.protocol import Source
    from service.store.leases.fence import Fences
    from service.wiring.inbox.uncommitted import LentInbox

log = structlog.get_logger(__name__)

LOOK_SECONDS = 20.0  # of a cycle; the next one goes on


@dataclass(slots=True)
class _Seen:
    """What was seen of the rows since the last restart.

    - `position`: where the source goes on
    - `looked`: what its takes changed, which were not committed
    - `parts`, `rows`: those of the reference, and how many they are
    - `newest`: the time of the newest of them
    - `watermark`: how far event time has come
    """

    position: dict[str, Any] | None
    looked: Looked = field(default_factory=Looked)
    parts: list[Batch] = field(default_factory=list)
    rows: int = 0
    newest: int | None = None
    watermark: int | None = None

    def add(self, take: Take, sent: SentReference) -> None:
        """Add what a take gave of the reference."""
        for part in take.parts or (take.batch,):
            own = part
            if sent.rows is None:
                inside = (part.event_time >= sent.start) & (part.event_time < sent.end)
                own = part.take(np.flatnonzero(inside))
            if own.rows:
                self.parts.append(own)
                self.rows += own.rows
                self.newest = max(int(own.event_time.max()), self.newest or 0)
        self.position = take.position
        self.watermark = take.watermark if self.watermark is None else self.watermark
        if take.watermark is not None and self.watermark is not None:
            self.watermark = max(self.watermark, take.watermark)


def sent_reference_loader(
    monitor: Monitor,
    schema: Schema,
    sent: SentReference,
    source: Source,
    inbox: LentInbox,
    *,
    pool: asyncpg.Pool,
    compute: Compute,
    now: Callable[[], int],
    fences: Fences | None = None,
) -> Callable[[], Awaitable[Batch]]:
    """Return a function that reads the reference, or freezes it from what comes to the monitor.

    `inbox` is that of the monitor's `source`. The function raises NotYetError with what is missing while the
    rows have not come, ReferenceDataError where they never will, or where another reference was frozen.
    """
    name, seen, one_at_a_time = monitor.name, list[_Seen](), asyncio.Lock()

    async def load() -> Batch:
        async with one_at_a_time:  # a report may ask for it while a cycle does
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
        if not seen:
            begun = await reference.progress(pool, name)
            if sent.rows is None and begun.rows:
                _check_start(monitor, sent, _newest(begun.position))
            seen.append(_Seen(begun.position))
        (found,) = seen
        with inbox.looking(found.looked):
            await _look(monitor, sent, source, found, now)
        if not _is_there(monitor, sent, found):
            raise NotYetError(_missing(sent, found))
        if not found.rows:
            raise ReferenceDataError(
                f"{name}: its reference is {_described(sent)}, and no row of it came until "
                f"{_minute(found.watermark or 0)}; expected another stretch"
            )
        rows, payload = await compute.run_long(lambda: _chosen(found.parts, monitor, schema, sent))
        await reference.keep(pool, name, KeptReference(rows, payload, sent), fences)
        seen.clear()
        log.info("reference frozen", monitor=name, rows=rows)

    return load


async def _look(
    monitor: Monitor, sent: SentReference, source: Source, seen: _Seen, now: Callable[[], int]
) -> None:
    """Take what has come, until the reference is there, nothing more has, or the time of a cycle is up."""
    clock = asyncio.get_running_loop().time
    until = clock() + LOOK_SECONDS
    while True:
        take = await source.take(seen.position)
        if take.inbox is not None:
            seen.looked.add(take.inbox, now())
        seen.add(take, sent)
        if sent.rows is None and seen.rows > MAX_SENT_ROWS:
            raise ReferenceDataError(
                f"{monitor.name}: its reference is {_described(sent)}, of which {seen.rows:,} rows have "
                f"come; expected a shorter stretch, of {MAX_SENT_ROWS:,} rows at most"
            )
        if _is_there(monitor, sent, seen) or not _came(take) or clock() > until:
            return


def _came(take: Take) -> bool:
    change = take.inbox
    held = change is not None and (change.taken or change.halves or change.files)
    return bool(take.batch.rows or take.rejected or held)


def _is_there(monitor: Monitor, sent: SentReference, seen: _Seen) -> bool:
    if sent.rows is not None:
        return seen.rows >= sent.rows
    return seen.watermark is not None and seen.watermark >= sent.end + monitor.window.lateness


def _missing(sent: SentReference, seen: _Seen) -> str:
    if sent.rows is not None:
        return f"{seen.rows:,} of {sent.rows:,} rows of its reference have come"
    newest = "" if seen.newest is None else f", the newest of {_minute(seen.newest)}"
    return f"its reference is {_described(sent)}: {seen.rows:,} rows have come{newest}"


def _check_start(monitor: Monitor, sent: SentReference, measured: int | None) -> None:
    if measured is None or measured <= sent.start:
        return
    again = ""
    if monitor.source.can_be_read_again:
        again = f", or `tidegauge monitor reset {monitor.name}`, by which they are read again"
    raise ReferenceDataError(
        f"{monitor.name}: its reference is {_described(sent)}, and rows up to {_minute(measured)} were "
        f"measured before{'' if again else ' and are not kept'}; expected a later start{again}"
    )


def _newest(position: Any) -> int | None:
    """Return the latest watermark in a position: of the rows that were measured, not of the clock.

    A source has one event clock, or one for each part of it.
    """
    if not isinstance(position, dict):
        return None
    own = position.get("watermark")
    found = [own, *(_newest(each) for each in position.values())]
    return max((each for each in found if isinstance(each, int)), default=None)


def _chosen(
    parts: Sequence[Batch], monitor: Monitor, schema: Schema, sent: SentReference
) -> tuple[int, bytes]:
    """Return how many rows the reference has, and these, in the order of their times."""
    batch = concatenated(parts, schema) if parts else no_rows()
    batch = batch.take(slice(0, sent.rows))
    if monitor.deduplicate is not None:
        again = repeated(ids_of(batch), no_ids(), monitor.deduplicate.within)
        batch = batch.take(np.flatnonzero(~again))
    return batch.rows, stored_batch.encode(batch.take(np.argsort(batch.event_time, kind="stable")))


def _described(sent: SentReference) -> str:
    if sent.rows is not None:
        return f"the first {sent.rows:,} rows that come"
    return f"what comes of {_minute(sent.start)} to {_minute(sent.end)}"


def _written(sent: SentReference) -> str:
    if sent.rows is not None:
        return f"first_rows: {sent.rows}"
    start, end = to_datetime(sent.start).isoformat(), to_datetime(sent.end).isoformat()
    return f"{{start: {start}, end: {end}}}"


def _minute(instant: int) -> str:
    return f"{to_datetime(instant):%Y-%m-%d %H:%M} UTC"
