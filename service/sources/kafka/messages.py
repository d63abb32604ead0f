"""Messages of a partition, as they are read, and the records that their contents are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from service.core.rows.schema import Kind
from service.sources.http.content import MAX_LABEL, MAX_TEXT
from service.sources.http.table_limits import MAX_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.rows.schema import Schema

MAX_BYTES = 1 << 20  # of a message; Kafka's own default is as much
MAX_DEPTH = 8  # of lists and objects inside a cell
TOMBSTONE = "it has no value: it is a tombstone, which marks its key as deleted; expected a row"
EMPTY = "its value is empty; expected a row"


@dataclass(frozen=True, slots=True)
class Messages:
    """Messages of one partition in their order, one entry per message in each of the lists.

    - `partition`: whose they are
    - `offsets`: their offsets, ascending, with gaps
    - `stamps`: their timestamps (milliseconds after 1970); negative where there is none
    - `values`: their contents; None is a tombstone
    """

    partition: int
    offsets: list[int]
    stamps: list[int]
    values: list[bytes | None]


@dataclass(frozen=True, slots=True)
class Records:
    """What messages hold.

    - `columns`: the cells of those that can be used, by name
    - `places`: which messages these are, ascending; None where all are
    - `faults`: what is wrong with each of the others, by its place
    """

    columns: dict[str, list[Any]]
    places: list[int] | None
    faults: dict[int, str]


class Format(Protocol):
    """How the values of messages are written."""

    def parsed(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what all messages hold, at once; raises IntakeError or ValueError where it cannot."""
        ...

    def parsed_each(self, values: Sequence[bytes | None], limits: RecordLimits) -> Records:
        """Return what each message holds; never raises for a message."""
        ...


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """What a record may hold: at least one of the `wanted` names, and texts no longer than `longest` says."""

    wanted: tuple[str, ...]
    longest: dict[str, int]

    def fault_of(self, record: dict[str, Any]) -> str | None:
        """Return what is wrong with a message's record; None where it can be used."""
        if len(record) > MAX_COLUMNS:
            return f"it has {len(record):,} columns; expected {MAX_COLUMNS:,} at most"
        if not any(name in record for name in self.wanted):
            names = ", ".join(list(record)[:10]) or "no keys"
            return (
                f"it has none of the monitor's columns, but {names}; expected {', '.join(self.wanted[:10])}"
            )
        for name, limit in self.longest.items():
            cell = record.get(name)
            if isinstance(cell, str) and len(cell) > limit:
                return f"{name} has a text of {len(cell):,} characters; expected {limit:,} at most"
            if isinstance(cell, list | dict) and _is_deep(cell, MAX_DEPTH):
                return f"{name} holds lists or objects more than {MAX_DEPTH} deep; expected one value"
        return None

    def has_unwatched(self, columns: dict[str, list[Any]], rows: int) -> bool:
        """Whether a row may have none of the wanted columns: all of them are missing in it."""
        bare: Sequence[int] = range(rows)
        for name in self.wanted:
            cells = columns.get(name)
            if cells is not None:
                bare = [row for row in bare if cells[row] is None]
            if not bare:
                return False
        return bool(rows)


def limits_of(schema: Schema) -> RecordLimits:
    """Return what a monitor expects of a record."""
    longest = {each.name: MAX_TEXT if each.kind is Kind.TEXT else MAX_LABEL for each in schema.columns}
    wanted = schema.names
    if schema.identity is not None:
        longest[schema.identity] = MAX_LABEL
        wanted = (*wanted, schema.identity)
    return RecordLimits(tuple(wanted), longest)


def fault_of_value(value: bytes | None) -> str | None:
    """Return what is wrong with a message before it is parsed; None where nothing is."""
    if value is None:
        return TOMBSTONE
    if not value:
        return EMPTY
    if len(value) > MAX_BYTES:
        return f"its value has {len(value):,} bytes; expected {MAX_BYTES:,} at most"
    return None


def _is_deep(cell: list[Any] | dict[str, Any], levels: int) -> bool:
    level: list[Any] = [cell]
    for _ in range(levels):
        inside = (each for outer in level for each in (outer.values() if isinstance(outer, dict) else outer))
        level = [each for each in inside if isinstance(each, list | dict)]
        if not level:
            return False
    return True
