"""Where reading a topic goes on, and what is said of what was lost."""

from __future__ import annotations

import json

from service.sources.event_clock import EventClock
from service.sources.kafka.positions import Position, Span, Topic, position_of, resumed

TOPIC = Topic("clicks", "id-1", {0: Span(0, 10), 1: Span(4, 8)})


def test_a_position_comes_back_from_json() -> None:
    """A checkpoint keeps offsets and clocks by partition."""
    held = Position("id-1", {0: 3, 11: 7}, {11: EventClock(5, 6)})
    assert position_of(json.loads(json.dumps(held.as_json()))) == held
    assert position_of(None) == Position()


def test_reading_goes_on_where_it_ended() -> None:
    """Within what the brokers have nothing is said; a new partition is read from its first offset."""
    after, events = resumed(Position("id-1", {0: 10}), TOPIC, 7)
    assert (after.offsets, events) == ({0: 10, 1: 4}, ())


def test_deleted_offsets_are_counted() -> None:
    """Offsets before the first that is left were lost to retention."""
    after, (event,) = resumed(Position("id-1", {0: 1, 1: 1}), TOPIC, 7)
    assert (after.offsets, event.kind, event.at) == ({0: 1, 1: 4}, "rows_lost", 7)
    assert "clicks/1: 3 offsets, 1 to 3, were deleted" in event.message
    assert event.details["lost_offsets"] == 3


def test_a_log_that_ends_before_what_was_read_is_said() -> None:
    """The brokers lost messages: reading goes on at the end, so that none is counted twice."""
    after, (event,) = resumed(Position("id-1", {0: 12, 1: 8}), TOPIC, 7)
    assert after.offsets == {0: 10, 1: 8}
    assert "was read up to 12, and its log ends at 10" in event.message


def test_another_topic_of_the_name_is_read_from_its_start() -> None:
    """Whatever its offsets are, and by the clocks of none of the earlier one's rows."""
    held = Position("id-0", {0: 5, 1: 5}, {0: EventClock(5, 6)})
    after, (event,) = resumed(held, TOPIC, 7)
    assert after == Position("id-1", {0: 0, 1: 4})
    assert "was deleted and made again" in event.message


def test_brokers_without_ids_are_believed_to_have_made_it_again() -> None:
    """A log that is shorter than what was read is then that of a new topic."""
    old = Topic("clicks", "", TOPIC.spans)
    after, (event,) = resumed(Position("", {0: 12, 1: 8}), old, 7)
    assert after.offsets == {0: 0, 1: 8}
    assert "probably deleted and made again" in event.message
