"""What the HTTP routes are handed: callables and their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and what stands in its way."""

    ready: bool
    checks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Callables:
    """What the door opens on; the composition root fills it in."""

    monitors: Callable[[], list[dict[str, Any]]]
    readiness: Callable[[], Awaitable[Readiness]]
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]]
    windows: Callable[[str, int], Awaitable[list[Any]]]
    report: Callable[[str, int], Awaitable[str]]
    state: Callable[[str], Awaitable[dict[str, Any]]]
    series: Callable[[str], Awaitable[list[dict[str, Any]]]]
    latest_window: Callable[[str], Awaitable[dict[str, Any]]]
    measurements: Callable[..., Awaitable[list[dict[str, Any]]]]
    events: Callable[..., Awaitable[list[dict[str, Any]]]]
    distribution: Callable[..., Awaitable[dict[str, Any]]]
    feed: EventBroadcaster


class StreamEvent(Protocol):
    """One event: its id, its kind, its JSON."""

    id: str
    kind: str
    data: str


class Subscriber(Protocol):
    """One open stream; `resumed` is whether it gets all that it had missed."""

    resumed: bool

    def events_as_they_come(self) -> AsyncIterator[StreamEvent]:
        """Give the events as they come, until the stream is to end."""
        ...


class EventBroadcaster(Protocol):
    """Where streams come from; `full` is whether there is no place for another one."""

    full: bool

    def subscribe(self, last_id: str | None = None) -> Subscriber:
        """Open a stream behind the event with that id."""
        ...

    def unsubscribe(self, subscriber: Subscriber) -> None:
        """Forget a stream."""
        ...
