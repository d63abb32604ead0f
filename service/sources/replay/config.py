"""The replay's section in a monitor file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from service.config.base import Instant, PositiveDuration, check_order, instant_us
from service.sources.base import SourceConfig
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.table_config import CsvConfig, Timestamp, table_format

if TYPE_CHECKING:
    from service.sources.context import SourceContext
    from service.sources.table_format import TableFormat


class ReplayConfig(SourceConfig):
    """Rows of a file, a folder or a pattern of files, in the order of their event time.

    - `path`: the file or files.
    - `timestamp`: the column of each row's event time, or how its times are written too.
    - `csv`: the dialect where they are CSV files.
    - `step`: the event time that a cycle takes; or
    - `rows`: the number of rows that a cycle takes.
    - `start`, `end`: only rows in between (half-open); the whole file without them.
    """

    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True

    type: Literal["replay"]
    path: str
    timestamp: Timestamp
    csv: CsvConfig | None = None
    step: PositiveDuration | None = None
    rows: int | None = Field(default=None, ge=1)
    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _one_pace(self) -> ReplayConfig:
        if (self.step is None) == (self.rows is None):
            raise ValueError(
                "expected one of step (event time per cycle, such as 1d) and rows (rows per cycle)"
            )
        check_order(self.start, self.end)
        return self

    @property
    def file(self) -> Path:
        """The replayed file."""
        return Path(self.path)

    @property
    def time_column(self) -> str:
        """The replayed file's column of event times."""
        return self.timestamp.column

    @property
    def table_format(self) -> TableFormat:
        """How the file is written."""
        return table_format(self.timestamp, self.csv)

    def build(self, context: SourceContext) -> ReplaySource:
        """Return the source; the file is opened by its first take."""
        options = ReplayOptions(
            path=self.file,
            timestamp=self.timestamp.column,
            step_us=self.step,
            rows=self.rows,
            offset_us=context.step_offset_us,
            start=instant_us(self.start),
            end=instant_us(self.end),
            labels=context.labels,
            form=self.table_format,
        )
        return ReplaySource(options, context.schema)
