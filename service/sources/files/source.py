"""Takes the files that appear in a folder, each once, with what was measured of them in one transaction.

Which files were taken, and how far, is kept in a table of the monitor and changed by the transaction that
commits the take; the position holds the event time and a count of takes.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from service.core.inbox import BatchKind
from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated, differently_typed
from service.core.rows.id_sums import NO_ROWS, sums_of
from service.core.rows.inbox_change import InboxChange
from service.core.rows.take import Take
from service.core.time_units import SECOND
from service.sources.event_clock import of_json
from service.sources.files.reader import Reader
from service.sources.files.rows import KEPT_REJECTS
from service.sources.http import posted_labels

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.rows.inbox_change import TakenFile
    from service.sources.context import SourceContext
    from service.sources.files.folder import Folder
    from service.sources.files.pairing import FilePairing
    from service.sources.files.reader import Read, ReaderOptions

MAX_LABELS = 250_000  # of a take, about


@dataclass(frozen=True, slots=True)
class FilesOptions:
    """How files are taken.

    - `folder`: gives where they are, with its secrets
    - `reader`: how they are read
    - `idle_after_us`: after how much silence time goes on without rows (microseconds)
    - `pairing`: pairs requests and responses; None where files hold rows
    """

    folder: Callable[[], Folder]
    reader: ReaderOptions
    idle_after_us: int
    pairing: FilePairing | None = None


class FilesSource:
    """Gives a folder's rows, take by take; it remembers the table of its files, never a position."""

    def __init__(self, context: SourceContext, options: FilesOptions) -> None:
        """Take how the folder is read; nothing is looked at yet."""
        self._context = context
        self._options = options
        self._reader: Reader | None = None
        # The table as the transaction of a take leaves it, by the position that this take returned.
        self._known: tuple[dict[str, Any] | None, dict[str, TakenFile]] | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="files")

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return what is new since `position`. Raises SourceError where the folder cannot be read now."""
        context, pairing = self._context, self._options.pairing
        is_new = position is None
        if position is not None and "takes" not in position:
            position = None  # another kind of source left it
        ledger = await self._ledger(position)
        now = context.now()
        clock = of_json(position or {})
        if self._reader is None:
            self._reader = Reader(self._options.folder(), self._options.reader)
        loop = asyncio.get_running_loop()
        read = await loop.run_in_executor(self._thread, self._reader.read, ledger, clock, now)
        change = None if pairing is None else await pairing.add(read, now, from_start=is_new)
        take = await loop.run_in_executor(self._thread, self._made, read, position, now, change)
        self._known = (take.position, ledger | read.taken)
        return await self._with_labels(take, now)

    async def close(self) -> None:
        """End the thread; no take may follow."""
        if self._reader is not None:
            self._thread.submit(self._reader.close)
        self._thread.shutdown(wait=False)

    async def _ledger(self, position: dict[str, Any] | None) -> dict[str, TakenFile]:
        if position is None:
            return {}
        if self._known is not None and self._known[0] == position:
            return self._known[1]
        return {each.name: each for each in await self._context.tables.inbox.files()}

    def _made(
        self, read: Read, position: dict[str, Any] | None, now: int, change: InboxChange | None
    ) -> Take:
        if change is None:
            sums = (sums_of(part.arrival.identity, part.rows) for part in read.parts)
            change = InboxChange(measured=sum(sums, NO_ROWS))
        batch = concatenated(read.parts, self._context.schema) if read.parts else no_rows()
        watermark = read.clock.watermark
        if read.waits_since is None:
            watermark = read.clock.idle_watermark(now, self._options.idle_after_us)
        return Take(
            batch,
            {"takes": (position or {}).get("takes", 0) + 1, **read.clock.as_json()},
            watermark=watermark,
            rejects=tuple(read.rejects[:KEPT_REJECTS]),
            rejected=read.rejected,
            lag_seconds=0.0 if read.waits_since is None else max(0, now - read.waits_since) / SECOND,
            inbox=replace(
                change,
                rejected=read.rejected_ids,
                files=tuple(read.taken.values()),
                is_first_look=position is None,
            ),
            backlog_rows=0 if read.waits_since is None else None,
            parts=differently_typed(read.parts),
            events=tuple(read.events),
        )

    async def _with_labels(self, take: Take, now: int) -> Take:
        context = self._context
        if context.labels is None or take.inbox is None:
            return take
        waiting = await context.tables.inbox.read(MAX_LABELS)
        # Rows that wait there were accepted when the monitor's source was another one: they stay.
        batches = [batch for batch in waiting.batches if batch.kind is BatchKind.LABELS]
        sent = await asyncio.to_thread(posted_labels.sent_labels, batches, context.labels)
        rejects = tuple(reject for batch in batches for reject in batch.rejects)
        take = replace(
            take,
            inbox=replace(
                take.inbox,
                taken=tuple(batch.id for batch in batches),
                rejected_labels=sum((batch.rejected_ids for batch in batches), start=NO_ROWS),
            ),
            rejects=(*take.rejects, *rejects)[:KEPT_REJECTS],
            rejected=take.rejected + sum(batch.rejected for batch in batches),
        )
        return await posted_labels.with_labels(take, sent, context, now=now)
