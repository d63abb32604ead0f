"""The rows of the pairs that some halves make, and what becomes of the other halves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from service.config.base import duration_text
from service.core.rows.inbox_change import HalfEvent
from service.core.time_units import to_datetime
from service.sources.http.kind_change import by_kind
from service.sources.kserve import half as halves
from service.sources.kserve.pairing import matched, reject_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Reject
    from service.sources.context import InboxTable
    from service.sources.event_clock import EventClock
    from service.sources.kserve.half import Half

log = structlog.get_logger(__name__)

KEPT_REJECTS = 100  # of a take


@dataclass(slots=True)
class Paired:
    """What a take makes of its halves.

    - `clock`: the event clock after them
    - `parts`: the rows of each pair
    - `measured`, `refused`: the events that became rows, and those that never will
    - `rejects`: why, of the first of the latter
    - `waiting`, `met`: the new halves that wait, and the stored ones, by number, that wait no longer
    - `unpaired`: how many were given up
    """

    clock: EventClock
    parts: list[Batch] = field(default_factory=list)
    measured: list[tuple[str, str]] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    waiting: tuple[HalfEvent, ...] = ()
    met: tuple[int, ...] = ()
    unpaired: int = 0

    def refuse(self, half: Half, reason: str) -> None:
        """Note that a half makes no row."""
        self.refused.append((half.id, half.side))
        if len(self.rejects) < KEPT_REJECTS:
            self.rejects.append(reject_of(half, reason))


@dataclass(frozen=True, slots=True)
class Pairing:
    """Pairs the halves of one monitor.

    - `monitor`, `schema`: its name and its columns
    - `allowed_lateness_us`: how far a request may lie behind the newest one (microseconds)
    """

    monitor: str
    schema: Schema
    allowed_lateness_us: int

    def of(
        self, fresh: Sequence[Half], stored: Sequence[HalfEvent], clock: EventClock, until: int | None
    ) -> Paired:
        """Return what `fresh` and `stored` halves make; those that came before `until` wait no longer."""
        before = {each.id: each for each in stored}
        kept = [halves.decode(e.payload, received=e.received, stored=e.id) for e in before.values()]
        matching = matched((*sorted(kept, key=lambda half: half.stored), *fresh))
        found = Paired(clock)
        if until is not None:
            found.unpaired = matching.give_up(until)
        for half, reason in matching.dropped:
            if reason is not None:
                found.refuse(half, reason)
        for request, response in sorted(matching.pairs, key=lambda pair: pair[0].at):
            self._add(found, request, response)
        left = matching.waiting.values()
        found.waiting = tuple(
            HalfEvent(half.id, half.received, halves.encode(half)) for half in left if not half.stored
        )
        found.met = tuple(sorted(before.keys() - {half.stored for half in left}))
        return found

    def _add(self, found: Paired, request: Half, response: Half) -> None:
        if request.batch is None or response.batch is None:
            return
        schema = self.schema
        rows = rows_of(by_kind(request.batch, schema), by_kind(response.batch, schema), schema)
        allowed = self.allowed_lateness_us
        if found.clock.watermark is not None and request.at < found.clock.watermark - allowed:
            rows = (
                f"came more than {duration_text(allowed)} (allowed_lateness) after the newest row, which is "
                f"of {to_datetime(found.clock.watermark):%Y-%m-%dT%H:%M:%SZ}"
            )
        if isinstance(rows, str):
            for half in (request, response):
                found.refuse(half, rows)
            return
        for remark in rows.arrival.remarks:
            log.warning("rows that were sent", monitor=self.monitor, hint=remark)
        found.clock = found.clock.after(rows.event_time, max(request.received, response.received))
        found.parts.append(rows)
        found.measured += [(half.id, half.side) for half in (request, response)]


async def stored_halves(inbox: InboxTable, fresh: Sequence[Half], until: int | None) -> list[HalfEvent]:
    """Return the halves that wait under the ids of `fresh` ones, and those that came before `until`."""
    found = list(await inbox.halves_of(sorted({half.id for half in fresh}))) if fresh else []
    if until is not None:
        found += await inbox.halves_before(until)
    return found
