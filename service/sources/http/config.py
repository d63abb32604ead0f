"""The section of a monitor file for rows that are sent by HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from service.config.base import Duration
from service.core.time_units import SECOND
from service.sources.base import SourceConfig
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.http.source import HttpOptions, HttpSource
from service.sources.table_config import CsvConfig, Timestamp, table_format

if TYPE_CHECKING:
    from service.core.rows.masking import RowMask
    from service.sources.context import SourceContext
    from service.sources.protocol import Receiver
    from service.sources.table_format import TableFormat

DAY = 86_400 * SECOND


class HttpConfig(SourceConfig):
    """Rows that are sent to `POST /v1/monitors/NAME/rows`.

    - `timestamp`: the column of each row's event time, or how its times are written too. Without it, and in
      a row that has none, the time is that of the arrival.
    - `csv`: the dialect of rows that are sent as CSV.
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

    type: Literal["http"]
    timestamp: Timestamp | None = None
    csv: CsvConfig | None = None
    allowed_lateness: Duration = Field(default=7 * DAY)
    max_ahead: Duration = Field(default=5 * 60 * SECOND)
    idle_after: Duration = Field(default=60 * SECOND)

    @property
    def time_column(self) -> str | None:
        """The column of event times, which a reference file may have too."""
        return None if self.timestamp is None else self.timestamp.column

    @property
    def table_format(self) -> TableFormat:
        """How rows are written."""
        return table_format(self.timestamp, self.csv)

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
        options = HttpOptions(self.allowed_lateness, self.idle_after)
        return HttpSource(context, options)

    def receiver(self, context: SourceContext, masking: RowMask) -> Receiver:
        """Return what reads the rows when they come."""
        shape = RowShape(context.schema, self.time_column, self.table_format)
        return HttpReceiver(context.monitor, shape, masking, self.max_ahead, context.labels)
