"""What the pages of a Parquet file expand to, read off their headers before any is expanded.

The sizes in a file's footer are what its writer says; Arrow expands what the pages say, without a bound. Both
are Thrift's compact protocol, read here in a few lines: a damaged footer ends the process where pyarrow is
asked for the metadata of a column (`ColumnChunk` throws, and nothing catches it), and is an error here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.errors import RowsTooLargeError, UnreadableRowsError
from service.sources.http.table_limits import MAX_BYTES, check_bytes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

# A field that is missing, of another type, or leads out of the file.
_DAMAGE = (LookupError, TypeError, ValueError, AttributeError, struct.error)
_MAGIC = b"PAR1"
_LENGTH = struct.Struct("<I")
MAX_FOOTER_BYTES = 4 << 20
MAX_PAGES = 50_000
_MAX_NESTING = 32  # of Thrift's structures; Parquet's own are a handful deep
MAX_NESTED_VALUES = MAX_BYTES // 8
# Fields of FileMetaData, RowGroup, ColumnChunk, ColumnMetaData and PageHeader, by parquet.thrift.
_ROW_GROUPS, _COLUMNS, _META = 4, 1, 3
_PATH, _COMPRESSED, _DATA_AT, _DICTIONARY_AT = 3, 7, 9, 11
_PAGE_EXPANDED, _PAGE_COMPRESSED = 2, 3
_PAGE_KINDS = (5, 7, 8)  # data, dictionary, data of version 2: each has its number of values first
_TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 10, 11, 12
_LONG_LIST = 15


def check_pages(content: bytes, names: Collection[str]) -> None:
    """Raise RowsTooLargeError where the columns `names` of a file expand to more than is taken at once.

    Raises UnreadableRowsError where its footer or a page's header is damaged.
    """
    try:
        size = values = pages = 0
        for path, start, end in _chunks(content):
            if path[:1] and path[0] not in names:
                continue
            for expanded, count in _pages(content, start, end):
                size, pages = size + expanded, pages + 1
                values += count if len(path) > 1 else 0
                check_bytes(size)
                _check(pages, MAX_PAGES, "Parquet pages")
                _check(values, MAX_NESTED_VALUES, "values inside cells")
    except _DAMAGE as error:
        raise UnreadableRowsError(f"the content is no Parquet file, or a damaged one: {error}") from error


def _check(count: int, limit: int, of: str) -> None:
    if count > limit:
        raise RowsTooLargeError(f"the rows have more than {limit:,} {of}; send them in several requests")


def _chunks(content: bytes) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Return each column chunk's path, and where its pages begin and end."""
    if content[-len(_MAGIC) :] != _MAGIC or len(content) < 2 * len(_MAGIC) + _LENGTH.size:
        raise ValueError("it does not end in PAR1")
    length = _LENGTH.unpack_from(content, len(content) - len(_MAGIC) - _LENGTH.size)[0]
    start = len(content) - len(_MAGIC) - _LENGTH.size - length
    if start < 0:
        raise ValueError("its footer is longer than the file")
    if length > MAX_FOOTER_BYTES:
        raise RowsTooLargeError(
            f"the Parquet file's footer has more than {MAX_FOOTER_BYTES >> 20} MB; expected fewer columns"
        )
    footer = _Thrift(content, start).structure()
    for group in footer.get(_ROW_GROUPS, []):
        for column in group[_COLUMNS]:
            meta = column[_META]
            begins = [at for at in (meta[_DATA_AT], meta.get(_DICTIONARY_AT, 0)) if at > 0]
            first = min(begins, default=0)
            yield tuple(part.decode() for part in meta[_PATH]), first, first + meta[_COMPRESSED]


def _pages(content: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Return of each page between two places how many bytes it expands to, and how many values it has."""
    at = start
    while at < min(end, len(content)):
        reader = _Thrift(content, at)
        header = reader.structure()
        expanded, compressed = header[_PAGE_EXPANDED], header[_PAGE_COMPRESSED]
        if expanded < 0 or compressed < 0:
            raise ValueError("a page has a negative size")
        kind: dict[int, int] = next((header[field] for field in _PAGE_KINDS if field in header), {})
        yield expanded, max(kind.get(1, 0), 0)
        at = reader.at + compressed


@dataclass(slots=True)
class _Thrift:
    """Reads Thrift's compact protocol: a structure is a dictionary by field id."""

    content: bytes
    at: int

    def structure(self, depth: int = 0) -> dict[int, Any]:
        """Return the structure at the current place."""
        if depth > _MAX_NESTING:
            raise ValueError("its metadata is nested too deeply")
        fields: dict[int, Any] = {}
        field = 0
        while head := self._byte():
            field = field + (head >> 4) if head >> 4 else self._signed()
            fields[field] = self._value(head & 0x0F, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if kind in {_TRUE, _FALSE}:
            return kind == _TRUE
        return self._element(kind, depth)

    def _element(self, kind: int, depth: int) -> Any:
        if kind in {_LIST, _SET}:
            return self._list(depth)
        if kind == _STRUCT:
            return self.structure(depth + 1)
        if kind == _MAP:
            return self._map(depth)
        return self._plain(kind)

    def _plain(self, kind: int) -> int | bytes:
        if kind in {_TRUE, _FALSE, _BYTE}:
            return self._byte()
        if _BYTE < kind <= _I64:
            return self._signed()
        if kind == _DOUBLE:
            return self._take(8)
        if kind == _BINARY:
            return self._take(self._unsigned())
        raise ValueError(f"its metadata has a value of the unknown kind {kind}")

    def _list(self, depth: int) -> list[Any]:
        if depth > _MAX_NESTING:
            raise ValueError("its metadata is nested too deeply")
        head = self._byte()
        count = head >> 4 if head >> 4 != _LONG_LIST else self._unsigned()
        return [self._element(head & 0x0F, depth + 1) for _ in range(self._possible(count))]

    def _map(self, depth: int) -> dict[str, Any]:
        count = self._possible(self._unsigned())
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._element(kinds >> 4, depth + 1)
            self._element(kinds & 0x0F, depth + 1)
        return {}

    def _possible(self, count: int) -> int:
        if count > len(self.content) - self.at:  # each element takes a byte or more
            raise ValueError("its metadata has a list longer than the file")
        return count

    def _byte(self) -> int:
        value = self.content[self.at]
        self.at += 1
        return value

    def _take(self, size: int) -> bytes:
        if size > len(self.content) - self.at:
            raise ValueError("its metadata has a text longer than the file")
        self.at += size
        return self.content[self.at - size : self.at]

    def _unsigned(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a number
                return value
            shift += 7
            if shift > 63:  # noqa: PLR2004 - of 64 bits
                raise ValueError("its metadata has a number of more than 64 bits")

    def _signed(self) -> int:
        value = self._unsigned()
        return (value >> 1) ^ -(value & 1)
