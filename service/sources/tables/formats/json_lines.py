"""JSON lines (NDJSON) as frames: one object per line; a key that a line lacks is missing there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from service.core.rows.label_text import composed_name
from service.errors import SourceError
from service.sources.tables.formats.loaded import Loaded
from service.sources.tables.formats.opening import opened
from service.sources.tables.parsed import Framed, check_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from service.core.rows.schema import Schema
    from service.sources.table_format import TableFormat


def load(path: Path, schema: Schema, timestamp: str | None, form: TableFormat) -> Loaded:
    """Parse a file of JSON lines. Raises SourceError with the line that is no JSON object."""
    del timestamp  # a column of times is read as every other
    with opened(path) as file:
        columns, rows = parse(file.stream)
    check_names(list(columns), schema, None)

    def framed(by: str | None) -> Framed:
        return framed_columns(columns, rows, schema, by, form)

    return Loaded(list(columns), rows, framed)


def framed_columns(
    columns: dict[str, list[Any]], rows: int, schema: Schema, timestamp: str | None, form: TableFormat
) -> Framed:
    """Return columns of JSON's own values as typed rows; see `from_pandas.to_batch` for its promises."""
    import pandas as pd  # noqa: PLC0415 - half a second that a Parquet file does not need

    from service.sources.tables.from_pandas import to_batch  # noqa: PLC0415 - as above

    frame = pd.DataFrame(
        {name: pd.Series(cells, dtype=object) for name, cells in columns.items()},
        index=pd.RangeIndex(rows),
    )
    return to_batch(frame, schema, timestamp, time=form.time)


def parse(
    lines: Iterable[bytes], *, check: Callable[[int, int], None] = lambda _columns, _rows: None
) -> tuple[dict[str, list[Any]], int]:
    """Return the columns in the order in which their names first come, and how many rows there are.

    `check` is called with how many there are so far, before the next row is kept, and raises beyond a limit.
    """
    numbered = ((number, line) for number, line in enumerate(lines, start=1) if line.strip())
    records = (_record(line.removeprefix(b"\xef\xbb\xbf"), number) for number, line in numbered)
    return columns_of(records, check=check)


def columns_of(
    records: Iterable[dict[str, Any]], *, check: Callable[[int, int], None] = lambda _columns, _rows: None
) -> tuple[dict[str, list[Any]], int]:
    """Return objects as columns, in the order in which their names first come, and how many there are.

    Names are in Unicode's composed form, as `each_once` gives them. `check`: as for `parse`.
    """
    columns: dict[str, list[Any]] = {}
    rows = 0
    for record in records:
        check(len(columns), rows)
        for name, value in record.items():
            cells = columns.setdefault(name, [])
            cells.extend([None] * (rows - len(cells)))
            cells.append(value)
        rows += 1
    for cells in columns.values():
        cells.extend([None] * (rows - len(cells)))
    return columns, rows


def _record(line: bytes, number: int) -> dict[str, Any]:
    try:
        record = json.loads(line, object_pairs_hook=each_once)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"line {number} is no JSON: {error}; expected one object per line") from error
    if not isinstance(record, dict):
        raise SourceError(f"line {number} is no JSON object; expected one object per line")
    return record


def each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of JSON, its names composed; raises ValueError where a key is in it more than once."""
    pairs = [(composed_name(name), value) for name, value in pairs]
    record = dict(pairs)
    if len(record) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {doubled!r} is in it more than once")
    return record
