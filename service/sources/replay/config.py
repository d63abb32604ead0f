"""The replay's section in a monitor file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from service.config.base import FilePath, Instant, PositiveDuration, check_order, instant_us
from service.sources.base import SourceConfig
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.table_config import CsvConfig, Timestamp, table_format

if TYPE_CHECKING:
    from service.sources.context import SourceContext
    from service.sources.table_format import TableFormat

FIRST_ROW_AT = datetime(2000, 1, 1, tzinfo=UTC)  # plainly no time at which a model served


class ReplayConfig(SourceConfig):
    """Rows of a file, a folder or a pattern of files, in the order of their event time.

    - `path`: the file or files.
    - `timestamp`: the column of each row's event time, or how its times are written too. Without it rows
      keep the files' order and are a second apart.
    - `first_row_at`: the time of the first row where there is no `timestamp`.
    - `csv`: the dialect where they are CSV files.
    - `step`: the event time that a cycle takes; or
    - `rows`: the number of rows that a cycle takes.
    - `start`, `end`: only rows in between (half-open); the whole file without them.
    - `skip_rows`: how many of the first rows are left out, such as those that are the reference.
    """

    can_be_peeked: ClassVar[bool] = True
    brings_labels: ClassVar[bool] = True
    labels_from_file: ClassVar[bool] = True

    type: Literal["replay"]
    path: FilePath
    timestamp: Timestamp | None = None
    first_row_at: Instant | None = None
    csv: CsvConfig | None = None
    step: PositiveDuration | None = None
    rows: int | None = Field(default=None, ge=1)
    start: Instant | None = None
    end: Instant | None = None
    skip_rows: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _one_pace(self) -> ReplayConfig:
        if (self.step is None) == (self.rows is None):
            raise ValueError(
                "expected one of step (event time per cycle, such as 1d) and rows (rows per cycle)"
            )
        check_order(self.start, self.end)
        return self

    @model_validator(mode="after")
    def _rows_without_times(self) -> ReplayConfig:
        if self.timestamp is not None:
            if self.first_row_at is not None:
                raise ValueError("first_row_at: belongs to rows without a timestamp; expected one of the two")
            return self
        for key in ("step", "start", "end"):
            if getattr(self, key) is not None:
                raise ValueError(
                    f"{key}: needs timestamp, the column of each row's time; without it rows are taken in "
                    "the file's order: expected rows (a number per cycle) and skip_rows"
                )
        return self

    @property
    def file(self) -> Path:
        """The replayed file."""
        return Path(self.path)

    @property
    def time_column(self) -> str | None:
        """The replayed file's column of event times; None where rows keep the file's order."""
        return None if self.timestamp is None else self.timestamp.column

    @property
    def has_times(self) -> bool:
        """Whether rows have times of their own."""
        return self.timestamp is not None

    @property
    def table_format(self) -> TableFormat:
        """How the file is written."""
        return table_format(self.timestamp, self.csv)

    def build(self, context: SourceContext) -> ReplaySource:
        """Return the source; the file is opened by its first take."""
        options = ReplayOptions(
            path=self.file,
            timestamp=self.time_column,
            first_us=instant_us(self.first_row_at or FIRST_ROW_AT),
            skip_rows=self.skip_rows,
            step_us=self.step,
            rows=self.rows,
            offset_us=context.step_offset_us,
            start=instant_us(self.start),
            end=instant_us(self.end),
            labels=context.labels,
            form=self.table_format,
        )
        return ReplaySource(options, context.schema)
