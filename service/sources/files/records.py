"""The records of a part of a file, by number, where a record is no row: objects, and lines of JSON or CSV."""

from __future__ import annotations

import csv
import io
import json
from itertools import count
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from service.errors import SourceError
from service.sources.tables.formats import json_lines
from service.sources.tables.formats.content import Content, content_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_HEADER = 1 << 20
MARK = b"\xef\xbb\xbf"


def kind_of(head: bytes, encoding: str | None) -> Content:
    """Return what a file of records is; what begins as JSON is read line by line. Raises SourceError."""
    if head.removeprefix(MARK).lstrip()[:1] in {b"{", b"["}:
        return Content.JSON_LINES
    return content_of(head, encoding)


def lines_in(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Return the lines that are not empty."""
    lines = enumerate(content.removeprefix(MARK).split(b"\n"), 1)
    return ((number, line) for number, line in lines if line.strip())


def csv_records_in(content: bytes) -> list[tuple[int, Any]]:
    """Return the records of a CSV text, its header first: cells by name, all of them texts.

    A record of another length is the SourceError that says so. Raises SourceError.
    """
    wrong = list[tuple[int, Any]]()

    def note(row: Any) -> str:
        found = SourceError(f"it has {row.actual_columns} cells; expected {row.expected_columns}")
        wrong.append((row.number, found))
        return "skip"

    try:
        text = io.StringIO(content[:MAX_HEADER].decode("utf-8-sig", errors="replace"), newline="")
        names = next(csv.reader(text), [])
        table = arrow_csv.read_csv(
            pa.BufferReader(content),
            arrow_csv.ReadOptions(use_threads=False, block_size=len(content)),
            arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except (pa.ArrowException, csv.Error) as error:
        raise SourceError(f"it is no CSV that can be read: {error}") from error
    check_once(names)
    passed = {number for number, _ in wrong}
    numbers = (number for number in count(2) if number not in passed)
    return sorted([*zip(numbers, table.to_pylist(), strict=False), *wrong], key=itemgetter(0))


def table_records_in(table: pa.Table) -> list[tuple[int, Any]]:
    """Return the rows of a table as objects. Raises SourceError where a column is in it more than once."""
    check_once(table.schema.names)
    return [*enumerate(table.to_pylist(), 1)]


def check_once(names: Sequence[str]) -> None:
    """Raise SourceError where a column is named more than once."""
    doubled = next((name for name in names if names.count(name) > 1), None)
    if doubled is not None:
        raise SourceError(f"it has the column {doubled[:40]!r} more than once; expected each once")


def objects_of(record: Any) -> list[dict[str, Any]]:
    """Return the objects that a record holds: a line one, or a list of them. Raises SourceError."""
    if isinstance(record, SourceError):
        raise record
    if isinstance(record, dict):
        return [record]
    found = parsed_line(record)
    objects = found if isinstance(found, list) else [found]
    if not all(isinstance(each, dict) for each in objects):
        raise SourceError("the line is JSON, but no object; expected one object per line")
    return objects


def parsed_line(line: bytes) -> Any:
    """Return the JSON of a line. Raises SourceError."""
    try:
        return json.loads(line, object_pairs_hook=json_lines.each_once)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"the line is no JSON: {error}; expected one object per line") from error
