"""A reference that is a file, or a stretch of the file that the source reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from service.config.base import FilePath, Instant, check_order, instant_us
from service.core.inbox import MAX_SENT_ROWS, SentReference
from service.errors import ReferenceDataError
from service.sources.hindrance import missing_path
from service.sources.references.base import ReferenceConfig
from service.sources.table_config import CsvConfig, Timestamp
from service.sources.table_format import TableFormat
from service.sources.tables.file import read_rows

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.sources.base import SourceConfig


class FileReference(ReferenceConfig):
    """Rows of a file, a folder or a pattern of files: all, or those from `start` to `end` (half-open).

    `first_rows` takes that many of the first of these. Without `path` they are of the source's own file, or
    of those that come to a live source. `timestamp` and `csv` are the source's unless they are said here.
    """

    type: Literal["file"] = "file"
    path: FilePath | None = None
    timestamp: Timestamp | None = None
    csv: CsvConfig | None = None
    start: Instant | None = None
    end: Instant | None = None
    first_rows: int | None = Field(default=None, ge=1)

    def check(self, source: SourceConfig) -> None:
        """Raise ValueError where no file is named, here or by the source, or `end` is not after `start`."""
        try:
            check_order(self.start, self.end)
        except ValueError as error:
            raise ValueError(f"reference: {error}") from error
        if self.path is not None:
            return
        if not source.has_times and (self.start is not None or self.end is not None):
            raise ValueError("reference: start and end need the source's timestamp; expected first_rows")
        if source.gives_reference:
            self._check_sent(source)
            return
        if source.file is None:
            raise ValueError("reference: expected a path, since the source has no file")
        if self.start is None and self.end is None and self.first_rows is None:
            raise ValueError(
                "reference: expected a path, or start and end within the source's file, or its first_rows"
            )

    def hindrance(self) -> str | None:
        """Return that its file is not here; None where it is, or where it has none of its own."""
        return None if self.path is None else missing_path(self.path)

    def _check_sent(self, source: SourceConfig) -> None:
        is_stretch = self.start is not None or self.end is not None
        if is_stretch and (self.start is None or self.end is None):
            raise ValueError("reference: a stretch of the rows that come needs start and end")
        if is_stretch == (self.first_rows is not None):
            raise ValueError(
                "reference: expected a path, or of the rows that come either first_rows or start and end"
            )
        if (self.first_rows or 0) > MAX_SENT_ROWS:
            raise ValueError(
                f"reference.first_rows: expected {MAX_SENT_ROWS:,} at most of the rows that come"
            )
        if source.start_moves:
            raise ValueError(
                "reference: with source.start: latest the rows of the reference would never be measured, as "
                "the first cycle starts behind them; expected start: earliest, start with a time, or a path"
            )

    def sent(self, source: SourceConfig) -> SentReference | None:
        """Return which of the rows that come to the source are it; None where it is a file."""
        if self.path is not None or not source.gives_reference:
            return None
        return SentReference(self.first_rows, instant_us(self.start) or 0, instant_us(self.end) or 0)

    def load(self, source: SourceConfig, schema: Schema) -> Batch:
        """Read the rows, in the order of their time where the file has the source's time column."""
        path = source.file if self.path is None else Path(self.path)
        if path is None:
            raise ReferenceDataError("the reference names no file and the source has none")
        return read_rows(
            path,
            schema,
            timestamp=source.time_column if self.timestamp is None else self.timestamp.column,
            start=instant_us(self.start),
            end=instant_us(self.end),
            first_rows=self.first_rows,
            form=self._form(source),
        )

    def _form(self, source: SourceConfig) -> TableFormat:
        inherited = source.table_format
        return TableFormat(
            inherited.time if self.timestamp is None else self.timestamp.time_format(),
            inherited.csv if self.csv is None else self.csv.csv_format(),
        )
