"""Take in a request of rows or labels: read it, keep it, and say what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind, Receipt, Sent, SpoolLevel
from service.errors import NoInboxError, UnreadableRowsError
from service.sources.protocol import QuickReceiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.inbox import Posted, Received
    from service.inbox.backlog import BacklogWatch
    from service.inbox.events import EventIntake
    from service.inbox.ports import Compute
    from service.inbox.spooling import Spooling
    from service.inbox.writer import Writer
    from service.sources.protocol import Receiver

MAX_KEY = 255  # characters
STALE_SECONDS = 15.0  # without a word from the database


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes in what is sent to the monitors that run.

    - `receivers`: by monitor, what reads its rows; it changes while the service runs
    - `writer`: makes rows durable
    - `backlog`: says how many rows wait
    - `spooling`: keeps rows while the database is away; None where there is no disk for it
    - `compute`: where content is read
    - `now`: the clock (UTC microseconds)
    - `events`: takes in events that are pushed
    """

    receivers: Mapping[str, Receiver]
    writer: Writer
    backlog: BacklogWatch
    spooling: Spooling | None
    compute: Compute
    now: Callable[[], int]
    events: EventIntake

    async def take_in(
        self, monitor: str, kind: BatchKind, posted: Posted, *, key: str | None = None
    ) -> Receipt:
        """Return what became of a request's rows or labels, once they are durable. Raises IntakeError."""
        receiver = self._receiver(monitor)
        checked = _checked(key)
        self.backlog.check(monitor)
        received = self.now()
        found = await self._read(receiver, kind, posted, received)
        if not found.rows and not found.rejected:
            return Receipt(0)
        sent = Sent(
            monitor=monitor,
            kind=kind,
            received=received,
            payload=found.payload,
            rows=found.rows,
            rejected=found.rejected,
            rejects=found.rejects,
            rejected_ids=found.rejected_ids,
            key=checked,
            digest=found.digest,
        )
        return await self._kept(sent)

    def takes(self, monitor: str) -> bool:
        """Whether rows can be sent to a monitor."""
        return monitor in self.receivers

    def trouble(self) -> str | None:
        """Return why rows cannot be made durable now; None where they can."""
        if self.spooling is not None and not self.spooling.is_empty and self.spooling.trouble is not None:
            # The database answers, and what comes goes the way of what came before it all the same.
            return f"rows of the spool are not in the database yet, and {self.spooling.trouble}"
        seconds = self.backlog.seconds_since_look
        if seconds is not None and seconds <= STALE_SECONDS:
            return None
        away = "yet" if seconds is None else f"for {seconds:.0f} s"
        said = f"the database has not answered {away}"
        if self.spooling is None:
            return f"{said}, and there is no spool"
        return None if self.spooling.trouble is None else f"{said}, and {self.spooling.trouble}"

    def spool_level(self) -> SpoolLevel:
        """Return how much lies in the spool, and since when."""
        return SpoolLevel() if self.spooling is None else self.spooling.level

    async def _read(self, receiver: Receiver, kind: BatchKind, posted: Posted, received: int) -> Received:
        if isinstance(receiver, QuickReceiver):
            found = receiver.read_at_once(kind, posted, received)
            if found is not None:
                return found
        read = receiver.read_rows if kind is BatchKind.ROWS else receiver.read_labels
        return await self.compute.run(read, posted, received)

    async def _kept(self, sent: Sent) -> Receipt:
        receipt = await self.writer.keep(sent)
        if receipt.is_conflict:
            raise UnreadableRowsError(
                f"the Idempotency-Key {sent.key!r} was used for other content within the last seven days; "
                "expected a key of its own for each request, such as a UUID"
            )
        if not receipt.is_repeat:
            self.backlog.add(sent.monitor, sent.rows)
        return receipt

    def _receiver(self, monitor: str) -> Receiver:
        found = self.receivers.get(monitor)
        if found is None:
            raise NoInboxError(
                f"{monitor} takes no rows that are sent: its source is of another type; expected "
                "`source: {type: http}` in its monitor file"
            )
        return found


def _checked(key: str | None) -> str | None:
    if key is None:
        return None
    if not 0 < len(key) <= MAX_KEY or not key.isprintable():
        raise UnreadableRowsError(
            f"the header Idempotency-Key has {len(key)} characters; expected 1 to {MAX_KEY} printable ones"
        )
    return key
