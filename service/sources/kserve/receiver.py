"""Read the events of KServe's logger for one monitor, when they come.

Each is read into typed rows, and its sensitive columns are masked, before anything of it is kept. An event
that cannot be used is kept as a reject, since its sender tries once, and heeds no refusal.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind, Sent
from service.core.rows.id_sums import NO_ROWS
from service.core.rows.take import Reject
from service.core.time_units import to_microseconds
from service.errors import InboxUnavailableError, NoInboxError, ReferenceDataError, UnreadableRowsError
from service.sources.kserve import half as halves
from service.sources.kserve.events import FORM
from service.sources.kserve.half import Half
from service.sources.kserve.reading import TYPES, check_id

if TYPE_CHECKING:
    from service.core.inbox import Posted, PushedEvent, Received
    from service.sources.http.receiver import HttpReceiver
    from service.sources.kserve.reading import HalfReader, Watched

RETRY_SECONDS = 30  # until the reference may be there
REUSED = (
    "another {side} had the same id within the last seven days, so that it cannot be known which events "
    "belong together; expected an id of its own for each request"
)


@dataclass(frozen=True, slots=True)
class KserveReceiver:
    """Reads what is sent to one monitor.

    - `monitor`: its name
    - `watched`: the inference service whose events it takes
    - `reader`: reads them
    - `labels`: reads its labels
    """

    monitor: str
    watched: Watched
    reader: HalfReader
    labels: HttpReceiver
    form: str = field(default=FORM)

    def read_rows(self, posted: Posted, received: int) -> Received:
        """Refuse: its rows come as events. Raises NoInboxError."""
        del posted, received
        raise NoInboxError(
            f"{self.monitor} takes the events of KServe's logger; expected them at "
            f"/v1/monitors/{self.monitor}/kserve, or at /v1/kserve"
        )

    def read_labels(self, posted: Posted, received: int) -> Received:
        """Return the labels of a request that came at `received` (UTC microseconds). Raises IntakeError."""
        return self.labels.read_labels(posted, received)

    def refusal(self, event: PushedEvent, *, is_addressed: bool) -> str | None:
        """Return why the monitor does not take an event; None where it does.

        An event that is addressed to the monitor need not say of which inference service it is.
        """
        given, watched = event.attributes, self.watched
        if given.get("inferenceservicename") is None and not is_addressed:
            return "the event has no Ce-Inferenceservicename"
        if watched.takes(given):
            return None
        is_other = given.get("component") not in {None, watched.component}
        component = f"; this one is of the {given.get('component')}" if is_other else ""
        return f"{self.monitor} takes the events of {watched}{component}"

    def read_event(self, event: PushedEvent, received: int) -> Sent:
        """Return what is kept of an event that came at `received` (UTC microseconds).

        Raises UnreadableRowsError where it has no id by which its halves could be paired, and
        InboxUnavailableError where its sensitive columns cannot be masked yet.
        """
        given = event.attributes
        name, kind = given["id"], given["type"]
        check_id(name)
        side = TYPES.get(kind)
        shown = {"id": name, "type": kind, "content_type": given.get("datacontenttype", "")}
        used = self._rejected(Reject(shown, REUSED.format(side=side or "event")), received, name, kind)
        keyed = replace(used, key=f"{side or kind} {name}", digest=_digest(event), instead=used)
        try:
            half = self._half(event, received)
        except UnreadableRowsError as error:
            faulty = b"" if side is None else halves.encode(Half(name, side, received, None, str(error)))
            return replace(keyed, payload=faulty, rejects=(Reject(shown, str(error)),))
        rows = 0 if half.batch is None else half.batch.rows
        return replace(
            keyed, payload=halves.encode(half), rows=rows, rejected=0, rejects=(), rejected_ids=NO_ROWS
        )

    def _rejected(self, reject: Reject, received: int, name: str, kind: str) -> Sent:
        return Sent(
            monitor=self.monitor,
            kind=BatchKind.EVENTS,
            received=received,
            payload=b"",
            rows=0,
            rejected=1,
            rejects=(reject,),
            rejected_ids=halves.event_sums([(name, TYPES.get(kind, kind))]),
        )

    def _time(self, text: str | None, received: int) -> int:
        if not text:
            return received
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            time = None
        if time is None or time.tzinfo is None:
            raise UnreadableRowsError(
                "Ce-Time is no time with a zone; expected one such as 2026-01-31T12:00:00.25Z"
            )
        return to_microseconds(time)

    def _half(self, event: PushedEvent, received: int) -> Half:
        try:
            return self.reader.half(event, self._time(event.attributes.get("time"), received), received)
        except ReferenceDataError as error:  # it says how the labels of sensitive columns are written
            raise InboxUnavailableError(str(error), retry_seconds=RETRY_SECONDS) from error


def _digest(event: PushedEvent) -> bytes:
    """Return what tells an event that is sent again from another one under the same id."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (event.attributes.get("time", "").encode(errors="replace"), event.body):
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()
