"""What a half of an inference is: its side, how its columns are named, and the columns themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.rows.schema import Schema


class Side(StrEnum):
    """Which half of an inference an event is."""

    REQUEST = "request"
    RESPONSE = "response"

    @property
    def other(self) -> Side:
        """The other half."""
        return Side.RESPONSE if self is Side.REQUEST else Side.REQUEST


@dataclass(frozen=True, slots=True)
class Naming:
    """How columns that come without a name of their own are named, and which columns are wanted.

    - `features`: the columns of a request's lists, or of its only tensor, in order; none: `name-0` and so on
    - `outputs`: those of a response
    - `wanted`: the columns that are kept; None: all
    """

    features: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    wanted: frozenset[str] | None = None

    def of(self, side: Side) -> tuple[str, ...]:
        """Return the names of one half."""
        return self.features if side is Side.REQUEST else self.outputs


@dataclass(frozen=True, slots=True)
class Columns:
    """A half's columns.

    - `rows`: how many rows they have
    - `cells`: each wanted column's values
    - `names`: of all columns that came
    """

    rows: int
    cells: dict[str, list[Any]] = field(default_factory=dict)
    names: tuple[str, ...] = ()


def wanted_of(schema: Schema) -> frozenset[str]:
    """Return the columns of an inference that a monitor keeps: those it watches, and the ids of rows."""
    return frozenset({*schema.names, *(() if schema.identity is None else (schema.identity,))})


def check_names(features: Sequence[str], outputs: Sequence[str], key: str) -> None:
    """Raise ValueError where a name is written more than once; `key` is the one that names features."""
    for each, names in ((key, features), ("outputs", outputs)):
        doubled = next((name for name in names if names.count(name) > 1), None)
        if doubled is not None:
            raise ValueError(f"source.{each}: {doubled!r} is in it more than once; expected it once")
    both = next((name for name in features if name in outputs), None)
    if both is not None:
        raise ValueError(f"source: {both!r} is in {key} and in outputs; expected it in one of them")
