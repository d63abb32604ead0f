"""A whole table as it is written, before anything says what its columns are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from service.errors import SourceError
from service.sources.table_format import PLAIN
from service.sources.tables import from_arrow
from service.sources.tables.file import content_kind, explained
from service.sources.tables.formats import arrow_file, csv_file, json_lines
from service.sources.tables.formats.content import Content
from service.sources.tables.formats.opening import opened
from service.sources.tables.formats.paths import table_files

if TYPE_CHECKING:
    from pathlib import Path

    from service.sources.table_format import TableFormat
    from service.sources.tables.formats.paths import TableFile


def raw_frame(path: Path, form: TableFormat = PLAIN) -> pd.DataFrame:
    """Return all rows and columns of a file, a folder or a pattern of files.

    A CSV file's cells are texts, None where they are empty; other files keep their types. Raises SourceError
    where a file cannot be read or there is no row.
    """
    with explained(path):
        files = table_files(path)
        frames = [frame for file in files if (frame := _frame_of(file, form, len(files) > 1)) is not None]
        rows = sum(len(frame) for frame in frames)
        if not rows:
            raise SourceError("the file holds no rows" if len(files) == 1 else "the files hold no rows")
        return frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _frame_of(file: TableFile, form: TableFormat, one_of_many: bool) -> pd.DataFrame | None:
    kind = content_kind(file, form, may_be_empty=one_of_many)
    if kind is None:
        return None
    with explained(file.path):
        if kind is Content.CSV:
            frame = csv_file.texts(file.path, form)
        elif kind is Content.JSON_LINES:
            with opened(file.path) as stream:
                columns, rows = json_lines.parse(stream.stream)
            frame = pd.DataFrame(
                {name: pd.Series(cells, dtype=object) for name, cells in columns.items()},
                index=pd.RangeIndex(rows),
            )
        else:
            frame = from_arrow.framed(from_arrow.composed(arrow_file.table(file.path, kind)))
    added = {name: value for name, value in file.partitions.items() if name not in frame.columns}
    return frame.assign(**added) if added else frame
