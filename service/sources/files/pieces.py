"""A part of a file as typed rows: some of its lines, or some rows of Parquet or Arrow."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from pyarrow import parquet

from service.core.rows.batch import no_rows
from service.core.rows.label_text import clean
from service.core.rows.take import Reject
from service.errors import SourceError
from service.sources.files import records
from service.sources.files.formats.exploded import UNNAMED
from service.sources.files.lines import PART_ROWS, first_record, part_of, passed
from service.sources.tables import from_arrow
from service.sources.tables.formats import arrow_file, csv_file, json_lines
from service.sources.tables.formats.content import Content, byte_order, content_of
from service.sources.tables.formats.loaded import Loaded
from service.sources.tables.formats.opening import HEAD_BYTES, expanded_limit, opened, refuse_parquet_bomb
from service.sources.tables.formats.partitions import with_partitions
from service.sources.tables.parsed import Framed, check_names, composed_names, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from service.core.rows.schema import Schema
    from service.sources.files.folder import Folder, Found
    from service.sources.files.formats.exploded import Exploding, Names
    from service.sources.table_format import TableFormat
    from service.sources.tables.formats.opening import Opened

MAX_REJECTS = 100
SHOWN_CHARACTERS = 200
WIDE = 2**62
_LINES = re.compile(r"\.(jsonl|ndjson|json)(\.\w+)*$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """How files are read.

    - `schema`: the watched columns
    - `timestamp`: the column of times; None where rows have none
    - `form`: how tables are written
    - `explode`: what gives the rows of one of a file's records; None where a record is a row
    - `names`: what values are called in it that have no names
    - `grows`: whether a last line without a line break is still being written
    - `gives_records`: whether its records are no rows, but are given as they are
    """

    schema: Schema
    timestamp: str | None
    form: TableFormat
    explode: Exploding | None = None
    names: Names = UNNAMED
    grows: bool = False
    gives_records: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a file.

    - `framed`: its rows; None where it has none
    - `done`: how far the file was read with it
    - `is_whole`: nothing of the file is left
    - `records`: its records by number, where these are no rows
    """

    framed: Framed | None
    done: int
    is_whole: bool
    records: Iterable[tuple[int, Any]] = ()


class _Span(NamedTuple):
    """Which part of a file of lines is read: from `done`, up to `limit` bytes and `rows` rows."""

    done: int
    limit: int
    rows: int
    is_csv: bool


def read_piece(folder: Folder, found: Found, done: int, reading: Reading, max_rows: int = PART_ROWS) -> Piece:
    """Return what follows `done` in a file.

    Raises SourceError, or what its readers raise, where it cannot be read.
    """
    with folder.open(found.name) as stream:
        head = stream.read(HEAD_BYTES)
        if not head:
            return Piece(None, 0, is_whole=True)
        if head.startswith(b"PAR1"):
            stream.seek(0)
            return _parquet(stream, found, done, reading, max_rows)
    with folder.path(found) as path, opened(path) as file:
        kind = records.kind_of if reading.gives_records else content_of
        content = kind(file.head, reading.form.csv.encoding)
        if content is Content.CSV and (reading.explode is not None or _LINES.search(found.name)):
            content = Content.JSON_LINES  # whose first line is none
        if content in {Content.JSON_LINES, Content.CSV}:
            limit = WIDE if file.compressed else found.size - done
            is_csv = content is Content.CSV
            return _lines(file, found, _Span(done, limit, max_rows, is_csv), reading)
    with folder.path(found) as path:
        packed = Content.PACKED_PARQUET if content is Content.PARQUET else content
        table = arrow_file.table(path, packed)
    part = table.slice(done, max_rows)
    after = done + part.num_rows
    return _table_piece(part, found, reading, (after, after >= table.num_rows))


def is_whole_parquet(stream: IO[bytes]) -> bool:
    """Whether a file begins and ends as a Parquet file that was written to its end."""
    if stream.read(4) != b"PAR1" or stream.seek(0, 2) < 12:  # noqa: PLR2004 - two marks and a length
        return False
    stream.seek(-4, 2)
    return stream.read(4) == b"PAR1"


def _parquet(stream: IO[bytes], found: Found, done: int, reading: Reading, max_rows: int) -> Piece:
    with parquet.ParquetFile(stream) as file:
        refuse_parquet_bomb(file.metadata, expanded_limit(found.size))
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        ends = list(accumulate(sizes))
        until = min(done + max_rows, file.metadata.num_rows)
        groups = [group for group, end in enumerate(ends) if end > done and end - sizes[group] < until]
        names = composed_names(file.schema_arrow.names)
        check_names(names, reading.schema, None)
        wanted = {*reading.schema.names, reading.schema.identity, reading.timestamp}
        chosen = [
            written
            for name, written in zip(names, file.schema_arrow.names, strict=True)
            if name in wanted or reading.explode is not None or reading.gives_records
        ]
        table = file.read_row_groups(groups, chosen, use_threads=False)
        first = ends[groups[0]] - sizes[groups[0]] if groups else 0
        part = table.slice(done - first, until - done)
        end = until, until >= file.metadata.num_rows
        return _table_piece(part, found, reading, end, names)


