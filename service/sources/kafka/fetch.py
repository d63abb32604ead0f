"""Reads a take's messages, and has them decoded on a thread while the next ones are fetched."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.event_clock import EventClock
from service.sources.kafka.messages import Messages
from service.sources.kafka.rows import PartitionRows, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from concurrent.futures import Executor

    from service.sources.kafka.positions import Position, Topic
    from service.sources.kafka.reader import TopicReader
    from service.sources.kafka.rows import RowOptions

MAX_ROWS = 250_000  # of a take
MAX_BYTES = 64 << 20  # of a take's messages
READ_AT_ONCE = 2_000  # messages, which the event loop unpacks in a few milliseconds
DECODED_AT_ONCE = 5_000  # messages of a partition
WAIT_SECONDS = 1.0  # for the next messages, before it is looked at whether there are any
TAKE_SECONDS = 20.0  # after which a take ends, if it has rows
PATIENCE_SECONDS = 15.0  # with messages that are there and do not come
DECODING_AHEAD = 4  # lots of messages that are decoded or wait for it


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a take read.

    - `rows`: of each lot of messages, in the order of their offsets within a partition
    - `offsets`: the next offset of each partition
    - `stamps`: the last timestamp of each partition from which a message came (milliseconds)
    """

    rows: tuple[PartitionRows, ...]
    offsets: Mapping[int, int]
    stamps: Mapping[int, int]


@dataclass(slots=True)
class _Lot:
    """Messages of a partition that wait to be decoded together."""

    offsets: list[int] = field(default_factory=list)
    stamps: list[int] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    def add(self, messages: Sequence[Any]) -> int:
        """Take up aiokafka's records; return how many bytes their values have."""
        self.offsets += [each.offset for each in messages]
        self.stamps += [-1 if each.timestamp is None else each.timestamp for each in messages]
        self.values += [each.value for each in messages]
        return sum(len(each.value) for each in messages if each.value is not None)


class Fetch:
    """Reads a topic up to where it ended when the take began, or to a number of rows or bytes."""

    def __init__(
        self, reader: TopicReader, topic: Topic, options: RowOptions, decoding: Executor, max_rows: int
    ) -> None:
        """Take a reader that is at its offsets, and a single thread that decodes."""
        self._reader = reader
        self._topic = topic
        self._options = options
        self._decoding = decoding
        self._max_rows = max_rows
        self._lots: dict[int, _Lot] = {}
        self._decoded: list[asyncio.Future[PartitionRows]] = []
        self._clocks: dict[int, EventClock] = {}

    async def run(self, held: Position, now: int) -> Fetched:
        """Return what follows `held`. Raises SourceError where messages that are there do not come."""
        self._clocks = dict(held.clocks)
        try:
            offsets, stamps = await self._read(dict(held.offsets), now)
            for partition in list(self._lots):
                self._decode(partition, now)
            rows = await asyncio.gather(*self._decoded)
        finally:
            for future in self._decoded:
                future.cancel()
        return Fetched(tuple(rows), offsets, stamps)

    async def _read(self, offsets: dict[int, int], now: int) -> tuple[dict[int, int], dict[int, int]]:
        clock = asyncio.get_running_loop().time
        stamps = dict[int, int]()
        rows, size, came = 0, 0, clock()
        until = came + TAKE_SECONDS
        self._reader.wake()
        while rows < self._max_rows and size < MAX_BYTES and self._is_behind(offsets):
            if rows and clock() > until:
                break
            read = await self._reader.read(min(READ_AT_ONCE, self._max_rows - rows), WAIT_SECONDS)
            before, offsets = offsets, await self._reader.offsets()
            if offsets != before:
                came = clock()
            elif clock() > came + PATIENCE_SECONDS:
                if rows:
                    break  # those are measured; the next take says what is wrong
                raise SourceError(self._no_messages(offsets))
            for partition, messages in read.items():
                rows += len(messages)
                size += self._lots.setdefault(partition, _Lot()).add(messages)
                stamps[partition] = messages[-1].timestamp
                if len(self._lots[partition].values) >= DECODED_AT_ONCE:
                    self._decode(partition, now)
            if len(self._decoded) > DECODING_AHEAD:
                await self._decoded[-DECODING_AHEAD]
        if not self._is_behind(offsets):
            self._reader.rest()
        return offsets, stamps

    def _decode(self, partition: int, now: int) -> None:
        lot = self._lots.pop(partition)
        messages = Messages(partition, lot.offsets, lot.stamps, lot.values)
        work = partial(_rows, messages, self._options, self._clocks, now)
        self._decoded.append(asyncio.get_running_loop().run_in_executor(self._decoding, work))

    def _is_behind(self, offsets: Mapping[int, int]) -> bool:
        return any(offsets[each] < span.end for each, span in self._topic.spans.items())

    def _no_messages(self, offsets: Mapping[int, int]) -> str:
        behind = [
            f"{each} at {offsets[each]} of {span.end}"
            for each, span in sorted(self._topic.spans.items())
            if offsets[each] < span.end
        ]
        return (
            f"topic {self._topic.name}: no message came within {PATIENCE_SECONDS:g} s, though there are more "
            f"in partition {', '.join(behind)}"
        )


def _rows(messages: Messages, options: RowOptions, clocks: dict[int, EventClock], now: int) -> PartitionRows:
    # On the thread, lot by lot: each goes on from the clock that the one before it left.
    found = rows_of(messages, options, clocks.get(messages.partition, EventClock()), now)
    clocks[messages.partition] = found.clock
    return found
