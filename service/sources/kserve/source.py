"""Gives the rows of the inferences that were logged: request and response, once both have come.

Events lie in the inbox until a cycle takes them. Those whose other half has not come are then kept as halves
that wait, in the transaction that commits the cycle: pairs are found across restarts and in any order.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.inbox import BatchKind
from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated, differently_typed
from service.core.rows.id_sums import NO_ROWS
from service.core.rows.inbox_change import InboxChange
from service.core.rows.take import Take
from service.core.time_units import SECOND
from service.sources.event_clock import of_json
from service.sources.http import posted_labels
from service.sources.kserve import half as halves
from service.sources.kserve.pairs import KEPT_REJECTS, Paired, Pairing, stored_halves
from service.sources.kserve.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.inbox import InboxBatch, Waiting
    from service.core.rows.id_sums import IdSums
    from service.sources.context import SourceContext
    from service.sources.kserve.half import Half

MAX_ROWS = 250_000  # of a take, about


@dataclass(frozen=True, slots=True)
class KserveOptions:
    """How pairs are taken; all in microseconds.

    - `wait_us`: how long a half waits for its other one
    - `allowed_lateness_us`: how far a request may lie behind the newest one
    - `idle_after_us`: after how much silence time goes on without rows
    """

    wait_us: int
    allowed_lateness_us: int
    idle_after_us: int


class KserveSource:
    """Takes what waits in the inbox, and pairs it with what came before."""

    def __init__(self, context: SourceContext, options: KserveOptions) -> None:
        self._context = context
        self._options = options
        self._pairing = Pairing(context.monitor, context.schema, options.allowed_lateness_us)
        self._patience = Patience()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kserve")

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the rows of the pairs that are complete now."""
        context, options, inbox = self._context, self._options, self._context.tables.inbox
        run = asyncio.get_running_loop().run_in_executor
        waiting = await inbox.read(MAX_ROWS)
        now = context.now()
        until = self._patience.until(now, options.wait_us, oldest=waiting.oldest)
        fresh = await run(self._pool, lambda: _decoded(waiting.batches))
        stored = await stored_halves(inbox, fresh, until)
        held = await inbox.count_halves()
        clock = of_json(position or {})
        found = await run(self._pool, lambda: self._pairing.of(fresh, stored, clock, until))
        take = self._take(waiting, found, position or {}, held=held, now=now)
        if context.labels is None:
            return take
        own = self._own(waiting)
        sent = await run(self._pool, lambda: posted_labels.sent_labels(own, context.labels))
        return await posted_labels.with_labels(take, sent, context, now=now)

    async def close(self) -> None:
        """End the thread; no take may follow."""
        self._pool.shutdown(wait=False)

    def _own(self, waiting: Waiting) -> list[InboxBatch]:
        """Return the batches that this source takes.

        What was accepted when the monitor's source was another one stays, and so do labels that it expects no
        more.
        """
        kinds = {BatchKind.EVENTS} if self._context.labels is None else {BatchKind.EVENTS, BatchKind.LABELS}
        return [batch for batch in waiting.batches if batch.kind in kinds]

    def _take(
        self, waiting: Waiting, found: Paired, position: dict[str, Any], *, held: int, now: int
    ) -> Take:
        batches = self._own(waiting)
        rejects = [reject for batch in batches for reject in batch.rejects] + found.rejects
        refused_before = _refused_ids(batches, BatchKind.EVENTS)
        is_idle = waiting.oldest is None
        change = InboxChange(
            tuple(batch.id for batch in batches),
            measured=halves.event_sums(found.measured),
            rejected=halves.event_sums(found.refused) + refused_before,
            rejected_labels=_refused_ids(batches, BatchKind.LABELS),
            halves=found.waiting,
            paired=found.met,
            waiting_events=held + len(found.waiting) - len(found.met),
            unpaired_events=found.unpaired,
        )
        return Take(
            concatenated(found.parts, self._context.schema) if found.parts else no_rows(),
            found.clock.as_json() | {"batches": position.get("batches", 0) + len(batches)},
            watermark=found.clock.idle_watermark(now, self._options.idle_after_us)
            if is_idle
            else found.clock.watermark,
            rejects=tuple(rejects[:KEPT_REJECTS]),
            rejected=sum(batch.rejected for batch in batches) + len(found.refused),
            lag_seconds=0.0 if waiting.oldest is None else max(0, now - waiting.oldest) / SECOND,
            inbox=change,
            backlog_rows=waiting.rows,
            parts=differently_typed(found.parts),
        )


def _refused_ids(batches: Sequence[InboxBatch], kind: BatchKind) -> IdSums:
    """Return the sums of what was refused of one kind of batches when it came."""
    return sum((batch.rejected_ids for batch in batches if batch.kind is kind), start=NO_ROWS)


def _decoded(batches: Sequence[InboxBatch]) -> list[Half]:
    return [
        halves.decode(batch.payload, received=batch.received)
        for batch in batches
        if batch.kind is BatchKind.EVENTS and batch.payload
    ]
