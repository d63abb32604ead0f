"""Broadcast committed cycles; slow subscribers are dropped.

A cycle only leaves a note. One task reads the monitor's state afterwards and sends it to every subscriber;
cycles that were committed meanwhile share one event. A subscriber that was dropped comes back and resumes
with the last id that it has, or learns that it missed too much and reads everything again.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import structlog

from service.core.time_units import to_datetime
from service.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

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
GAP_SECONDS = 0.25  # a replay at full speed is broadcast four times a second


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of the stream: its kind, its id, its JSON."""

    id: str
    kind: str
    data: str


@dataclass(slots=True, eq=False)
class Subscriber:
    """One open stream and the events that wait for it; `resumed` is whether it got all that it had missed."""

    resumed: bool
    waiting: deque[StreamEvent]
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
        note.events = [*note.events, *events][-MAX_EVENTS:]
        self._noted.set()

    def notify_list(self) -> None:
        """Send that there is another monitor, or one less, or a file that cannot be used."""
        self._publish("monitors", "{}")

    @property
    def full(self) -> bool:
        """Whether no further subscriber is accepted."""
        return self._closed or len(self._subscribers) >= MAX_SUBSCRIBERS

    def subscribe(self, last_id: str | None = None) -> Subscriber:
        """Open a stream; with `last_id` the events after it come first, as long as they are still kept."""
        missed = self._after(last_id)
        subscriber = Subscriber(resumed=missed is not None, waiting=deque(missed or ()), gone=self._closed)
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
            for monitor, note in notes.items():
                if self._subscribers:
                    kind, message = await self._message(read, monitor, note, before)
                    self._publish(kind, json.dumps(message, default=_plain))
                else:
                    self._skip()
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

    def _publish(self, kind: str, data: str) -> None:
        self._number += 1
        event = StreamEvent(self.position, kind, data)
        self._kept.append(event)
        for subscriber in list(self._subscribers):
            subscriber.waiting.append(event)
            subscriber.wake.set()
            if len(subscriber.waiting) > MAX_WAITING:
                subscriber.waiting.clear()  # it comes back, and resumes
                self.unsubscribe(subscriber)

    def _skip(self) -> None:
        # Nobody listened: a subscriber that comes back with an older id has missed something.
        self._number += 1
        self._kept.clear()

    def _after(self, last_id: str | None) -> list[StreamEvent] | None:
        if last_id == self.position:
            return []
        ids = [event.id for event in self._kept]
        return list(self._kept)[ids.index(last_id) + 1 :] if last_id in ids else None


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
