"""A few rows of JSON whose cells are plain, read at once and without arrays: what most single rows are.

Guarantee: what is read here is kept, counted and measured as if `content.decoded` had read it. Whatever is
not plain is left to that: columns of several types, lists, texts in place of numbers, times in rare
spellings, rows that would be rejects, and everything that is wrong.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from service.core.rows import row_hash
from service.core.rows.batch import LabelType
from service.core.rows.id_sums import IdSums, sums_of_hashes
from service.core.rows.label_text import clean, described, text_of
from service.core.rows.schema import Kind
from service.errors import SourceError, UnreadableRowsError
from service.sources.http.content import MAX_LABEL, MAX_TEXT, check_columns
from service.sources.http.content_types import RowFormat
from service.sources.http.plain import batch as plain_batch
from service.sources.http.plain.batch import NUMBERS, TEXTS, PlainBatch, PlainColumn
from service.sources.http.plain.time import micros_of
from service.sources.tables.formats import json_lines
from service.sources.tables.identity import are_rounded, known_id
from service.sources.tables.parsed import unwatched_names
from service.sources.tables.time_text import are_times

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.sources.http.content import RowShape

MAX_BYTES = 8_192
MAX_LAYOUTS = 100  # that are remembered
_LARGEST, _SMALLEST = 2**63 - 1, -(2**63)
_TYPES: dict[type, LabelType] = {
    str: LabelType.TEXT,
    int: LabelType.NUMBER,
    float: LabelType.NUMBER,
    bool: LabelType.TRUTH,
}


class PlainRows(NamedTuple):
    """Rows that can all be used: encoded, how many, and the sums of their ids."""

    payload: bytes
    rows: int
    ids: IdSums


@dataclass(frozen=True, slots=True)
class _Layout:
    """What is done with rows that have certain columns.

    - `watched`: the names of the watched ones, each with what reads its cells
    - `unwatched`: the names of the others, which are neither time nor id
    """

    watched: tuple[tuple[str, Callable[[Sequence[Any]], PlainColumn | None]], ...]
    unwatched: tuple[str, ...]


class _Ids(NamedTuple):
    """The ids' hashes, None where rows have no ids; one as people write it; second hashes if asked for."""

    hashes: list[int] | None
    example: str | None
    check: list[int] | None = None


class PlainReader:
    """Reads plain rows of one shape; what their columns are it remembers for the next ones."""

    def __init__(self, shape: RowShape, *, needed: Sequence[str] = ()) -> None:
        self._shape = shape
        self._needed = needed  # columns without which rows are not read
        self._layouts: dict[tuple[str, ...], _Layout | None] = {}

    def read(self, content: bytes, form: RowFormat, received: int, latest: int) -> PlainRows | None:
        """Return the rows of a request that came at `received`; None where they are not plain.

        No row's time may lie behind `latest` (both UTC microseconds).
        """
        records = _records(content, form)
        if not records:
            return None
        columns, rows = json_lines.columns_of(records)
        layout = self._layout(tuple(columns))
        if layout is None or any(isinstance(c, list | dict) for cells in columns.values() for c in cells):
            return None
        times = self._times(columns, rows, received, latest)
        ids = self._ids(columns)
        held = _held(layout, columns)
        if times is None or ids is None or held is None:
            return None
        batch = PlainBatch(times, ids.hashes, held, layout.unwatched, ids.example, ids.check)
        return PlainRows(plain_batch.encode(batch), rows, _sums(ids.hashes, rows))

    def _layout(self, names: tuple[str, ...]) -> _Layout | None:
        if names not in self._layouts:
            if len(self._layouts) >= MAX_LAYOUTS:
                self._layouts.clear()
            self._layouts[names] = self._laid_out(names)
        return self._layouts[names]

    def _laid_out(self, names: tuple[str, ...]) -> _Layout | None:
        schema, timestamp = self._shape.schema, self._shape.timestamp
        try:
            check_columns(names, self._shape)
        except (SourceError, UnreadableRowsError):
            return None  # as it will be said
        if any(name not in names for name in self._needed):
            return None
        watched = tuple(
            (each.name, _ids_as_labels if each.name == schema.identity else _READERS[each.kind])
            for each in schema.columns
            if each.name in names
        )
        unwatched = tuple(name for name in unwatched_names(names, schema, None) if name != timestamp)
        return _Layout(watched, unwatched)

    def _ids(self, columns: dict[str, list[Any]]) -> _Ids | None:
        schema = self._shape.schema
        name = schema.identity
        if name is None or name not in columns:
            return _Ids(None, None)
        cells = columns[name]
        kind = _kind_of(cells)
        if kind is None or not _are_kept(cells, kind, MAX_LABEL) or are_rounded(cells):
            return None
        texts = [known_id(text_of(cell)) for cell in cells]
        first = next((text for text in texts if text), None)
        example = None if first is None else described(first, _TYPES[kind])
        check = [row_hash.of_text(text, second=True) for text in texts] if schema.exact_ids else None
        return _Ids([row_hash.of_text(text) for text in texts], example, check)

    def _times(
        self, columns: dict[str, list[Any]], rows: int, received: int, latest: int
    ) -> list[int] | None:
        timestamp = self._shape.timestamp
        if timestamp is None or timestamp not in columns:
            return [received] * rows
        cells, form = columns[timestamp], self._shape.form.time
        if _kind_of(cells) is None:
            return None
        times = []
        for cell in cells:
            micros = received if cell is None else micros_of(cell, form)
            if micros is None or micros > latest:
                return None
            times.append(micros)
        return times


