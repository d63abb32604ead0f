"""A folder that is read without a database: takes one by one, and a table of taken files in memory."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.core.rows.schema import Column, Kind, Schema
from service.sources.context import NoTable
from service.sources.files.config import FilesConfig
from tests.unit.sources.context import context

if TYPE_CHECKING:
    from service.core.rows.inbox_change import TakenFile
    from service.core.rows.take import Take
    from service.sources.files.source import FilesSource

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
NOW = 1_767_225_600_000_000 + 40 * 365 * 86_400_000_000  # long after any file was written
SECOND = 1_000_000


class TakenFiles(NoTable):
    """The table of taken files, as transactions leave it."""

    def __init__(self) -> None:
        self.kept: dict[str, TakenFile] = {}

    async def files(self) -> list[TakenFile]:
        return list(self.kept.values())


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
        if take.inbox.is_first_look:
            self.table.kept.clear()
        self.table.kept |= {each.name: each for each in take.inbox.files}
        self.position = take.position

    async def take(self, source: FilesSource) -> Take:
        take = await source.take(self.position)
        self.commit(take)
        return take


def sizes(take: Take) -> list[float]:
    """Return the values of the column `size`."""
    return list(take.batch.columns["size"].values.tolist()) if take.batch.rows else []
