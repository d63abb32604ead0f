"""Messages in Avro: bare, by the one schema of a file, or framed with the id of a schema.

The frame is that of Confluent's serializers: a zero byte, the schema's id as 4 bytes, then the record.
Schemas are files, `ID.avsc` in a folder; one that is added is found when the first message needs it.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import struct
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from service.core.rows.label_text import composed_name
from service.errors import SourceError
from service.sources.kafka.messages import EMPTY, Records, fault_of_value
from service.sources.tables.formats import json_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from service.sources.kafka.messages import RecordLimits

FRAME = struct.Struct(">bI")

# What the reader raises for bytes that were not written with its schema.
_UNREADABLE = (
    ValueError, LookupError, TypeError, ArithmeticError, EOFError, AttributeError, MemoryError,
    RecursionError, StopIteration, AssertionError, struct.error, OSError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AvroFormat:
    """Reads records of Avro.

    - `schema`: the file of the schema of bare records; or
    - `folder`: of the schemas of framed ones, by id
    - `known`: those that were read
    """

    schema: Path | None
    folder: Path | None
    known: dict[int, Any] = field(default_factory=dict)

    def parsed(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what all messages hold; they are read one by one in any case."""
        return self.parsed_each(values, limits)

    def parsed_each(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what each message holds. Raises SourceError where the one schema cannot be read."""
        faults, places, records = dict[int, str](), list[int](), list[dict[str, Any]]()
        read = _reader()
        for place, value in enumerate(values):
            found = self._record(value, read)
            fault = found if isinstance(found, str) else limits.fault_of(found)
            if fault is not None:
                faults[place] = fault
            elif isinstance(found, dict):
                places.append(place)
                records.append(found)
        columns, _ = json_lines.columns_of(records)
        plain = {composed_name(name): plain_cells(cells) for name, cells in columns.items()}
        return Records(plain, places, faults)

    def _record(self, value: bytes | None, read: Callable[..., Any]) -> dict[str, Any] | str:
        # The record, or what is wrong.
        fault = fault_of_value(value)
        if fault is not None or value is None:
            return fault or EMPTY
        found = self._schema_of(value)
        if isinstance(found, str):
            return found
        schema, start = found
        stream = io.BytesIO(value)
        stream.seek(start)
        try:
            record: dict[str, Any] = read(stream, schema, None)
        except _UNREADABLE as error:
            said = " ".join(str(error).split()) or type(error).__name__
            return f"it cannot be read with its schema: {said}{self._hint(value)}"
        left = len(value) - stream.tell()
        if left:
            hint = self._hint(value)
            return f"{left} bytes are left after the record: it was written with another schema{hint}"
        return record

    def _schema_of(self, value: bytes) -> tuple[Any, int] | str:
        if self.folder is None:
            if 0 not in self.known and self.schema is not None:
                self.known[0] = read_schema(self.schema)
            return self.known[0], 0
        if len(value) < FRAME.size or value[0] != 0:
            return (
                "it does not begin with a zero byte and the 4 bytes of a schema's id; for records without "
                "them write schema_file"
            )
        _, number = FRAME.unpack_from(value)
        if number not in self.known:
            path = self.folder / f"{number}.avsc"
            if not path.is_file():
                return (
                    f"its schema has the id {number}, and {self.folder} has no {path.name}; expected it there"
                )
            try:
                self.known[number] = read_schema(path)
            except SourceError as error:
                return str(error)
        return self.known[number], FRAME.size

    def _hint(self, value: bytes) -> str:
        if self.folder is not None or len(value) < FRAME.size or value[0] != 0:
            return ""
        _, number = FRAME.unpack_from(value)
        return f"; it may be framed with the schema id {number}: write schema_folder with {number}.avsc in it"


def read_schema(path: Path) -> Any:
    """Return a file's schema, parsed. Raises SourceError where it is none, or not that of a record."""
    import fastavro  # noqa: PLC0415 - an extra

    try:
        schema: Any = fastavro.parse_schema(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, LookupError, fastavro.schema.SchemaParseException) as error:
        raise SourceError(f"{path}: is no schema of Avro: {error}; expected the JSON of a record") from error
    except fastavro.schema.UnknownType as error:
        raise SourceError(f"{path}: names a type that it does not define: {error}") from error
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise SourceError(f"{path}: is no record; expected a schema of the type record, a field per column")
    return schema


def plain_cells(cells: list[Any]) -> list[Any]:
    """Return a column's cells as JSON has them; times with a zone stay times.

    A decimal is a number; dates, times of day and UUIDs are texts; bytes are hexadecimal.
    """
    kinds = {type(cell) for cell in cells}
    if not kinds & _PLAIN.keys():
        return cells
    if kinds <= {dt.datetime, type(None)} and all(cell is None or cell.tzinfo is not None for cell in cells):
        return cells
    return [_PLAIN[type(cell)](cell) if type(cell) in _PLAIN else cell for cell in cells]


_PLAIN: dict[type, Callable[[Any], Any]] = {
    Decimal: float,
    dt.datetime: dt.datetime.isoformat,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    UUID: str,
    bytes: bytes.hex,
}


def _reader() -> Callable[..., Any]:
    import fastavro  # noqa: PLC0415 - an extra

    found: Callable[..., Any] = fastavro.schemaless_reader
    return found
