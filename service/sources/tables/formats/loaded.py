"""A file's content, parsed once, from which typed rows are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.core.rows.take import Reject
    from service.sources.tables.parsed import Framed


@dataclass(frozen=True, slots=True)
class Loaded:
    """A parsed file.

    names: its columns, in its order.
    rows: how many rows it has.
    framed: makes typed rows of it, by the timestamp column of the given name, or without times.
    rejects: the first of the rows that are no rows of the table; they are not in `framed`.
    rejected: how many rows are none.
    remarks: what else was noticed of the file, in words.
    """

    names: Sequence[str]
    rows: int
    framed: Callable[[str | None], Framed]
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    remarks: tuple[str, ...] = ()
