"""A file's content, parsed once, from which typed rows are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.sources.tables.parsed import Framed


@dataclass(frozen=True, slots=True)
class Loaded:
    """A parsed file.

    names: its columns, in its order.
    rows: how many rows it has.
    framed: makes typed rows of it, by the timestamp column of the given name, or without times.
    """

    names: Sequence[str]
    rows: int
    framed: Callable[[str | None], Framed]
