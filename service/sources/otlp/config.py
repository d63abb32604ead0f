"""The section of a monitor file for rows that come as log records of OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from service.config.base import Duration
from service.core.time_units import SECOND
from service.sources.base import SourceConfig
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.http.source import HttpOptions, HttpSource
from service.sources.otlp.receiver import TIME, OtlpReceiver, Watched
from service.sources.table_config import Timestamp, table_format

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.protocol import Receiver

DAY = 86_400 * SECOND
Name = Annotated[str, Field(min_length=1, max_length=253)]


class OtlpConfig(SourceConfig):
    """Log records that are sent by OTLP/HTTP to `/v1/logs` or `/v1/monitors/NAME/logs`.

    - `event_name`: which records are rows.
    - `service_name`: whose these are, by the resource's service.name; of any service without it.
    - `timestamp`: the attribute that is each row's event time; without it the time of the record.
    - `allowed_lateness`: how far a row may lie behind the newest one; rows later still are rejects.
    - `max_ahead`: how far a row's time may lie ahead of its arrival; rows further ahead are rejects.
    - `idle_after`: after how much silence the clock, and no longer the rows, closes windows.
    """

    is_live: ClassVar[bool] = True
    gives_reference: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True
    keeps_sent_rows: ClassVar[bool] = True
    can_be_read_again: ClassVar[bool] = False
    masks_itself: ClassVar[bool] = True

    type: Literal["otlp"]
    event_name: Name
    service_name: Name | None = None
    timestamp: Timestamp | None = None
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * 60 * SECOND)
    idle_after: Duration = Field(default=60 * SECOND)

    @property
    def time_column(self) -> str | None:
        """The column of event times, which a reference file may have too."""
        return None if self.timestamp is None else self.timestamp.column

    @property
    def late_by_us(self) -> int:
        """How far a row that is taken may lie behind the newest one, which may be ahead of its arrival."""
        return self.allowed_lateness + self.max_ahead

    @property
    def idle_after_us(self) -> int:
        """After how much silence event time goes on by the clock (microseconds)."""
        return self.idle_after

    def build(self, context: SourceContext) -> HttpSource:
        """Return the source; nothing is read yet."""
        return HttpSource(context, HttpOptions(self.allowed_lateness, self.idle_after))

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the records when they come."""
        shape = RowShape(context.schema, self.time_column or TIME, table_format(self.timestamp, None))
        rows = HttpReceiver(context.monitor, shape, masking, self.max_ahead, context.labels)
        return OtlpReceiver(rows, Watched(self.event_name, self.service_name))
