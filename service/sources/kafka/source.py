"""Takes a topic's messages from the offsets that the checkpoint holds, so that each is measured exactly once.

The position has the next offset of every partition and is committed with what was measured of the messages
before it. Nothing is asked of a consumer group. A take ends at what the partitions had when it began, or at a
number of rows or bytes; messages are decoded on a thread while the next ones are fetched.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import structlog

from service.core.inbox import BatchKind
from service.core.rows.batch import no_rows
from service.core.rows.concatenation import concatenated, differently_typed
from service.core.rows.id_sums import NO_ROWS, sums_of
from service.core.rows.inbox_change import InboxChange
from service.core.rows.take import Take
from service.core.time_units import SECOND
from service.errors import SourceError
from service.sources.http import posted_labels
from service.sources.kafka.fetch import MAX_ROWS, Fetch
from service.sources.kafka.positions import Position, position_of, resumed
from service.sources.kafka.reader import TopicReader
from service.sources.kafka.rows import KEPT_REJECTS, joined
from service.sources.kafka.watermark import watermark_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from service.core.event import Event
    from service.core.rows.batch import Batch
    from service.sources.context import SourceContext
    from service.sources.kafka.fetch import Fetched
    from service.sources.kafka.positions import Topic
    from service.sources.kafka.reader import Address
    from service.sources.kafka.rows import RowOptions

log = structlog.get_logger(__name__)

MAX_LABELS = 250_000  # of a take, about
SHOWN_US = 60 * SECOND  # after which offsets are shown again


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """How a topic is taken.

    - `address`: gives where it is, with its secrets
    - `start`: where a new monitor begins: `earliest`, `latest`, or a time (UTC microseconds)
    - `idle_after_us`: after how much silence time goes on without rows (microseconds)
    - `max_rows`: of a take
    """

    address: Callable[[], Address]
    start: str | int
    idle_after_us: int
    max_rows: int = MAX_ROWS


class KafkaSource:
    """Gives a topic's rows, take by take; it holds a connection, never a position."""

    def __init__(self, context: SourceContext, rows: RowOptions, options: KafkaOptions) -> None:
        """Take how the topic is read; nothing is opened yet."""
        self._context = context
        self._rows = rows
        self._options = options
        self._reader: TopicReader | None = None
        self._shown: Mapping[int, int] = {}
        self._shown_at = 0
        # A single thread: lots of a partition are decoded in their order.
        self._decoding = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka")

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return what follows `position`. Raises SourceError where the brokers do not give it now."""
        try:
            return await self._take(position)
        except BaseException:
            await self._close_reader()  # whatever it had fetched is fetched again
            raise

    async def close(self) -> None:
        """Close the connections and end the thread; no take may follow."""
        await self._close_reader()
        self._decoding.shutdown(wait=False)

    async def _take(self, position: dict[str, Any] | None) -> Take:
        context, options = self._context, self._options
        now = context.now()
        reader = await self._opened()
        topic = await reader.topic()
        held = position_of(position)
        if position is None:
            held = await self._first(reader, topic)
        else:
            await self._show(reader, held, now)
        held, events = resumed(held, topic, now)
        for event in events:
            log.error("rows lost", monitor=context.monitor, hint=event.message)
        await reader.start_at(held.offsets)
        fetched = await Fetch(reader, topic, self._rows, self._decoding, options.max_rows).run(held, now)
        after = Position(
            topic.id,
            fetched.offsets,
            {**held.clocks, **{each.partition: each.clock for each in fetched.rows}},
        )
        made = partial(self._made, fetched, after, topic, now, events)
        take = await asyncio.get_running_loop().run_in_executor(self._decoding, made)
        return await self._with_labels(take, now)

    async def _opened(self) -> TopicReader:
        if self._reader is None:
            self._reader = TopicReader(self._options.address())
            await self._reader.open()
        return self._reader

    async def _close_reader(self) -> None:
        reader, self._reader, self._shown = self._reader, None, {}
        if reader is not None:
            await reader.close()

    async def _first(self, reader: TopicReader, topic: Topic) -> Position:
        start = self._options.start
        if start == "earliest":
            return Position(topic.id)
        ends = {each: span.end for each, span in topic.spans.items()}
        if isinstance(start, int):
            ends |= await reader.offsets_at(start, topic.spans)
        return Position(topic.id, ends)

    async def _show(self, reader: TopicReader, held: Position, now: int) -> None:
        # Again after a while: a holder that was paused shows its older offsets once before it is fenced off.
        is_fresh = now - self._shown_at < SHOWN_US
        if reader.group is None or (held.offsets == self._shown and is_fresh):
            return
        try:
            await reader.show(held.offsets)
        except SourceError as error:  # tools show an older offset until the next cycle; nothing is read by it
            log.warning("offsets not shown", monitor=self._context.monitor, hint=str(error))
        else:
            self._shown, self._shown_at = held.offsets, now

    def _made(
        self, fetched: Fetched, after: Position, topic: Topic, now: int, events: tuple[Event, ...]
    ) -> Take:
        parts = [each.batch for each in sorted(fetched.rows, key=lambda each: each.partition)]
        batch = _in_partitions(parts, self._context.schema) if parts else no_rows()
        rejects, rejected, rejected_ids = joined(fetched.rows)
        waiting = {each for each, span in topic.spans.items() if after.offsets[each] < span.end}
        oldest = min((fetched.stamps.get(each, 0) for each in waiting), default=None)
        measured = sum((sums_of(part.arrival.identity, part.rows) for part in parts), NO_ROWS)
        return Take(
            batch,
            after.as_json(),
            watermark=watermark_of(
                after.clocks,
                waiting,
                now=now,
                idle_after_us=self._options.idle_after_us,
                earliest=int(batch.event_time.min()) if batch.rows else None,
            ),
            rejects=rejects,
            rejected=rejected,
            lag_seconds=_lag(oldest, now) if waiting else 0.0,
            inbox=InboxChange(measured=measured, rejected=rejected_ids),
            backlog_rows=sum(
                span.end - after.offsets[each] for each, span in topic.spans.items() if each in waiting
            ),
            parts=differently_typed(parts),
            events=events,
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


def _lag(oldest: int | None, now: int) -> float | None:
    # By the last message that was read of each partition that has more; None where one has given none yet.
    return None if not oldest or oldest < 0 else max(0.0, now / SECOND - oldest / 1_000)


def _in_partitions(parts: Sequence[Batch], schema: Any) -> Batch:
    # Steps back in time are those within a partition: across partitions there is no order.
    batch = concatenated(parts, schema)
    marks = [part.arrival.backwards for part in parts if part.rows and part.arrival.backwards is not None]
    backwards = np.concatenate(marks) if marks else None
    return replace(batch, arrival=replace(batch.arrival, backwards=backwards))
