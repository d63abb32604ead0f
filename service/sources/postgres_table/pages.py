"""Reads a page of a table's round: what is asked of the server in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from service.core.event import Event
from service.core.time_units import to_datetime
from service.errors import SourceError
from service.sources.postgres_table import relation
from service.sources.postgres_table.columns import chosen, named, unwatched
from service.sources.postgres_table.position import again_of, ordered, resumed
from service.sources.postgres_table.rounds import Ages, ages_of
from service.sources.postgres_table.rows import Line
from service.sources.postgres_table.select import CURSOR, Ordering, Selection, literal, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asyncpg import Connection

    from service.sources.http.content import RowShape
    from service.sources.postgres_table.connection import Database
    from service.sources.postgres_table.position import Position, Snapshot
    from service.sources.postgres_table.relation import Relation

MAX_ROWS = 250_000  # of a page
MAX_BYTES = 64 << 20  # of a page, about
MAX_IDLE_SPAN = (
    1 << 20
)  # transactions of a round in which no row came, before the next one begins behind them
READ_AT_ONCE = 2_000  # rows, which the event loop unpacks in a few milliseconds


@dataclass(frozen=True, slots=True)
class Page:
    """What a transaction read.

    - `lines`: the rows, in their order
    - `position`: where reading goes on
    - `snapshot`: what the server's transactions were
    - `left`: how many rows of the round are left
    - `events`: what may be lost
    - `is_by_time`: whether no row of a later page is earlier than one of this
    - `gap_us`: how far before now reading ended (microseconds)
    - `unwatched`: the columns that are not read
    """

    lines: Sequence[Line]
    position: Position
    snapshot: Snapshot
    left: int = 0
    events: tuple[Event, ...] = ()
    is_by_time: bool = False
    gap_us: int = 0
    unwatched: tuple[str, ...] = ()


class Reader(Protocol):
    """Reads the next page of a table or a query."""

    async def read(self, database: Database, held: Position, now: int) -> Page:
        """Return what follows `held`. Raises SourceError."""
        ...


@dataclass(frozen=True, slots=True)
class TableReader:
    """Reads a table by its transactions.

    - `table`: its name, as in SQL
    - `shape`: the rows' columns
    - `paths`: the columns that are inside JSON, with their paths
    - `optional`: a column that the table need not have
    - `order_by`: what a round is ordered by, before the key; None for the key alone
    - `lookback_us`: how far behind the newest row a round looks; None: at all of the table
    - `max_rows`: of a page
    """

    table: str
    shape: RowShape
    paths: Mapping[str, tuple[str, ...]]
    optional: str | None
    order_by: str | None
    lookback_us: int | None
    max_rows: int = MAX_ROWS

    async def read(self, database: Database, held: Position, now: int) -> Page:
        """Return what follows `held`. Raises SourceError."""
        async with database.snapshot() as connection:
            # Before anything else: it is the snapshot of the whole transaction.
            snapshot = await relation.snapshot_of(connection)
            found = await relation.look_at(connection, self.table)
            before = held
            held, events = resumed(
                held, found.identity, snapshot, self.table, now, tells_ids=self.shape.schema.exact_ids
            )
            if held.target is None:
                held = replace(held, target=snapshot.oldest, after=None, start=held.clock)
            target = held.target or 0
            age = await connection.fetchval(f"SELECT age('{target % 2**32}'::xid)")
            ages = ages_of(held.horizon, target, age)
            if ages is None:
                events = (*events, self._ambiguous(held, target, now))
                ages = Ages(max(0, age))
            selection = self._selection(found, ages, held)
            held, others = ordered(
                held, selection.ordering, self.table, now, tells_ids=self.shape.schema.exact_ids
            )
            events = (*events, *others)
            if held.horizon == target:
                lines, is_done = list[Line](), True
            else:
                lines, is_done = await read_page(connection, selection, held, self.max_rows)
            left = 0 if is_done else await connection.fetchval(selection.count(lines[-1].key))
            is_by_time = self._is_by_time(found)
        page = page_of(held, snapshot, lines, left, events, is_by_time=is_by_time)
        page = replace(page, unwatched=unwatched(found, self.shape, self.paths))
        # An idle table is no reason to write another position, unless the round would become too long.
        is_still = before.identity == held.identity and before.horizon is not None and not (lines or events)
        if is_still and before.target is None and target - (before.horizon or 0) < MAX_IDLE_SPAN:
            return replace(page, position=before)
        return page

    def _is_by_time(self, found: Relation) -> bool:
        name = self.order_by
        return (
            name is not None and name == self.shape.timestamp and found.columns[name].plain in relation.TIMES
        )

    def _selection(self, found: Relation, ages: Ages, held: Position) -> Selection:
        columns = chosen(found, self.shape, self.paths, self.optional)
        order = []
        conditions = [ages.as_sql("tidegauge_table.xmin")]
        if self.order_by is not None:
            kind = named(found, self.order_by, "order_by")
            order.append(Ordering(f"tidegauge_table.{quoted(self.order_by)}", kind.sql))
        watermark = held.start.watermark
        if self.lookback_us is not None:
            self._check_lookback(found)
            if watermark is not None:
                conditions.append(self._bound(found, watermark - self.lookback_us))
        order += [
            Ordering(f"tidegauge_table.{quoted(name)}", found.columns[name].sql)
            for name in found.key
            if name != self.order_by
        ]
        if not found.key:
            order += [Ordering("tidegauge_table.tableoid", "oid"), Ordering("tidegauge_table.ctid", "tid")]
        return Selection(found.sql, columns, order, conditions)

    def _check_lookback(self, found: Relation) -> None:
        name = self.order_by or ""
        if not self._is_by_time(found):
            kind = found.columns[name].sql if name in found.columns else "inside JSON"
            raise SourceError(
                "lookback: needs order_by to be the column of times, of type timestamp or date; "
                f"{name or self.shape.timestamp} is {kind}"
            )

    def _bound(self, found: Relation, earliest: int) -> str:
        # Rows without a time are looked at too: they are rejects.
        name = self.order_by or ""
        kind = found.columns[name]
        at = f"{literal(to_datetime(earliest).isoformat())}::timestamptz"
        if kind.plain != "timestamptz":
            at = f"({at} AT TIME ZONE {literal(self.shape.form.time.zone or 'UTC')})::{kind.sql}"
        column = f"tidegauge_table.{quoted(name)}"
        return f"{column} >= {at} OR {column} IS NULL"

    def _ambiguous(self, held: Position, target: int, now: int) -> Event:
        again = again_of(tells_ids=self.shape.schema.exact_ids)
        message = (
            f"{self.table}: {target - (held.horizon or 0):,} transactions have begun since it was last read, "
            f"so that rows no longer say whether they are new; it is read from its start; {again}"
        )
        return Event("rows_lost", now, message)


def page_of(
    held: Position,
    snapshot: Snapshot,
    lines: Sequence[Line],
    left: int,
    events: tuple[Event, ...],
    *,
    is_by_time: bool,
) -> Page:
    """Return a page of a round, of which `left` rows follow."""
    if left:
        after = replace(held, after=lines[-1].key)
    else:
        after = replace(held, horizon=held.target, target=None, after=None, order=())
    return Page(lines, after, snapshot, left, events, is_by_time)


async def read_page(
    connection: Connection, selection: Selection, held: Position, max_rows: int
) -> tuple[list[Line], bool]:
    """Return the rows behind a position, and whether these are all."""
    lines, size = list[Line](), 0
    await connection.execute(selection.page(held.after, max_rows))
    while len(lines) < max_rows and size < MAX_BYTES:
        records = await connection.fetch(f"FETCH {READ_AT_ONCE} FROM {CURSOR}")
        for line, key in records:
            content = line.encode()
            size += len(content)
            lines.append(Line(content, tuple(key)))
        if len(records) < READ_AT_ONCE:
            break
    else:
        return lines, False
    return lines, len(lines) < max_rows
