"""CSV files as frames: separator and encoding are found where that is safe, the header is read as written.

The separator is the one of comma, tab, semicolon and pipe that gives most of the columns that are read. A
byte that is not of the encoding is an error, unless `encoding: utf-8` is written: then it spoils its cell.
"""

from __future__ import annotations

import csv
import io
import re
from typing import IO, TYPE_CHECKING, NamedTuple

from service.core.rows.missing_words import NULL_WORDS, words_of
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables.formats.content import byte_order
from service.sources.tables.formats.loaded import Loaded
from service.sources.tables.formats.opening import opened
from service.sources.tables.parsed import check_names

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from service.sources.table_format import CsvFormat, TableFormat
    from service.sources.tables.parsed import Framed

SEPARATORS = (",", "\t", ";", "|")
HEADER_CHARACTERS = 1 << 20
LENIENT = "utf-8"  # as a declared encoding: other bytes are replaced
_DIRECTIVE = re.compile(r"sep=(.)\r?\n")  # Excel's first line


class _Dialect(NamedTuple):
    """What a CSV file was found to be; `skipped` lines stand before the header with its `names`."""

    separator: str
    encoding: str
    skipped: int
    names: list[str]


def load(path: Path, schema: Schema, timestamp: str | None, form: TableFormat) -> Loaded:
    """Parse a CSV file. Raises SourceError where its header or a line of it is not as expected."""
    names, frame = read(path, schema, timestamp, form)

    def framed(by: str | None) -> Framed:
        from service.sources.tables.from_pandas import to_batch  # noqa: PLC0415 - see _frame

        return to_batch(frame, schema, by, time=form.time, number=form.csv.number)

    return Loaded(names, len(frame), framed)


def read(
    path: Path, schema: Schema, timestamp: str | None, form: TableFormat
) -> tuple[list[str], pd.DataFrame]:
    """Return a CSV file's columns and its cells, labels and times as they are written; raises as `load`."""
    known = {name for name in (*schema.names, schema.identity, timestamp) if name is not None}
    try:
        with opened(path) as file:
            dialect = _dialect(file.stream, file.head, form.csv, known, prefer_tab=".tsv" in path.suffixes)
        if not dialect.names:
            raise SourceError("the file holds no header line; expected a line of column names, and rows")
        check_names(dialect.names, schema, None)
        frame = _frame(path, dialect, schema, timestamp, form)
    except UnicodeDecodeError as error:
        encoding = form.csv.encoding or error.encoding
        raise _not_decoded(encoding, _line_of(path, encoding)) from None
    return dialect.names, frame


def texts(path: Path, form: TableFormat) -> pd.DataFrame:
    """Return every column as it is written, None where a cell is empty."""
    with opened(path) as file:
        dialect = _dialect(file.stream, file.head, form.csv, set(), prefer_tab=".tsv" in path.suffixes)
    schema = Schema(tuple(Column(name, Kind.TEXT) for name in dict.fromkeys(dialect.names)))
    check_names(dialect.names, schema, None)
    return _frame(path, dialect, schema, None, form)


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
    headers = [(sign, _header(start, sign, declared.quote)) for sign in candidates]
    separator, names = max(headers, key=lambda each: (len(known & {*each[1]}), len(each[1])))
    return _Dialect(separator, encoding, 1 if directive else 0, _named(names))


def _header(start: str, separator: str, quote: str) -> list[str]:
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=separator, quotechar=quote)
    try:
        return next((row for row in reader if row), [])
    except csv.Error as error:
        raise SourceError(f"its header cannot be read: {error}; expected a line of column names") from error


def _named(names: list[str]) -> list[str]:
    # A column without a name, as pandas writes its index, has the name that pandas gives it.
    return [name or f"Unnamed: {place}" for place, name in enumerate(names)]


def _frame(
    path: Path, dialect: _Dialect, schema: Schema, timestamp: str | None, form: TableFormat
) -> pd.DataFrame:
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
        # All columns: told to read some, pandas cuts a line that is too long instead of refusing it.
        frame = pd.read_csv(
            file.stream,
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
            encoding=dialect.encoding,
            encoding_errors=_on_error(form.csv),
        )
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the surplus for an index
        raise SourceError("its lines hold more cells than its header has names; expected as many")
    frame.columns = pd.Index(dialect.names)
    return frame


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
