"""The receivers of rows, without those of monitors whose file here is not the one that counts.

Such a file might mask other columns, or with another key, than that of the replica that measures the rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from service.errors import InboxUnavailableError
from service.sources.protocol import EventReceiver

if TYPE_CHECKING:
    from service.core.inbox import Posted, PushedEvent
    from service.sources.protocol import Receiver

RETRY_SECONDS = 5


@dataclass(frozen=True, slots=True)
class RefusableReceivers(Mapping[str, "Receiver"]):
    """By monitor, what reads its rows; one of `refused` reads none. Both change meanwhile."""

    receivers: Mapping[str, Receiver]
    refused: Mapping[str, str]

    def __getitem__(self, monitor: str) -> Receiver:
        found, reason = self.receivers[monitor], self.refused.get(monitor)
        if reason is None:
            return found
        return _RefusingEvents(reason, found) if isinstance(found, EventReceiver) else _Refusing(reason)

    def __iter__(self) -> Iterator[str]:
        return iter(self.receivers)

    def __len__(self) -> int:
        return len(self.receivers)


@dataclass(frozen=True, slots=True)
class _Refusing:
    reason: str

    def read_rows(self, posted: Posted, received: int) -> NoReturn:  # noqa: ARG002  # as a receiver is called
        raise InboxUnavailableError(self.reason, retry_seconds=RETRY_SECONDS)

    read_labels = read_rows


@dataclass(frozen=True, slots=True)
class _RefusingEvents(_Refusing):
    """Refuses the events that the monitor would take; those of others are none of its business."""

    receiver: EventReceiver

    @property
    def form(self) -> str:
        return self.receiver.form

    def refusal(self, event: PushedEvent, *, is_addressed: bool) -> str | None:
        return self.receiver.refusal(event, is_addressed=is_addressed)

    def read_event(self, event: PushedEvent, received: int) -> NoReturn:  # noqa: ARG002  # as above
        raise InboxUnavailableError(self.reason, retry_seconds=RETRY_SECONDS)
