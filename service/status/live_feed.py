"""Broadcast committed cycles; slow subscribers are dropped.

A cycle only leaves a note. One task reads the monitor's state afterwards and sends it to every subscriber;
cycles that were committed meanwhile share one event. A brief subscriber, such as the page, gets one small
event for all monitors instead, and reads what it shows; where all are brief, no state is read here. A
subscriber that was dropped comes back and resumes with the last id that it has, or learns that it missed too
much and reads everything again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from service.core.time_units import to_datetime
from service.errors import StoreError
from service.methods.alarm import BREACH

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Mapping

    from service.core.cycle_record import CycleRecord
    from service.core.event import Event
    from service.core.read_models import NewestMeasurement, NewestWindow
    from service.status.monitor_state import MonitorState

    Read = Callable[[str], Awaitable[tuple[MonitorState, NewestWindow]]]
    SeriesKey = tuple[str, str, str, str, str]
    Standing = tuple[bool | None, bool, bool]  # breached, alarm, without a value

log = structlog.get_logger(__name__)

MAX_SUBSCRIBERS = 32
MAX_WAITING = 64  # events of one subscriber
MAX_KEPT = 256  # events for subscribers that come back
MAX_EVENTS = 50  # of a monitor in one message
MAX_ANNOUNCED = 5  # new alarms of one event for brief subscribers
MAX_MESSAGE = 300  # characters of their messages
GAP_SECONDS = 0.25  # a replay at full speed is broadcast four times a second


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of the stream.

    - `id`, `kind`, `data`: as sent, the data as JSON
    - `brief`: whether it is for brief subscribers or for the others; None: for both
    - `alone`: whether the other subscribers got nothing in its place, because there were none
    - `notes`: by the names of the monitors that it is about, what was noted of them
    """

    id: str
    kind: str
    data: str
    brief: bool | None = None
    alone: bool = False
    notes: Mapping[str, _Note] = field(default_factory=dict)

    def seen_by(self, visible: Collection[str] | None) -> StreamEvent | None:
        """Return the event without the monitors that are not `visible` (None: all are); None: it has none."""
        if visible is None or not self.notes:
            return self
        notes = {name: note for name, note in self.notes.items() if name in visible}
        if not notes or len(notes) == len(self.notes):
            return self if notes else None
        return replace(self, data=json.dumps(_brief(notes)), notes=notes)

    def is_for(self, *, brief: bool) -> bool:
        """Return whether brief subscribers, or the others, get it."""
        return self.brief is None or self.brief is brief


@dataclass(slots=True, eq=False)
class Subscriber:
    """One open stream and the events that wait for it.

    - `resumed`: whether it got all that it had missed
    - `brief`: whether it gets names of monitors instead of their states
    - `visible`: the monitors that it may know of; None: all
    """

    resumed: bool
    waiting: deque[StreamEvent]
    brief: bool = False
    visible: Collection[str] | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    async def events_as_they_come(self) -> AsyncIterator[StreamEvent]:
        """Yield the events as they come, until the subscriber is dropped or the service ends."""
        while True:
            while self.waiting:
                yield self.waiting.popleft()
            if self.gone:
                return
            self.wake.clear()
            await self.wake.wait()


@dataclass(slots=True)
class _Note:
    cycles: int = 0
    alarms: int = 0  # raised
    events: list[Event] = field(default_factory=list)


