"""Requests of OTLP in protobuf, read from the bytes: the messages of logs.proto, unknown fields ignored.

A library would make all objects of a request before it could be asked how many there are; here they are
counted first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.rows.label_text import composed_name
from service.errors import UnreadableRowsError
from service.sources.otlp.limits import check_fields, check_records
from service.sources.otlp.records import LogRecord, Resource
from service.sources.otlp.values import MAX_DEPTH, TOO_DEEP, Fault, keyed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.sources.otlp.values import Value

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
FIXED_SIZE = {FIXED64: 8, FIXED32: 4}
MAX_VARINT = 10  # bytes
MAX_FIELD = 2**29 - 1
Records = list[tuple[Resource, LogRecord]]


@dataclass(slots=True)
class _Reader:
    """Reads messages of one request; `fields` were read so far."""

    content: bytes
    fields: int = 0

    def messages(self, start: int, end: int, number: int) -> Iterator[tuple[int, int]]:
        """Yield where the messages of a repeated field begin and end."""
        for found, kind, value, size in self.each(start, end):
            if found == number and kind == BYTES:
                yield value, value + size

    def each(self, start: int, end: int) -> Iterator[tuple[int, int, int, int]]:
        """Yield each field's number, wire type and value; of bytes and fixed sizes the place and the size."""
        place = start
        while place < end:
            self.fields += 1
            check_fields(self.fields)
            tag, place = self._varint(place, end)
            number, kind = tag >> 3, tag & 7
            if not 0 < number <= MAX_FIELD:
                raise UnreadableRowsError(f"the content is no protobuf of OTLP: a field {number} at {place}")
            if kind == VARINT:
                value, place = self._varint(place, end)
                yield number, kind, value, 0
                continue
            if kind == BYTES:
                size, place = self._varint(place, end)
            elif kind in FIXED_SIZE:
                size = FIXED_SIZE[kind]
            else:
                raise UnreadableRowsError(f"the content is no protobuf of OTLP: wire type {kind} at {place}")
            if place + size > end:
                raise UnreadableRowsError("the content is no protobuf of OTLP: it ends within a field")
            yield number, kind, place, size
            place += size

    def text(self, place: int, size: int) -> str:
        """Return a text."""
        try:
            return self.content[place : place + size].decode()
        except UnicodeError as error:
            raise UnreadableRowsError(f"a text at byte {place} of the protobuf is no UTF-8") from error

    def fixed64(self, place: int) -> int:
        """Return an unsigned integer of a fixed size."""
        return int.from_bytes(self.content[place : place + 8], "little")

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = shift = 0
        for at in range(place, min(place + MAX_VARINT, end)):
            byte = self.content[at]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # noqa: PLR2004 - the last byte of a varint
                return value & (2**64 - 1), at + 1
            shift += 7
        raise UnreadableRowsError("the content is no protobuf of OTLP: an integer does not end")


def read(content: bytes) -> Records:
    """Return the log records of a request. Raises UnreadableRowsError, and RowsTooLargeError."""
    reader = _Reader(content)
    records: Records = []
    for start, end in reader.messages(0, len(content), 1):
        sent = list(reader.each(start, end))
        resource = Resource(
            keyed(
                pair
                for number, kind, place, size in sent
                if (number, kind) == (1, BYTES)
                for pair in _pairs(reader, place, place + size, 1, 0)
            )
        )
        for number, kind, place, size in sent:
            if (number, kind) != (2, BYTES):
                continue
            for at, until in reader.messages(place, place + size, 2):
                records.append((resource, _record(reader, at, until)))
                check_records(len(records))
    return records


def _record(reader: _Reader, start: int, end: int) -> LogRecord:
    texts, times, body = {9: b"", 10: b""}, {1: 0, 11: 0}, None
    event, pairs = "", list[tuple[str, "Value"]]()
    for number, kind, value, size in reader.each(start, end):
        if kind == FIXED64 and number in times:
            times[number] = reader.fixed64(value)
        elif kind == BYTES and number == 5:  # noqa: PLR2004 - the numbers are those of logs.proto
            body = _value(reader, value, value + size, 0)
        elif kind == BYTES and number == 6:  # noqa: PLR2004
            pairs.append(_pair(reader, value, value + size, 0))
        elif kind == BYTES and number in texts:
            texts[number] = reader.content[value : value + size]
        elif kind == BYTES and number == 12:  # noqa: PLR2004
            event = reader.text(value, size)
    return LogRecord(event, times[1], times[11], body, keyed(pairs), texts[9], texts[10])


def _pairs(reader: _Reader, start: int, end: int, number: int, depth: int) -> Iterator[tuple[str, Value]]:
    for at, until in reader.messages(start, end, number):
        yield _pair(reader, at, until, depth)


def _pair(reader: _Reader, start: int, end: int, depth: int) -> tuple[str, Value]:
    name, value = "", None
    for number, kind, place, size in reader.each(start, end):
        if (number, kind) == (1, BYTES):
            name = reader.text(place, size)
        elif (number, kind) == (2, BYTES):
            value = _value(reader, place, place + size, depth)
    return composed_name(name), value


def _value(reader: _Reader, start: int, end: int, depth: int) -> Value:
    found: Value = None
    for number, kind, place, size in reader.each(start, end):
        match number, kind:
            case 1, 2:
                found = reader.text(place, size)
            case 2, 0:
                found = bool(place)
            case 3, 0:
                found = place - 2**64 if place >= 2**63 else place
            case 4, 1:
                found = struct.unpack_from("<d", reader.content, place)[0]
            case ((5 | 6), 2) if depth >= MAX_DEPTH:
                found = Fault(TOO_DEEP)
            case 5, 2:
                inner = reader.messages(place, place + size, 1)
                found = [_value(reader, at, until, depth + 1) for at, until in inner]
            case 6, 2:
                found = keyed(_pairs(reader, place, place + size, 1, depth + 1))
            case 7, 2:
                found = reader.content[place : place + size]
    return found
