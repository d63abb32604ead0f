"""Read log records of OpenTelemetry for one monitor, when they come: each is a row, or a reject.

Their sender does not send again what is refused. So a record that cannot be used is kept as a reject, with
its reason, and never costs the others of its request.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.inbox import BatchKind, Sent
from service.core.rows.id_sums import IdSums
from service.core.rows.label_text import clean
from service.core.rows.take import Reject
from service.core.time_units import to_datetime
from service.errors import NoInboxError, SourceError, UnreadableRowsError
from service.sources.http.content import of_columns, text_limits, too_long
from service.sources.http.receiver import KEPT_REJECTS
from service.sources.otlp.records import FORM, LogEvent
from service.sources.otlp.values import DOUBLED, Fault, Wanted, cells_of
from service.sources.tables.formats.json_lines import columns_of

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from service.core.inbox import Posted, PushedEvent, Received
    from service.sources.http.receiver import HttpReceiver
    from service.sources.otlp.records import LogRecord, Resource
    from service.sources.otlp.values import Cell

    Row = dict[str, Cell | dt.datetime]

TIME = "timeUnixNano"
NO_COLUMN = "has none of the watched columns among its attributes"


@dataclass(frozen=True, slots=True)
class Watched:
    """The records of a monitor: those of an event, of one service or of any (None)."""

    event: str
    service: str | None

    def takes(self, found: LogEvent) -> bool:
        """Say whether records are among them."""
        return found.name == self.event and self.service in {None, found.service}

    def __str__(self) -> str:
        return self.event if self.service is None else f"{self.event} of {self.service}"


@dataclass(frozen=True, slots=True)
class OtlpReceiver:
    """Reads what is sent to one monitor.

    - `rows`: reads rows and labels
    - `watched`: which records are rows
    - `wanted`: the columns that are read of a record
    """

    rows: HttpReceiver
    watched: Watched
    wanted: Wanted = field(init=False)
    form: str = field(default=FORM)

    def __post_init__(self) -> None:
        schema, timestamp = self.rows.shape.schema, self.rows.shape.timestamp
        names = {name for name in (*schema.names, schema.identity, timestamp) if name not in {None, TIME}}
        object.__setattr__(self, "wanted", Wanted.of({str(name) for name in names}))

    def read_rows(self, posted: Posted, received: int) -> Received:
        """Refuse: its rows come as log records. Raises NoInboxError."""
        del posted, received
        name = self.rows.monitor
        raise NoInboxError(
            f"{name} takes log records by OTLP; expected them at /v1/monitors/{name}/logs, or at /v1/logs"
        )

    def read_labels(self, posted: Posted, received: int) -> Received:
        """Return the labels of a request that came at `received` (UTC microseconds). Raises IntakeError."""
        return self.rows.read_labels(posted, received)

    def refusal(self, event: PushedEvent, *, is_addressed: bool) -> str | None:
        """Return why the monitor does not take the records of an event; None where it does."""
        del is_addressed  # a request may hold the records of other events as well
        watched = self.watched
        if isinstance(event, LogEvent) and watched.takes(event):
            return None
        return f"{self.rows.monitor} takes the records of {watched}"

    def read_event(self, event: PushedEvent, received: int) -> Sent:
        """Return what is kept of log records that came at `received` (UTC microseconds).

        Raises InboxUnavailableError where sensitive columns cannot be masked yet.
        """
        if not isinstance(event, LogEvent):
            raise UnreadableRowsError(f"{event.subject} is no event of {FORM}")
        rows, rejects = self._split(event.records)
        digest = event.digest()
        columns, count = columns_of(rows) if rows else ({name: [] for name in self.wanted.names}, 0)
        try:
            found = of_columns(columns, count, self.rows.shape)
        except (UnreadableRowsError, SourceError) as error:
            rejects += [Reject(_shown(row), str(error)) for row in rows]
            found = of_columns({name: [] for name in self.wanted.names}, 0, self.rows.shape)
        read = self.rows.read_decoded(found, received, refused=rejects[:KEPT_REJECTS], digest=digest)
        return Sent(
            monitor=self.rows.monitor,
            kind=BatchKind.ROWS,
            received=received,
            payload=read.payload,
            rows=read.rows,
            rejected=read.rejected + len(rejects),
            rejects=read.rejects[:KEPT_REJECTS],
            rejected_ids=read.rejected_ids + IdSums(len(rejects)),
            key=f"{FORM} {digest.hex()}" if _are_told_apart(event.records) else None,
            digest=digest,
        )

    def _split(self, records: Sequence[tuple[Resource, LogRecord]]) -> tuple[list[Row], list[Reject]]:
        rows: list[Row] = []
        rejects: list[Reject] = []
        shared: dict[int, dict[str, Cell | Fault]] = {}
        for resource, record in records:
            if id(resource) not in shared:
                shared[id(resource)] = cells_of(resource.attributes, self.wanted)
            row, fault = self._row(record, shared[id(resource)])
            if fault is None:
                rows.append(row)
            else:
                rejects.append(Reject(_shown(row), fault))
        return rows, rejects

    def _row(self, record: LogRecord, shared: dict[str, Cell | Fault]) -> tuple[Row, str | None]:
        found = cells_of(record.attributes, self.wanted)
        if isinstance(record.body, dict):
            said = cells_of(record.body, self.wanted)
            found |= {name: Fault(DOUBLED) if name in found else cell for name, cell in said.items()}
        schema = self.rows.shape.schema
        fault = None if any(name in found for name in schema.names) else f"the record {NO_COLUMN}"
        limits = text_limits(schema)
        row: Row = {TIME: _time(record)} if self.rows.shape.timestamp == TIME else {}
        for name, cell in (shared | found).items():
            if isinstance(cell, Fault):
                fault = fault or f"{name} {cell.reason}"
            elif isinstance(cell, str) and len(cell) > limits.get(name, len(cell)):
                fault = fault or f"{name} {too_long(len(cell), limits[name])}"
            else:
                row[name] = cell
        return row, fault


def _time(record: LogRecord) -> dt.datetime | None:
    nanoseconds = record.time or record.observed
    return to_datetime(nanoseconds // 1_000) if nanoseconds else None


def _are_told_apart(records: Sequence[tuple[Resource, LogRecord]]) -> bool:
    # Without any time two predictions may be alike: better counted twice if they are sent again than lost.
    return all(record.time or record.observed for _, record in records)


def _shown(row: Row) -> Row:
    return {
        name: clean(cell)
        if isinstance(cell, str)
        else cell.isoformat()
        if hasattr(cell, "isoformat")
        else cell
        for name, cell in row.items()
        if cell is not None
    }