class EventBroadcaster:
    """Sends noted cycles to every subscriber."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)  # ids of another start of the service mean nothing here
        self._number = 0
        self._kept: deque[StreamEvent] = deque(maxlen=MAX_KEPT)
        self._subscribers: set[Subscriber] = set()
        self._notes: dict[str, _Note] = {}
        self._noted = asyncio.Event()
        self._closed = False

    def after(self, record: CycleRecord) -> None:
        """Note a committed cycle."""
        self.notify(record.monitor, record.events)

    def notify(self, monitor: str, events: Iterable[Event] = ()) -> None:
        """Note that a cycle of `monitor` ended; returns at once."""
        note = self._notes.setdefault(monitor, _Note())
        note.cycles += 1
        fresh = list(events)
        note.alarms += sum(event.kind == BREACH for event in fresh)
        note.events = [*note.events, *fresh][-MAX_EVENTS:]
        self._noted.set()

    def notify_list(self) -> None:
        """Send that there is another monitor, or one less, or a file that cannot be used."""
        self._publish("monitors", {})

    @property
    def full(self) -> bool:
        """Whether no further subscriber is accepted."""
        return self._closed or len(self._subscribers) >= MAX_SUBSCRIBERS

    def subscribe(
        self, last_id: str | None = None, *, brief: bool = False, visible: Collection[str] | None = None
    ) -> Subscriber:
        """Open a stream; with `last_id` the events after it come first, as long as they are still kept.

        Of monitors that are not `visible` it says nothing; None: all are.
        """
        missed = self._after(last_id, brief=brief)
        shown = [event.seen_by(visible) for event in missed or ()]
        subscriber = Subscriber(
            resumed=missed is not None,
            waiting=deque(event for event in shown if event is not None),
            brief=brief,
            visible=visible,
            gone=self._closed,
        )
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a subscriber; it may already be gone."""
        self._subscribers.discard(subscriber)
        subscriber.gone = True
        subscriber.wake.set()

    def close(self) -> None:
        """End every stream, now."""
        self._closed = True
        for subscriber in list(self._subscribers):
            self.unsubscribe(subscriber)

    @property
    def position(self) -> str:
        """The id of the last event."""
        return f"{self._run}-{self._number}"

    async def broadcast(self, read: Read) -> None:
        """Send noted cycles until cancelled; `read` returns a monitor's state and newest window."""
        before: dict[str, dict[SeriesKey, Standing]] = {}
        while True:
            await self._noted.wait()
            self._noted.clear()
            notes, self._notes = self._notes, {}
            if not self._subscribers:
                self._skip()
            elif all(one.brief for one in self._subscribers):
                self._publish("cycled", _brief(notes), brief=True, alone=True, notes=notes)
            else:
                for monitor, note in notes.items():
                    kind, message = await self._message(read, monitor, note, before)
                    alone = not any(one.brief for one in self._subscribers)
                    self._publish(kind, message, brief=False, alone=alone, notes={monitor: note})
                if any(one.brief for one in self._subscribers):
                    self._publish("cycled", _brief(notes), brief=True, notes=notes)
            await asyncio.sleep(GAP_SECONDS)

    async def _message(
        self,
        read: Read,
        monitor: str,
        note: _Note,
        before: dict[str, dict[SeriesKey, Standing]],
    ) -> tuple[str, dict[str, Any]]:
        try:
            state, newest = await read(monitor)
        except StoreError as error:
            log.warning("cycle not broadcast", monitor=monitor, error=str(error))
            return "trouble", {"monitor": monitor, "error": str(error)}
        now = {_key(each): (each.breached, each.alarm, each.value is None) for each in newest.measurements}
        earlier = before.get(monitor, now)
        before[monitor] = now
        changed = [each for each in newest.measurements if earlier.get(_key(each)) != now[_key(each)]]
        return "cycle", {
            "monitor": monitor,
            "cycles": note.cycles,
            "state": asdict(state),
            "changed": [asdict(each) for each in changed],
            "events": [_event(event) for event in note.events],
        }

    def _publish(
        self,
        kind: str,
        message: Mapping[str, Any],
        *,
        brief: bool | None = None,
        alone: bool = False,
        notes: Mapping[str, _Note] | None = None,
    ) -> None:
        self._number += 1
        data = json.dumps(message, default=_plain)
        event = StreamEvent(self.position, kind, data, brief, alone, notes or {})
        self._kept.append(event)
        for subscriber in [one for one in self._subscribers if event.is_for(brief=one.brief)]:
            shown = event.seen_by(subscriber.visible)
            if shown is None:
                continue
            subscriber.waiting.append(shown)
            subscriber.wake.set()
            if len(subscriber.waiting) > MAX_WAITING:
                subscriber.waiting.clear()  # it comes back, and resumes
                self.unsubscribe(subscriber)

    def _skip(self) -> None:
        # Nobody listened: a subscriber that comes back with an older id has missed something.
        self._number += 1
        self._kept.clear()

    def _after(self, last_id: str | None, *, brief: bool) -> list[StreamEvent] | None:
        if last_id == self.position:
            return []
        ids = [event.id for event in self._kept]
        if last_id not in ids:
            return None
        missed = list(self._kept)[ids.index(last_id) + 1 :]
        if any(event.alone and not event.is_for(brief=brief) for event in missed):
            return None
        return [event for event in missed if event.is_for(brief=brief)]


def _brief(notes: Mapping[str, _Note]) -> dict[str, Any]:
    alarms = [
        {"monitor": monitor, "message": event.message[:MAX_MESSAGE]}
        for monitor, note in notes.items()
        for event in note.events
        if event.kind == BREACH
    ]
    return {
        "monitors": {monitor: note.cycles for monitor, note in notes.items()},
        "alarms": alarms[:MAX_ANNOUNCED],
        "new_alarms": sum(note.alarms for note in notes.values()),
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": to_datetime(event.at),
        "kind": event.kind,
        "column_name": event.column,
        "metric": event.metric,
        "message": event.message,
        "details": event.details,
    }


def _key(of: NewestMeasurement) -> SeriesKey:
    return of.aspect, of.column_name, of.segment, of.metric, of.definition


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
