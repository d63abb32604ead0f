"""Attributes of OpenTelemetry as cells: nested values are columns of their own, `name.key` and `name-0`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

MAX_DEPTH = 8  # of lists and maps inside a value
DOUBLED = "is in it more than once"
TOO_DEEP = f"holds lists or maps more than {MAX_DEPTH} deep"


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that no cell can hold, and why."""

    reason: str


Cell = str | bool | int | float | None
Value = Cell | bytes | Fault | list["Value"] | dict[str, "Value"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns that are read of a record.

    - `names`: of the columns
    - `stems`: the names of lists and maps that may hold one of them
    """

    names: frozenset[str]
    stems: frozenset[str]

    @classmethod
    def of(cls, names: Collection[str]) -> Wanted:
        """Return what has to be looked at to find these columns."""
        stems = {name[:place] for name in names for place, sign in enumerate(name) if sign in ".-"}
        return cls(frozenset(names), frozenset(stems))


def keyed(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """Return attributes by name; one that comes twice is a fault."""
    found: dict[str, Value] = {}
    for name, value in pairs:
        found[name] = Fault(DOUBLED) if name in found else value
    return found


def cells_of(attributes: Mapping[str, Value], wanted: Wanted) -> dict[str, Cell | Fault]:
    """Return the wanted columns that a record's attributes hold."""
    found: dict[str, Cell | Fault] = {}
    _add(found, "", attributes.items(), wanted)
    return found


def _add(
    found: dict[str, Cell | Fault], before: str, items: Iterable[tuple[object, Value]], wanted: Wanted
) -> None:
    for key, value in items:
        name = f"{before}{key}"
        if name in wanted.names:
            found[name] = Fault(DOUBLED) if name in found else _cell(name, value)
        if name in wanted.stems:
            if isinstance(value, dict):
                _add(found, f"{name}.", value.items(), wanted)
            elif isinstance(value, list):
                _add(found, f"{name}-", enumerate(value), wanted)
            elif isinstance(value, Fault):  # what is in it cannot be known
                found[name] = value


def _cell(name: str, value: Value) -> Cell | Fault:
    if isinstance(value, bytes):
        return Fault("is bytes; expected a number, a text or a truth value")
    if isinstance(value, list):
        return Fault(f"is a list; its values are the columns {name}-0, {name}-1 and so on")
    if isinstance(value, dict):
        return Fault(f"is a map; its values are the columns {name}.KEY, each by its key")
    return value
