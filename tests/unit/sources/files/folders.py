"""A folder that is read without a database: takes one by one, and a table of taken files in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.core.rows.batch import Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.sources.context import NoTable
from service.sources.files.config import FilesConfig
from tests.unit.sources.context import context

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.rows.inbox_change import HalfEvent, InboxChange, TakenFile
    from service.core.rows.take import Take
    from service.sources.files.source import FilesSource

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
NOW = 1_767_225_600_000_000 + 40 * 365 * 86_400_000_000  # long after any file was written
SECOND = 1_000_000


class TakenFiles(NoTable):
    """The tables of taken files and of halves that wait, as transactions leave them."""

    def __init__(self) -> None:
        self.kept: dict[str, TakenFile] = {}
        self.halves: dict[int, HalfEvent] = {}
        self.number = 0

    async def files(self) -> list[TakenFile]:
        return list(self.kept.values())

    async def halves_of(self, pairs: Sequence[str]) -> list[HalfEvent]:
        return [half for half in self.halves.values() if half.pair in pairs]

    async def halves_before(self, instant: int) -> list[HalfEvent]:
        return [half for half in self.halves.values() if half.received < instant]

    async def count_halves(self) -> int:
        return len(self.halves)

    def commit(self, change: InboxChange) -> None:
        if change.is_first_look:
            self.kept.clear()
        if change.forgets_halves:
            self.halves.clear()
        self.kept |= {each.name: each for each in change.files}
        for number in change.paired:
            del self.halves[number]
        for half in change.halves:
            self.number += 1
            self.halves[self.number] = replace(half, id=self.number)


@dataclass
class Watched:
    """A source over a folder, its position, and its clock; a second call of `make` is another process."""

    folder: Path
    more: dict[str, Any] = field(default_factory=dict)
    schema: Schema = SCHEMA
    table: TakenFiles = field(default_factory=TakenFiles)
    position: dict[str, Any] | None = None
    now: int = NOW

    def make(self) -> FilesSource:
        given = {"type": "files", "path": str(self.folder), "settle": "0s"} | self.more
        made = context(self.schema, now=lambda: self.now)
        made = replace(made, tables=replace(made.tables, inbox=self.table))
        return FilesConfig.model_validate(given).build(made)

    def commit(self, take: Take) -> None:
        """Do what the transaction of a cycle does."""
        assert take.inbox is not None
        self.table.commit(take.inbox)
        self.position = take.position

    async def take(self, source: FilesSource) -> Take:
        take = await source.take(self.position)
        self.commit(take)
        return take


def sizes(take: Take) -> list[float]:
    """Return the values of the column `size`."""
    return values(take, "size")


def values(take: Take, column: str) -> list[float]:
    """Return the values of a column of numbers."""
    found = take.batch.columns.get(column)
    return list(found.values.tolist()) if isinstance(found, Numbers) else []
