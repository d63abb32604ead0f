"""Take in events that a system pushes: find the monitors that they are for, and keep them for each.

Such a system seldom tries twice and seldom heeds a refusal. So what is refused is counted, listed and logged.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from service.core.inbox import ANSWERED_REJECTS, Receipt, Unrouted
from service.core.time_units import SECOND
from service.errors import (
    BacklogError,
    InboxUnavailableError,
    IntakeError,
    NoInboxError,
    UnroutedEventError,
)
from service.sources.protocol import EventReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from service.core.inbox import PushedEvent, Sent
    from service.inbox.backlog import BacklogWatch
    from service.inbox.ports import Compute
    from service.inbox.writer import Writer
    from service.sources.protocol import Receiver

    Decoder = Callable[[Mapping[str, str], bytes], Sequence[PushedEvent]]

log = structlog.get_logger(__name__)

MAX_SUBJECTS = 200  # that are listed one by one
OTHERS = "(others)"
LOG_SECONDS = 60  # a subject is logged no more often


@dataclass(slots=True)
class _Read:
    """What the events of a request are.

    - `sent`: what is kept for which monitor
    - `unrouted`: the events that no monitor takes, each with the reason
    - `faults`: why monitors cannot take theirs now
    """

    sent: list[Sent] = field(default_factory=list)
    unrouted: list[tuple[PushedEvent, str]] = field(default_factory=list)
    faults: list[IntakeError] = field(default_factory=list)


class EventIntake:
    """Takes in what is pushed; `decoders` gives, by the kind of push, what reads a request's events."""

    def __init__(
        self,
        receivers: Mapping[str, Receiver],
        decoders: Mapping[str, Decoder],
        *,
        writer: Writer,
        backlog: BacklogWatch,
        compute: Compute,
        now: Callable[[], int],
    ) -> None:
        self._receivers = receivers
        self._decoders = decoders
        self._writer = writer
        self._backlog = backlog
        self._compute = compute
        self._now = now
        self._unrouted: dict[tuple[str, str], Unrouted] = {}
        self._refused: dict[str, int] = {}
        self._logged: dict[tuple[str, str], int] = {}

    @property
    def unrouted(self) -> Sequence[Unrouted]:
        """The events that no monitor takes, by subject, since the start."""
        return tuple(self._unrouted.values())

    @property
    def refused(self) -> Mapping[str, int]:
        """How many requests were refused, by the kind of push, since the start; none of it was kept."""
        return self._refused

    async def take_in(
        self, form: str, headers: Mapping[str, str], body: bytes, *, monitor: str | None = None
    ) -> Receipt:
        """Return what became of a request's events, once they are durable; `accepted` counts events.

        `headers` are by lower-case name. With `monitor` the events are for that one. Raises IntakeError.
        """
        try:
            return await self._taken(form, headers, body, monitor)
        except UnroutedEventError:
            raise  # is counted by its subject
        except IntakeError as error:
            self._refused[form] = self._refused.get(form, 0) + 1
            self._log(form, monitor or "", "events refused", str(error))
            raise

    async def _taken(
        self, form: str, headers: Mapping[str, str], body: bytes, monitor: str | None
    ) -> Receipt:
        takers = self._takers(form, monitor)
        received = self._now()
        read = await self._compute.run(
            lambda: self._read(form, headers, body, takers, received, is_addressed=monitor is not None)
        )
        for event, reason in read.unrouted:
            self._count(event, reason, received)
        if not read.sent and not read.faults:
            named = [why for event, why in read.unrouted if monitor is not None or not event.is_nameless]
            if not named:
                return Receipt(0)
            raise UnroutedEventError(f"no monitor takes the events: {named[0]}")
        return _together(await self._kept(read))

    async def _kept(self, read: _Read) -> Sequence[Receipt]:
        """Keep what can be kept. Raises IntakeError where that is not all: its sender sends all of it again.

        What was kept then comes again, and is known by its key; without keys nothing is kept.
        """
        faults, sent = read.faults, []
        for each in read.sent:
            try:
                self._backlog.check(each.monitor)
            except BacklogError as error:
                faults.append(error)
            else:
                sent.append(each)
        if faults and any(each.key is None for each in sent):
            raise faults[0]
        results = await asyncio.gather(*(self._writer.keep(each) for each in sent), return_exceptions=True)
        receipts = []
        for each, result in zip(sent, results, strict=True):
            if isinstance(result, IntakeError):
                faults.append(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                receipts.append(result)
                if not result.is_repeat:
                    self._backlog.add(each.monitor, each.rows)
        if faults:
            raise faults[0]
        return receipts

    def _takers(self, form: str, monitor: str | None) -> dict[str, EventReceiver]:
        found: dict[str, EventReceiver] = {
            name: receiver
            for name, receiver in self._receivers.items()
            if isinstance(receiver, EventReceiver) and receiver.form == form and monitor in {None, name}
        }
        if monitor is not None and not found:
            raise NoInboxError(
                f"{monitor} takes no events of {form}: its source is of another type; expected "
                f"`source: {{type: {form}, ...}}` in its monitor file"
            )
        return found

    def _read(
        self,
        form: str,
        headers: Mapping[str, str],
        body: bytes,
        takers: Mapping[str, EventReceiver],
        received: int,
        *,
        is_addressed: bool,
    ) -> _Read:
        found = _Read()
        for event in self._decoders[form](headers, body):
            reason = f"no monitor has a source of the type {form}"
            is_taken = False
            for receiver in takers.values():
                refusal = receiver.refusal(event, is_addressed=is_addressed)
                if refusal is not None:
                    reason = refusal
                    continue
                is_taken = True
                try:
                    found.sent.append(receiver.read_event(event, received))
                except InboxUnavailableError as error:
                    found.faults.append(error)
            if not is_taken:
                found.unrouted.append((event, reason))
        return found

    def _count(self, event: PushedEvent, reason: str, now: int) -> None:
        form, subject = event.form, event.subject
        if (form, subject) not in self._unrouted and len(self._unrouted) >= MAX_SUBJECTS:
            subject = OTHERS
        before = self._unrouted.get((form, subject))
        events = event.count if before is None else before.events + event.count
        self._unrouted[form, subject] = Unrouted(form, subject, reason, events, now)
        if not event.may_be_unrouted:
            self._log(form, subject, "events that no monitor takes", reason)

    def _log(self, form: str, subject: str, said: str, reason: str) -> None:
        now, key = self._now(), (form, subject)
        if now - self._logged.get(key, -LOG_SECONDS * SECOND) >= LOG_SECONDS * SECOND:
            if len(self._logged) > 2 * MAX_SUBJECTS:
                self._logged.clear()
            self._logged[key] = now
            log.warning(said, form=form, about=subject, reason=reason)


def _together(receipts: Sequence[Receipt]) -> Receipt:
    rejects = [reject for receipt in receipts for reject in receipt.rejects]
    return Receipt(
        sum(receipt.rejected == 0 for receipt in receipts),
        sum(receipt.rejected for receipt in receipts),
        tuple(rejects[:ANSWERED_REJECTS]),
        is_repeat=all(receipt.is_repeat for receipt in receipts),
    )
