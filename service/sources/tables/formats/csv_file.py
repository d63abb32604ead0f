"""CSV files as frames: separator and encoding are found where that is safe, the header is read as written.

A record with fewer or more cells than the header has names is left out and said, never filled up: a replay
rejects it, a reference remarks it, and a file of which more than half is like that is refused.

The separator is the one of comma, tab, semicolon and pipe that gives most of the columns that are read. A
byte that is not of the encoding is an error, unless `encoding: utf-8` is written: then it spoils its cell.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from typing import IO, TYPE_CHECKING, NamedTuple

from service.core.rows.missing_words import NULL_WORDS, words_of
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables.formats.content import byte_order
from service.sources.tables.formats.csv_cells import Signs
from service.sources.tables.formats.csv_records import CheckedRecords, Noticed
from service.sources.tables.formats.loaded import Loaded
from service.sources.tables.formats.opening import opened
from service.sources.tables.parsed import check_names, composed_names

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from service.sources.table_format import CsvFormat, TableFormat
    from service.sources.tables.parsed import Framed

SEPARATORS = (",", "\t", ";", "|")
NAME_SHOWN = 40  # characters of a name
HEADER_CHARACTERS = 1 << 20
READ_BYTES = 1 << 18
SINGLE_BYTES = re.compile(r"utf-8(-sig)?|ascii|iso8859-.*|cp125.")  # for every sign of ASCII, and only for it
LENIENT = "utf-8"  # as a declared encoding: other bytes are replaced
TRUTHS = {"true": True, "false": False}  # as numbers 1 and 0
_STRAY = "a stray quote has probably swallowed what follows it"
_DIRECTIVE = re.compile(r"sep=(.)\r?\n")  # Excel's first line


class _Dialect(NamedTuple):
    """What a CSV file was found to be; `skipped` lines stand before the header with its `names`."""

    separator: str
    encoding: str
    skipped: int
    names: list[str]


class Read(NamedTuple):
    """A CSV file's columns, its cells as they are written, and what was noticed of its records."""

    names: list[str]
    frame: pd.DataFrame
    noticed: Noticed


def load(path: Path, schema: Schema, timestamp: str | None, form: TableFormat) -> Loaded:
    """Parse a CSV file. Raises SourceError where its header, or most of its lines, are not as expected."""
    names, frame, noticed = read(path, schema, timestamp, form)
    remarks = (*long_cell_remarks(noticed, schema), *_empty_row_remarks(frame))

    def framed(by: str | None) -> Framed:
        from service.sources.tables.from_pandas import to_batch  # noqa: PLC0415 - see _frame

        return to_batch(frame, schema, by, time=form.time, number=form.csv.number)

    return Loaded(names, len(frame), framed, tuple(noticed.rejects), noticed.rejected, remarks)


def read(path: Path, schema: Schema, timestamp: str | None, form: TableFormat) -> Read:
    """Return a CSV file's columns and its cells, labels and times as they are written; raises as `load`."""
    known = {name for name in (*schema.names, schema.identity, timestamp) if name is not None}
    try:
        with opened(path) as file:
            dialect = _dialect(file.stream, file.head, form.csv, known, prefer_tab=".tsv" in path.suffixes)
        if not dialect.names:
            raise SourceError("the file holds no header line; expected a line of column names, and rows")
        check_names(dialect.names, schema, None)
        frame, noticed = _frame(path, dialect, schema, timestamp, form)
    except UnicodeDecodeError as error:
        encoding = form.csv.encoding or error.encoding
        raise _not_decoded(encoding, _line_of(path, encoding)) from None
    return Read(dialect.names, frame, noticed)


def texts(path: Path, form: TableFormat) -> pd.DataFrame:
    """Return every column as it is written, None where a cell is empty."""
    with opened(path) as file:
        dialect = _dialect(file.stream, file.head, form.csv, set(), prefer_tab=".tsv" in path.suffixes)
    schema = Schema(tuple(Column(name, Kind.TEXT) for name in dict.fromkeys(dialect.names)))
    check_names(dialect.names, schema, None)
    return _frame(path, dialect, schema, None, form)[0]


def long_cell_remarks(noticed: Noticed, schema: Schema) -> tuple[str, ...]:
    """Return what is said of cells that hold line breaks: labels and ids, and all that seem to hold rows."""
    short = {column.name for column in schema.columns if column.kind is not Kind.TEXT}
    short |= {schema.identity} if schema.identity is not None else set()
    return tuple(
        f"{name}: a cell holds the line breaks from line {cell.first_line} to line {cell.last_line}; "
        + ("two stray quotes have probably swallowed the rows between them" if cell.holds_rows else _STRAY)
        for name, cell in noticed.long_cells.items()
        if cell.holds_rows or name in short
    )


def _empty_row_remarks(frame: pd.DataFrame) -> tuple[str, ...]:
    empty = frame
    for place in range(frame.shape[1]):
        cells = empty.iloc[:, place]
        empty = empty[cells.isna() | (cells == "")]
        if empty.empty:
            return ()
    line = f"{len(empty):,} of {len(frame):,} rows hold no value at all, and count as rows with all missing"
    return (line,)


