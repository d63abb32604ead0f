"""What the compressed buffers of an Arrow stream expand to, read off its messages before any is expanded.

Arrow expands a batch as a whole, and no option bounds it: 34 kB can be a gigabyte. Each compressed buffer
begins with its length when it is expanded (Arrow's columnar format, "Compression"), and where the buffers
lie is in the message's metadata, a flatbuffer (`Message.fbs`).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pyarrow as pa

from service.errors import UnreadableRowsError
from service.sources.http.table_limits import check_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER_TYPE, _HEADER = 1, 2  # fields of Message
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3  # kinds of header
_DATA = 1  # field of DictionaryBatch
_BUFFERS, _COMPRESSION = 2, 3  # fields of RecordBatch
_U8, _U16, _U32, _I32 = struct.Struct("<B"), struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<i")
_I64, _BUFFER = struct.Struct("<q"), struct.Struct("<qq")


def check_compressed(content: bytes) -> None:
    """Raise RowsTooLargeError where the buffers of a stream expand to more than is taken at once.

    Raises UnreadableRowsError where a message is damaged in itself.
    """
    size = 0
    for message in _messages(content):
        for length in _lengths(message):
            size += length
            check_bytes(size)


def _messages(content: bytes) -> Iterator[pa.ipc.Message]:
    """Return a stream's messages up to the first broken one, at which whatever reads it stops and says so."""
    try:
        yield from pa.ipc.MessageReader.open_stream(pa.BufferReader(content))
    except (pa.ArrowException, OSError):
        return


def _lengths(message: pa.ipc.Message) -> Iterator[int]:
    try:
        meta = memoryview(message.metadata)
        root = _U32.unpack_from(meta)[0]
        kind, header = _field(meta, root, _HEADER_TYPE), _table(meta, root, _HEADER)
        if kind is not None and _U8.unpack_from(meta, kind)[0] == _DICTIONARY_BATCH and header is not None:
            header = _table(meta, header, _DATA)
        elif kind is None or _U8.unpack_from(meta, kind)[0] != _RECORD_BATCH:
            return
        if header is None or _field(meta, header, _COMPRESSION) is None:
            return
        yield from _expanded(meta, header, memoryview(message.body))
    except (struct.error, IndexError, ValueError) as error:
        raise UnreadableRowsError(f"a message of the Arrow stream is damaged: {error}") from error


def _expanded(meta: memoryview, batch: int, body: memoryview) -> Iterator[int]:
    buffers = _table(meta, batch, _BUFFERS)
    if buffers is None:
        return
    for place in range(_U32.unpack_from(meta, buffers)[0]):
        start, length = _BUFFER.unpack_from(meta, buffers + _U32.size + place * _BUFFER.size)
        if length:
            yield max(_I64.unpack_from(body, start)[0], 0)  # -1: this one is not compressed


def _field(meta: memoryview, table: int, place: int) -> int | None:
    """Return where a field of a table is; None where it has its default."""
    own = table - _I32.unpack_from(meta, table)[0]
    at = 2 * _U16.size + place * _U16.size
    if own < 0 or at >= _U16.unpack_from(meta, own)[0]:
        return None
    offset: int = _U16.unpack_from(meta, own + at)[0]
    return table + offset if offset else None


def _table(meta: memoryview, table: int, place: int) -> int | None:
    """Return where the table or vector is that a field points to; None where there is none."""
    field = _field(meta, table, place)
    return None if field is None else field + int(_U32.unpack_from(meta, field)[0])
