"""The ports of a source: a cycle takes its rows, and where rows are sent to it, it reads what comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from service.core.inbox import BatchKind, Posted, PushedEvent, Received, Sent
    from service.core.rows.take import Take


class Source(Protocol):
    """Rows in a fixed order. The checkpoint holds the reader's position; the source holds none."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return the rows after `position` (None: from the start); the same position gives the same rows.

        The same holds for labels that come after their rows, which a take carries in `labels`.
        Raises SourceError where rows cannot be read now; a bad row is a reject, not an error.
        """
        ...

    async def close(self) -> None:
        """Release what the source holds open."""
        ...


@runtime_checkable
class SeekableSource(Protocol):
    """A source that can be read again from a time, not from its start alone."""

    async def position_at(self, instant: int) -> dict[str, Any]:
        """Return the position before the first row at or after `instant` (UTC microseconds).

        Raises SourceError where there is no such row, or rows cannot be read now.
        """
        ...


class Receiver(Protocol):
    """Reads what is sent to one monitor; called on a worker thread. Raises IntakeError."""

    def read_rows(self, posted: Posted, received: int) -> Received:
        """Return the rows of a request that came at `received` (UTC microseconds)."""
        ...

    def read_labels(self, posted: Posted, received: int) -> Received:
        """Return the labels of such a request."""
        ...


@runtime_checkable
class EventReceiver(Protocol):
    """Reads the events of one kind of push for one monitor; called on a worker thread."""

    @property
    def form(self) -> str:
        """The kind of push."""
        ...

    def refusal(self, event: PushedEvent, *, is_addressed: bool) -> str | None:
        """Return why the monitor does not take an event; None where it does.

        `is_addressed` says that the sender named the monitor.
        """
        ...

    def read_event(self, event: PushedEvent, received: int) -> Sent:
        """Return what is kept of an event that came at `received` (UTC microseconds). Raises IntakeError."""
        ...


@runtime_checkable
class QuickReceiver(Protocol):
    """A receiver that reads most small requests at once, so that they need no thread."""

    def read_at_once(self, kind: BatchKind, posted: Posted, received: int) -> Received | None:
        """Return what of a request can be kept; None where `read_rows` or `read_labels` has to read it."""
        ...
