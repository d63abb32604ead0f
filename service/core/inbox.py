"""What is sent: rows, labels and events, as they come, as they are kept, and as they wait in the inbox."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.rows.id_sums import NO_ROWS, IdSums

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.rows.take import Reject


MAX_SENT_ROWS = 1_000_000  # of a reference that is made of them
ANSWERED_REJECTS = 10  # of a request are in its answer


@dataclass(frozen=True, slots=True)
class SentReference:
    """Which of the rows that come to a live monitor are the reference.

    - `rows`: the first so many; else
    - `start`, `end`: those of this stretch of event time, half-open (UTC microseconds)
    """

    rows: int | None = None
    start: int = 0
    end: int = 0


class BatchKind(StrEnum):
    """What a batch of the inbox holds."""

    ROWS = "rows"
    LABELS = "labels"
    EVENTS = "events"  # what a source makes rows of when it takes them


@dataclass(frozen=True, slots=True)
class InboxBatch:
    """Rows, labels or an event that were accepted in one request.

    - `id`: by which batches are in order
    - `kind`: rows, labels or events
    - `received`: when they came (UTC microseconds)
    - `payload`: those that can be used, as the source encoded them
    - `rows`: how many these are
    - `rejected`: how many cannot be used
    - `rejects`: the first of them
    - `rejected_ids`: the sums of all of them
    """

    id: int
    kind: BatchKind
    received: int
    payload: bytes
    rows: int
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    rejected_ids: IdSums = NO_ROWS


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in the inbox of one monitor.

    - `batches`: the first ones, in their order
    - `rows`: how many rows wait behind them
    - `oldest`: when the first of those came (UTC microseconds); None where none waits
    """

    batches: tuple[InboxBatch, ...] = ()
    rows: int = 0
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class SpoolLevel:
    """The bytes of accepted requests in the spool, and since when the oldest waits (UTC microseconds)."""

    size: int = 0
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """The content of a request, as it came: its bytes, and the headers Content-Type and Content-Encoding."""

    body: bytes
    content_type: str
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class PushedEvent:
    """One event that was pushed by a system of its own, before it is known to which monitors it goes.

    - `form`: the kind of push, such as `kserve`; of which its decoder knows what the rest is
    - `subject`: whom it is about, as people write it; by which it is listed where no monitor takes it
    - `attributes`: what came around the content, by lower-case name
    - `body`: the content
    - `count`: how many events it stands for, where no monitor takes it
    - `may_be_unrouted`: that no monitor takes it is counted, and no warning
    - `is_nameless`: it says of no name what it is, so that its sender hardly meant it for a monitor
    """

    form: str
    subject: str
    attributes: Mapping[str, str]
    body: bytes
    count: int = 1
    may_be_unrouted: bool = False
    is_nameless: bool = False


@dataclass(frozen=True, slots=True)
class Unrouted:
    """Events of one subject that no monitor takes, since the start.

    - `form`, `subject`: of the events
    - `reason`: why no monitor takes the last of them
    - `events`: how many
    - `last`: when the last came (UTC microseconds)
    """

    form: str
    subject: str
    reason: str
    events: int
    last: int


@dataclass(frozen=True, slots=True)
class Received:
    """What of a request's content can be kept.

    - `payload`: the rows that can be used, encoded
    - `rows`: how many these are
    - `rejected`: how many cannot be used
    - `rejects`: the first of them
    - `rejected_ids`: the sums of all of them
    - `digest`: of the content, by which another one under the same key is noticed
    """

    payload: bytes
    rows: int
    rejected: int
    rejects: tuple[Reject, ...]
    rejected_ids: IdSums
    digest: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """The rows or labels of one request, or one event of it, before they are kept.

    - `monitor`: whose they are
    - `kind`: rows, labels or events
    - `received`: when they came (UTC microseconds)
    - `payload`: those that can be used, encoded
    - `rows`: how many these are
    - `rejected`: how many cannot be used
    - `rejects`: the first of them
    - `rejected_ids`: the sums of all of them
    - `key`: the idempotency key that the sender gave; None where it gave none
    - `digest`: of the content
    - `instead`: what is kept where other content was kept under the key before, without a key and a payload;
      None: nothing, and the sender is refused
    """

    monitor: str
    kind: BatchKind
    received: int
    payload: bytes
    rows: int
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    rejected_ids: IdSums = NO_ROWS
    key: str | None = None
    digest: bytes = b""
    instead: Sent | None = None


@dataclass(frozen=True, slots=True)
class Spooled:
    """A request in a file of the spool, as an audit counts it.

    - `file`: the name under which the file is drained
    - `monitor`, `kind`: whose rows or labels they are
    - `sums`: of all of them
    - `received`: when they came (UTC microseconds)
    - `transaction`: in which the database may have kept them already; None where it never tried
    - `key`, `digest`: the idempotency key, if there was one, and the content's digest
    - `instead`: the sums of what is kept where other content was kept under the key; None: the same
    """

    file: str
    monitor: str
    kind: BatchKind
    sums: IdSums
    received: int
    transaction: str | None = None
    key: str | None = None
    digest: bytes = b""
    instead: IdSums | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a request that is kept.

    - `accepted`, `rejected`: how many of its rows can be used, and how many cannot
    - `rejects`: the first of the latter
    - `is_repeat`: the same content was kept under the same key before, and this is its answer
    - `is_conflict`: other content was kept under the same key before, and nothing was kept now
    """

    accepted: int
    rejected: int = 0
    rejects: tuple[Reject, ...] = ()
    is_repeat: bool = False
    is_conflict: bool = False


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits in the inbox of a monitor: how many rows, and when the oldest came (UTC microseconds)."""

    rows: int = 0
    oldest: int | None = None
