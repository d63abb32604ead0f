"""Takes a table's rows round by round from the position that the checkpoint holds, so that each counts once.

A round takes what the transactions wrote that have ended since the last one (`rounds.py`). It is read page by
page in the order of times and keys, each page in a transaction of its own that writes nothing.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import structlog

from service.core.inbox import BatchKind
from service.core.rows.id_sums import sums_of
from service.core.rows.inbox_change import InboxChange
from service.core.rows.take import Take
from service.core.time_units import SECOND
from service.sources.http import posted_labels
from service.sources.postgres_table import updates
from service.sources.postgres_table.position import Settled, position_of
from service.sources.postgres_table.rows import KEPT_REJECTS, rows_of, without_late

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.rows.inbox_change import LabelAhead
    from service.sources.context import SourceContext
    from service.sources.postgres_table.connection import Database
    from service.sources.postgres_table.pages import Page, Reader
    from service.sources.postgres_table.position import Position
    from service.sources.postgres_table.rows import PageRows, RowOptions

log = structlog.get_logger(__name__)

MAX_LABELS = 250_000  # that were sent, of a take, about


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a table is taken.

    - `target`: the column of labels, None where there is none
    - `idle_after_us`: after how much silence time goes on without rows (microseconds)
    """

    target: str | None
    idle_after_us: int


class TableSource:
    """Gives a table's rows, take by take; it holds a connection, never a position."""

    def __init__(
        self,
        context: SourceContext,
        database: Database,
        reader: Reader,
        rows: RowOptions,
        options: TableOptions,
    ) -> None:
        """Take how the table is read; nothing is opened yet."""
        self._context = context
        self._database = database
        self._reader = reader
        self._rows = rows
        self._options = options
        self._settled = Settled()  # of the clock alone: where it is not known, time goes on with the rows
        self._decoding = ThreadPoolExecutor(max_workers=1, thread_name_prefix="table")

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return what follows `position`. Raises SourceError where the server does not give it now."""
        now = self._context.now()
        page = await self._reader.read(self._database, position_of(position), now)
        self._settled = self._settled.after(page.snapshot, now - page.gap_us)
        for event in page.events:
            log.error("rows lost", monitor=self._context.monitor, hint=event.message)
        run = asyncio.get_running_loop().run_in_executor
        rows = await run(self._decoding, rows_of, page.lines, self._rows, now)
        rows, labels = await updates.split(rows, page.lines, self._context, self._options.target, now)
        take = await run(self._decoding, self._made, page, rows, now)
        return await self._with_labels(take, labels, now)

    async def close(self) -> None:
        """Close the connection and end the thread; no take may follow."""
        await self._database.close()
        self._decoding.shutdown(wait=False)

    def _made(self, page: Page, rows: PageRows, now: int) -> Take:
        held = page.position
        rows = without_late(rows, page.lines, held.start, self._rows)
        batch = rows.batch
        if batch.rows:
            batch = replace(batch, arrival=replace(batch.arrival, unwatched=page.unwatched))
        clock = held.clock.after(batch.event_time, now)
        after = replace(held, clock=clock, start=clock if held.target is None else held.start)
        return Take(
            batch,
            after.as_json(),
            watermark=self._watermark(after, page),
            rejects=rows.rejects,
            rejected=rows.rejected,
            lag_seconds=self._lag(page, now),
            inbox=InboxChange(
                measured=sums_of(batch.arrival.identity, batch.rows), rejected=rows.rejected_ids
            ),
            backlog_rows=page.left,
            events=page.events,
        )

    def _watermark(self, after: Position, page: Page) -> int | None:
        if after.target is not None and not page.is_by_time:
            return after.start.watermark  # the pages that follow may have earlier rows
        if page.lines or self._settled.at is None:
            return after.clock.watermark
        # In silence time goes on as far as no transaction that still runs can bring rows.
        return after.clock.idle_watermark(self._settled.at, self._options.idle_after_us)

    def _lag(self, page: Page, now: int) -> float | None:
        if not page.left and page.snapshot.oldest == page.snapshot.next:
            return 0.0
        return None if self._settled.at is None else max(0, now - self._settled.at) / SECOND

    async def _with_labels(self, take: Take, filled: Sequence[LabelAhead], now: int) -> Take:
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
            inbox=replace(take.inbox, taken=tuple(batch.id for batch in batches)),
            rejects=(*take.rejects, *rejects)[:KEPT_REJECTS],
            rejected=take.rejected + sum(batch.rejected for batch in batches),
        )
        return await posted_labels.with_labels(take, [*filled, *sent], context, now=now)