def _dialect(
    stream: IO[bytes], head: bytes, declared: CsvFormat, known: set[str], *, prefer_tab: bool
) -> _Dialect:
    encoding = declared.encoding or byte_order(head) or "utf-8"
    text = io.TextIOWrapper(stream, encoding, errors=_on_error(declared), newline="")
    try:
        start = text.read(HEADER_CHARACTERS).removeprefix("\ufeff")
    finally:
        text.detach()
    directive = _DIRECTIVE.match(start)
    if directive:
        start = start[directive.end() :]
    candidates: tuple[str, ...] = ("\t", *SEPARATORS) if prefer_tab else SEPARATORS
    if declared.separator is not None or directive:
        candidates = (declared.separator or (directive[1] if directive else ","),)
    headers = [(sign, _named(_header(start, sign, declared.quote))) for sign in candidates]
    separator, names = max(headers, key=lambda each: (len(known & {*each[1]}), len(each[1])))
    return _Dialect(separator, encoding, 1 if directive else 0, names)


def _header(start: str, separator: str, quote: str) -> list[str]:
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=separator, quotechar=quote)
    try:
        return next((row for row in reader if row), [])
    except csv.Error as error:
        raise SourceError(f"its header cannot be read: {error}; expected a line of column names") from error


def _named(names: list[str]) -> list[str]:
    # A column without a name, as pandas writes its index, has the name that pandas gives it.
    return composed_names(name or f"Unnamed: {place}" for place, name in enumerate(names))


def _frame(
    path: Path, dialect: _Dialect, schema: Schema, timestamp: str | None, form: TableFormat
) -> tuple[pd.DataFrame, Noticed]:
    import pandas as pd  # noqa: PLC0415 - half a second and 60 MB that a Parquet file does not need

    # Columns go by their place: pandas renames the second of two that have one name.
    order = [str(place) for place in range(len(dialect.names))]
    places = dict(zip(dialect.names, order, strict=True))
    # A label, a text, an id is what is written: 01234 keeps its zero, whatever the column's other values are.
    texts = {column.name for column in schema.columns if column.kind is not Kind.NUMERICAL}
    texts |= {schema.identity} if schema.identity is not None else set()
    numbers = {column.name: column for column in schema.columns if column.name not in texts}
    formed = {name for name, column in numbers.items() if column.number or form.csv.number}
    as_written = texts | formed | ({timestamp} if timestamp is not None else set())
    missing = {name: [""] for name in texts}
    missing |= {name: ["", *words_of(column)] for name, column in numbers.items()}
    if timestamp is not None:
        missing[timestamp] = ["", *NULL_WORDS]
    with opened(path) as file:
        checked, encoding = _checked(file.stream, dialect, form.csv)
        # All columns: told to read some, pandas cuts a line that is too long instead of refusing it.
        frame = pd.read_csv(
            io.BufferedReader(checked, READ_BYTES),
            sep=dialect.separator,
            quotechar=form.csv.quote,
            skiprows=dialect.skipped,
            header=0,
            names=order,
            low_memory=False,  # a column's type is decided once, not per part
            dtype={place: str for name, place in places.items() if name in as_written},
            keep_default_na=False,
            na_values={place: missing[name] for name, place in places.items() if name in missing},
            float_precision="round_trip",
            encoding=encoding,
            encoding_errors=_on_error(form.csv),
        )
    noticed = checked.noticed
    if noticed.rejected * 2 > noticed.records:
        first = dialect.names[0][:NAME_SHOWN]
        hint = f" Is its first line, {first!r}, the header?" if len(dialect.names) == 1 else ""
        raise SourceError(
            f"{noticed.rejected} of its {noticed.records} lines have more or fewer cells than the header has "
            f"names: {noticed.rejects[0].reason}; expected as many (is the separator "
            f"{dialect.separator!r}?{hint})"
        )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the surplus for an index
        raise SourceError("its lines hold more cells than its header has names; expected as many")
    for place in (places[name] for name in numbers.keys() - formed if name in places):
        if frame[place].dtype == object:
            frame[place] = frame[place].map(_truth)
    frame.columns = pd.Index(dialect.names)
    return frame, noticed


def _truth(cell: object) -> object:
    """Return the truth value that a text spells; pandas reads one only in a column of nothing else."""
    return TRUTHS.get(cell.strip().lower(), cell) if isinstance(cell, str) else cell


def _checked(stream: IO[bytes], dialect: _Dialect, declared: CsvFormat) -> tuple[CheckedRecords, str]:
    # The stream whose records are checked, and its encoding: another one where a sign is not one byte.
    encoding = dialect.encoding
    if not SINGLE_BYTES.fullmatch(codecs.lookup(encoding).name):
        stream, encoding = codecs.EncodedFile(stream, "utf-8", encoding), "utf-8"
    plain = codecs.lookup(encoding).name.removesuffix("-sig")
    signs = Signs.of(dialect.separator.encode(plain), declared.quote.encode(plain))
    nul = "\ufffd".encode(plain, errors="replace")
    return CheckedRecords(stream, dialect.names, signs, dialect.skipped, instead_of_nul=nul), encoding


def _on_error(declared: CsvFormat) -> str:
    return "replace" if (declared.encoding or "").lower().replace("_", "-") == LENIENT else "strict"


def _line_of(path: Path, encoding: str) -> int | None:
    with opened(path) as file:
        for number, line in enumerate(file.stream, start=1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return None


def _not_decoded(encoding: str, line: int | None) -> SourceError:
    where = f"line {line}" if line else "it"
    return SourceError(
        f"{where} holds bytes that are not {encoding.removesuffix('-sig').upper()}; write the file's own "
        "encoding, such as csv: {encoding: latin-1} or {encoding: cp1252}, or {encoding: utf-8} to read such "
        "bytes as \ufffd"
    )