def _table_piece(
    table: pa.Table,
    found: Found,
    reading: Reading,
    end: tuple[int, bool],
    names: Sequence[str] | None = None,
) -> Piece:
    if reading.gives_records:
        return Piece(None, *end, records.table_records_in(table))
    return Piece(_of_table(table, found, reading, names), *end)


def _of_table(
    table: pa.Table, found: Found, reading: Reading, names: Sequence[str] | None = None
) -> Framed | None:
    if not table.num_rows:
        return None
    if reading.explode is not None:
        return _framed(_of_records(enumerate(table.to_pylist(), 1), reading), found, reading)
    names = composed_names(table.schema.names) if names is None else names
    check_names(names, reading.schema, None)

    def framed(by: str | None) -> Framed:
        return from_arrow.to_batch(table, reading.schema, by, names=names, time=reading.form.time)

    return _framed(Loaded(names, table.num_rows, framed), found, reading)


def _lines(
    file: Opened,
    found: Found,
    span: _Span,
    reading: Reading,
) -> Piece:
    stream, done, is_csv = file.stream, span.done, span.is_csv
    form = reading.form.csv
    encoding = form.encoding or byte_order(file.head) or "utf-8"
    quote = form.quote.encode() if is_csv else None
    is_wide = encoding.replace("_", "-").lower().startswith(("utf-16", "utf-32"))
    if is_wide and not reading.gives_records:
        whole = stream.read()  # its line breaks are no single bytes
        return Piece(_framed(_csv(whole, found, reading), found, reading), len(whole), is_whole=True)
    header = b""
    if done and is_csv:
        header = first_record(stream, quote or b'"')
        passed(stream, max(0, done - len(header)))
    else:
        passed(stream, done)
    part, is_whole = part_of(stream, limit=span.limit, rows=span.rows, quote=quote, ended=not reading.grows)
    after = done + len(part)
    if not part.strip():
        return Piece(None, after, is_whole)
    if reading.gives_records:
        found_records = records.csv_records_in(header + part) if is_csv else records.lines_in(part)
        return Piece(None, after, is_whole, found_records)
    loaded = _csv(header + part, found, reading) if is_csv else _of_lines(part, reading)
    return Piece(_framed(loaded, found, reading), after, is_whole)


def _csv(content: bytes, found: Found, reading: Reading) -> Loaded:
    suffix = ".tsv" if ".tsv" in found.name.lower() else ".csv"
    with tempfile.NamedTemporaryFile(suffix=suffix) as file:
        file.write(content)
        file.flush()
        return csv_file.load(Path(file.name), reading.schema, reading.timestamp, reading.form)


def _of_lines(content: bytes, reading: Reading) -> Loaded:
    return _of_records(records.lines_in(content), reading)


def _of_records(numbered: Iterable[tuple[int, Any]], reading: Reading) -> Loaded:
    rows, rejects, rejected = list[dict[str, Any]](), list[Reject](), 0
    for number, record in numbered:
        try:
            read = _object(record) if isinstance(record, bytes) else record
            rows += [read] if reading.explode is None else reading.explode(read, reading.names)
        except (ValueError, RecursionError, SourceError) as error:
            rejected += 1
            if len(rejects) < MAX_REJECTS:
                rejects.append(Reject({"line": number, **_shown(record, reading.schema)}, clean(str(error))))
    columns, count = json_lines.columns_of(rows)
    check_names(list(columns), reading.schema, None)

    def framed(by: str | None) -> Framed:
        return json_lines.framed_columns(columns, count, reading.schema, by, reading.form)

    return Loaded(list(columns), count, framed, tuple(rejects), rejected)


def _object(line: bytes) -> dict[str, Any]:
    found = records.parsed_line(line)
    if not isinstance(found, dict):
        raise SourceError("the line is JSON, but no object; expected one object per line")
    return found


def _shown(record: Any, schema: Schema) -> dict[str, Any]:
    if any(column.mask for column in schema.columns):
        return {}  # it may hold a sensitive value
    text = (
        record[: SHOWN_CHARACTERS * 4].decode(errors="replace") if isinstance(record, bytes) else str(record)
    )
    return {"value": clean(text[:SHOWN_CHARACTERS])}


def _framed(loaded: Loaded, found: Found, reading: Reading) -> Framed | None:
    from service.sources.tables.parsed import Framed  # noqa: PLC0415 - named here alone

    whole = with_partitions(loaded, found.partitions, reading.schema)
    if whole.names and not {*reading.schema.names} & {*whole.names}:
        raise SourceError(
            f"it has none of the monitor's columns, but {listed(whole.names)}; expected "
            f"{listed(reading.schema.names)}"
        )
    if loaded.rows:
        framed = whole.framed(reading.timestamp)
    elif loaded.rejected:
        framed = Framed(no_rows())
    else:
        return None
    rejects = tuple(
        Reject(each.row | {"file": found.name}, each.reason) for each in (*loaded.rejects, *framed.rejects)
    )
    return replace(framed, rejects=rejects[:MAX_REJECTS], rejected=framed.rejected + loaded.rejected)
