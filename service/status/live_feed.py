"""Who is told of cycles: each follower gets an event a committed cycle, and none of them slows one.

A cycle only leaves a note. One task reads the monitor's state afterwards and hands it to every follower;
cycles that came meanwhile are told together. A follower that does not keep up is let go: it comes back and
resumes with the last id that it has, or learns that it missed too much and reads everything anew.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import structlog

from service.core.time_units import SECOND
from service.errors import StoreError
from service.status.monitor_state import key_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from service.core.cycle_record import CycleRecord
    from service.core.event import Event

    Read = Callable[[str], Awaitable[tuple[dict[str, Any], list[dict[str, Any]]]]]

log = structlog.get_logger(__name__)

MAX_SUBSCRIBERS = 32
MAX_WAITING = 64  # events of one follower
MAX_KEPT = 256  # events for those who come back
MAX_EVENTS = 50  # of a monitor in one telling
GAP_SECONDS = 0.25  # a replay at full speed is told four times a second


@dataclass(frozen=True, slots=True)
class StreamEvent:
    """One event of the stream: its kind, its id, its JSON."""

    id: str
    kind: str
    data: str


@dataclass(slots=True, eq=False)
class Subscriber:
    """One open stream: what waits for it. `resumed` is whether it got all that it had missed."""

    resumed: bool
    waiting: deque[StreamEvent]
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False

    async def events_as_they_come(self) -> AsyncIterator[StreamEvent]:
        """Give the events as they come, until the follower is let go or the service ends."""
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
    """Everything that is told, and everybody who follows it."""

    def __init__(self) -> None:
        self._run = secrets.token_hex(4)  # ids of another start of the service mean nothing here
        self._number = 0
        self._kept: deque[StreamEvent] = deque(maxlen=MAX_KEPT)
        self._subscribers: set[Subscriber] = set()
        self._notes: dict[str, _Note] = {}
        self._noted = asyncio.Event()
        self._closed = False

    def after(self, record: CycleRecord) -> None:
        """Leave word of a committed cycle."""
        self.notify(record.monitor, record.events)

    def notify(self, monitor: str, events: Iterable[Event] = ()) -> None:
        """Leave word that a cycle of `monitor` ended; returns at once."""
        notify = self._notes.setdefault(monitor, _Note())
        notify.cycles += 1
        notify.events = [*notify.events, *events][-MAX_EVENTS:]
        self._noted.set()

    @property
    def full(self) -> bool:
        """Whether no further follower is taken."""
        return self._closed or len(self._subscribers) >= MAX_SUBSCRIBERS

    def subscribe(self, last_id: str | None = None) -> Subscriber:
        """Open a stream; with `last_id` what came after it is given first, as long as it is still kept."""
        missed = self._after(last_id)
        subscriber = Subscriber(resumed=missed is not None, waiting=deque(missed or ()), gone=self._closed)
        self._subscribers.add(subscriber)
        return subscriber

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a follower; it may already be gone."""
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
        """The id of the last event that was told."""
        return f"{self._run}-{self._number}"

    async def broadcast(self, read: Read) -> None:
        """Tell followers of noted cycles, for ever; `read` gives a monitor's state and newest numbers."""
        verdicts: dict[str, dict[str, Any]] = {}
        while True:
            await self._noted.wait()
            self._noted.clear()
            notes, self._notes = self._notes, {}
            for monitor, notify in notes.items():
                if self._subscribers:
                    kind, told = await self._message(read, monitor, notify, verdicts)
                    self._publish(kind, json.dumps(told, default=_plain))
                else:
                    self._skip()
            await asyncio.sleep(GAP_SECONDS)

    async def _message(
        self,
        read: Read,
        monitor: str,
        notify: _Note,
        verdicts: dict[str, dict[str, Any]],
    ) -> tuple[str, dict[str, Any]]:
        try:
            state, rows = await read(monitor)
        except StoreError as error:
            log.warning("cycle not told", monitor=monitor, error=str(error))
            return "trouble", {"monitor": monitor, "error": str(error)}
        now = {key_of(row): (row["breached"], row["alarm"], row["value"] is None) for row in rows}
        before = verdicts.get(monitor, now)
        verdicts[monitor] = now
        changed = [row for row in rows if before.get(key_of(row)) != now[key_of(row)]]
        events = [_event(event) for event in notify.events]
        return "cycle", {
            "monitor": monitor, "cycles": notify.cycles, "state": state, "changed": changed, "events": events,
        }  # fmt: skip

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
        # Nobody listened: who comes back with an older id has missed something.
        self._number += 1
        self._kept.clear()

    def _after(self, last_id: str | None) -> list[StreamEvent] | None:
        if last_id == self.position:
            return []
        ids = [event.id for event in self._kept]
        return list(self._kept)[ids.index(last_id) + 1 :] if last_id in ids else None


def _event(event: Event) -> dict[str, Any]:
    return {
        "at": datetime.fromtimestamp(event.at / SECOND, UTC),
        "kind": event.kind,
        "column_name": event.column,
        "metric": event.metric,
        "message": event.message,
        "details": event.details,
    }


def _plain(value: Any) -> str:
    return str(value.isoformat())
