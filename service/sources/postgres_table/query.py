"""Reads what a query gives, by a column that says when a row was last changed.

A query, and a view, do not say which transaction wrote a row. So rows are read in the order of that column,
up to a gap before the server's clock: what is committed longer after its time than the gap is not seen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.event import Event
from service.core.time_units import SECOND
from service.sources.postgres_table import relation
from service.sources.postgres_table.columns import chosen, named, unwatched
from service.sources.postgres_table.pages import MAX_ROWS, Page, read_page
from service.sources.postgres_table.position import Snapshot, ordered, resumed
from service.sources.postgres_table.select import Ordering, Selection, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asyncpg import Connection

    from service.sources.http.content import RowShape
    from service.sources.postgres_table.connection import Database
    from service.sources.postgres_table.position import Position
    from service.sources.postgres_table.relation import Relation

QUIET = Snapshot(0, 0)  # transactions play no part here


@dataclass(frozen=True, slots=True)
class QueryReader:
    """Reads a query by the time of each row's last change.

    - `query`: a SELECT
    - `updated_at`: the column of these times
    - `key`: a column that tells rows apart
    - `gap_us`: how far before the server's clock reading ends (microseconds)
    - `shape`, `paths`, `optional`, `max_rows`: as of a table
    """

    query: str
    updated_at: str
    key: str
    gap_us: int
    shape: RowShape
    paths: Mapping[str, tuple[str, ...]]
    optional: str | None
    max_rows: int = MAX_ROWS

    async def read(self, database: Database, held: Position, now: int) -> Page:
        """Return what follows `held`. Raises SourceError."""
        async with database.snapshot() as connection:
            before = held
            found = await relation.look_at_query(connection, self.query)
            held, events = resumed(
                held, found.identity, QUIET, "query", now, tells_ids=self.shape.schema.exact_ids
            )
            selection = self._selection(found)
            held, others = ordered(
                held, selection.ordering, "query", now, tells_ids=self.shape.schema.exact_ids
            )
            events = (*events, *others)
            if held.after is None:
                events += await self._unreadable(connection, found, now)
            lines, is_done = await read_page(connection, selection, held, self.max_rows)
            left = 0 if is_done else await connection.fetchval(selection.count(lines[-1].key))
        if lines:
            held = replace(held, after=lines[-1].key)
        elif before.after is not None and not events:
            held = before
        return Page(
            lines,
            held,
            QUIET,
            left,
            events,
            gap_us=self.gap_us,
            unwatched=unwatched(found, self.shape, self.paths),
        )

    def _selection(self, found: Relation) -> Selection:
        times, keys = named(found, self.updated_at, "updated_at"), named(found, self.key, "key")
        relation.check_time(times, self.updated_at)
        column = f"tidegauge_table.{quoted(self.updated_at)}"
        condition = f"{column} <= now() - interval '{self.gap_us / SECOND:.6f} seconds'"
        order = (
            Ordering(column, times.sql),
            Ordering(f"tidegauge_table.{quoted(self.key)}", keys.sql),
        )
        return Selection(found.sql, chosen(found, self.shape, self.paths, self.optional), order, (condition,))

    async def _unreadable(self, connection: Connection, found: Relation, now: int) -> tuple[Event, ...]:
        column, key = (f"tidegauge_table.{quoted(name)}" for name in (self.updated_at, self.key))
        bare = Selection(found.sql, (), (), (f"{column} IS NULL OR {key} IS NULL",))
        count = await connection.fetchval(bare.count(None))
        if not count:
            return ()
        message = (
            f"query: {count:,} rows have no {self.updated_at} or no {self.key}, and are never read; expected "
            "both in every row"
        )
        return (Event("rows_lost", now, message, details={"rows": count}),)
