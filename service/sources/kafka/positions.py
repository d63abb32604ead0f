"""How far each partition of a topic was read, and where reading goes on in the topic as it is now.

Offsets are compared, never counted as rows: compaction, transactions and their control records leave gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.core.event import Event
from service.sources.event_clock import EventClock, of_json

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Span:
    """The offsets that a partition has now: from `first` up to and without `end`."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as the brokers have it now.

    - `name`: its name
    - `id`: which topic of that name it is, empty where the brokers are too old to say
    - `spans`: its partitions' offsets
    """

    name: str
    id: str
    spans: Mapping[int, Span]


@dataclass(frozen=True, slots=True)
class Position:
    """How far a topic was read.

    - `topic_id`: which topic of its name, empty where unknown
    - `offsets`: the next offset of each partition
    - `clocks`: the event time of each partition from which a row came
    """

    topic_id: str = ""
    offsets: Mapping[int, int] = field(default_factory=dict)
    clocks: Mapping[int, EventClock] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return what `position_of` reads."""
        clocks = {str(each): clock.as_json() for each, clock in sorted(self.clocks.items())}
        offsets = {str(each): offset for each, offset in sorted(self.offsets.items())}
        return {"topic_id": self.topic_id, "offsets": offsets, "clocks": clocks}


def position_of(content: dict[str, Any] | None) -> Position:
    """Return the position that a checkpoint holds; None is that before the first take."""
    if content is None:
        return Position()
    return Position(
        content["topic_id"],
        {int(each): offset for each, offset in content["offsets"].items()},
        {int(each): of_json(clock) for each, clock in content["clocks"].items()},
    )


def resumed(held: Position, topic: Topic, at: int) -> tuple[Position, tuple[Event, ...]]:
    """Return where reading goes on, and what was lost on the way as events of the instant `at`.

    A partition that is new is read from its first offset.
    """
    if held.topic_id and topic.id and held.topic_id != topic.id:
        return _from_start(topic), (_recreated(held, topic, at),)
    offsets, events = dict[int, int](), list[Event]()
    for partition, span in sorted(topic.spans.items()):
        offset = held.offsets.get(partition, span.first)
        if offset < span.first:
            events.append(_deleted(topic, partition, offset, span, at))
            offset = span.first
        elif offset > span.end:
            events.append(_ended_before(topic, partition, offset, span, at))
            offset = span.end if topic.id else span.first
        offsets[partition] = offset
    return Position(topic.id, offsets, held.clocks), tuple(events)


def _from_start(topic: Topic) -> Position:
    return Position(topic.id, {each: span.first for each, span in topic.spans.items()})


def _deleted(topic: Topic, partition: int, offset: int, span: Span, at: int) -> Event:
    lost = span.first - offset
    message = (
        f"{topic.name}/{partition}: {lost:,} offsets, {offset} to {span.first - 1}, were deleted before they "
        f"were read (the topic's retention); goes on at {span.first}. Expected a longer retention, or a "
        "service that is not away so long"
    )
    details = {"partition": partition, "offset": offset, "first": span.first, "lost_offsets": lost}
    return Event("rows_lost", at, message, details=details)


def _ended_before(topic: Topic, partition: int, offset: int, span: Span, at: int) -> Event:
    if topic.id:
        what = "the brokers have lost messages that were read before, and others may have taken their offsets"
        where = span.end
    else:
        what, where = "the topic was probably deleted and made again", span.first
    message = (
        f"{topic.name}/{partition}: was read up to {offset}, and its log ends at {span.end}: {what}; "
        f"goes on at {where}"
    )
    details = {"partition": partition, "offset": offset, "end": span.end}
    return Event("rows_lost", at, message, details=details)


def _recreated(held: Position, topic: Topic, at: int) -> Event:
    read = ", ".join(f"{partition} up to {offset}" for partition, offset in sorted(held.offsets.items()))
    message = (
        f"{topic.name} was deleted and made again: what was not read of the earlier one (partition {read}) "
        "is lost; the new one is read from its start"
    )
    details = {"earlier": held.topic_id, "topic_id": topic.id, "offsets": dict(held.as_json()["offsets"])}
    return Event("rows_lost", at, message, details=details)