def _records(content: bytes, form: RowFormat) -> list[dict[str, Any]] | None:
    try:
        if form is RowFormat.JSON_LINES:
            lines = content.splitlines()
            found: Any = [_parsed(line) for line in lines if line.strip()]
        else:
            found = _parsed(content)
    except (ValueError, RecursionError):
        return None
    records = [found] if isinstance(found, dict) else found
    is_plain = isinstance(records, list) and all(isinstance(record, dict) for record in records)
    return records if is_plain else None


def _parsed(content: bytes) -> Any:
    return json.loads(content, object_pairs_hook=json_lines.each_once)


def _kind_of(cells: Sequence[Any]) -> type | None:
    # The one type of some cells, NoneType where all are missing; None where they are of several.
    kinds = {type(cell) for cell in cells}
    if len(kinds) > 1:
        kinds.discard(type(None))
    return kinds.pop() if len(kinds) == 1 else None


def _sums(hashes: Sequence[int] | None, rows: int) -> IdSums:
    return IdSums(rows) if hashes is None else sums_of_hashes(hashes)


def _held(layout: _Layout, columns: dict[str, list[Any]]) -> dict[str, PlainColumn] | None:
    held = {}
    for name, read in layout.watched:
        found = read(columns[name])
        if found is None:
            return None
        held[name] = found
    return held


def _numbers(cells: Sequence[Any]) -> PlainColumn | None:
    kind = _kind_of(cells)
    if kind not in {int, float, type(None)} or not _are_kept(cells, kind, 0):
        return None
    return NUMBERS, [None if cell is None else float(cell) for cell in cells]


def _labels(cells: Sequence[Any]) -> PlainColumn | None:
    if are_times([cell for cell in cells if cell and type(cell) is str]):
        return None  # which is worth a remark
    return _ids_as_labels(cells)


def _ids_as_labels(cells: Sequence[Any]) -> PlainColumn | None:
    kind = _kind_of(cells)
    if kind is None or not _are_kept(cells, kind, MAX_LABEL):
        return None
    return _TYPES.get(kind, LabelType.TEXT).value, [text_of(cell) for cell in cells]


def _texts(cells: Sequence[Any]) -> PlainColumn | None:
    if _kind_of(cells) not in {str, type(None)} or not _are_kept(cells, str, MAX_TEXT):
        return None
    return TEXTS, [None if cell is None else clean(cell) for cell in cells]


_READERS = {Kind.NUMERICAL: _numbers, Kind.CATEGORICAL: _labels, Kind.TEXT: _texts}


def _are_kept(cells: Sequence[Any], kind: type, limit: int) -> bool:
    # Whether Arrow holds them: no number beyond 64 bits, no half of a surrogate pair; and no text too long.
    if kind is int:
        return all(cell is None or _SMALLEST <= cell <= _LARGEST for cell in cells)
    if kind is not str:
        return True
    return all(cell is None or (len(cell) <= limit and _is_whole(cell)) for cell in cells)


def _is_whole(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
