"""What the service hands to a source when it is built."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.core.inbox import Waiting
from service.errors import SourceError
from service.sources.table_format import PLAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    import asyncpg

    from service.core.rows.inbox_change import HalfEvent, LabelAhead, TakenFile
    from service.core.rows.masking import RowMask
    from service.core.rows.number_format import NumberFormat
    from service.core.rows.schema import Kind, Schema
    from service.sources.table_format import TableFormat

    # Position, timestamp (UTC), an integer, a text, a float.
    DummyRow = tuple[int, datetime, int, str, float]


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The labels that come after their rows, from a file or sent one by one.

    - `path`: a CSV or Parquet file, one row per label; None where they are sent.
    - `timestamp`: the column that says when the label became known.
    - `identity`: the column of the id by which a label finds its row.
    - `target`: the label's column.
    - `kind`: the kind of the monitor's target.
    - `wait_us`: how long a row waits for its label (microseconds).
    - `number`: how numbers are written in the label's column.
    - `form`: how the file is written.
    """

    path: Path | None
    timestamp: str
    identity: str
    target: str
    kind: Kind
    wait_us: int
    number: NumberFormat | None = None
    form: TableFormat = PLAIN


class DummyTable(Protocol):
    """The table that the dummy source keeps its rows in."""

    async def append(self, row: DummyRow) -> DummyRow:
        """Keep `row` unless its position is taken; return the row that is kept at that position."""
        ...


class InboxTable(Protocol):
    """What was sent to a monitor and waits for a take. Ids are 64-bit hashes, signed."""

    async def read(self, max_rows: int) -> Waiting:
        """Return the batches that wait, in order, with about `max_rows` rows."""
        ...

    async def labels_for(self, identity: Sequence[int]) -> Sequence[LabelAhead]:
        """Return the labels that wait for rows of these ids."""
        ...

    async def labels_before(self, instant: int) -> Sequence[LabelAhead]:
        """Return labels that came before an instant (UTC microseconds) and still wait for their rows."""
        ...

    async def rows_expecting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label, or has it."""
        ...

    async def rows_waiting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label."""
        ...

    async def halves_of(self, pairs: Sequence[str]) -> Sequence[HalfEvent]:
        """Return the events with these ids that wait for their other halves."""
        ...

    async def halves_before(self, instant: int) -> Sequence[HalfEvent]:
        """Return events that came before an instant (UTC microseconds) and still wait."""
        ...

    async def count_halves(self) -> int:
        """Return how many events wait for their other halves."""
        ...

    async def files(self) -> Sequence[TakenFile]:
        """Return the files that takes took."""
        ...


class OwnDatabase(Protocol):
    """The service's own database, in which a table that grows may be."""

    def connection(self) -> AbstractAsyncContextManager[asyncpg.Connection]:
        """Give a connection of the service's own pool."""
        ...


class NoTable:
    """The tables of a source that is looked at without a database."""

    async def append(self, row: DummyRow) -> DummyRow:
        """Refuse: nothing may be kept."""
        raise SourceError(f"the row at position {row[0]} cannot be kept: there is no database")

    async def read(self, max_rows: int) -> Waiting:
        """Return nothing."""
        del max_rows
        return Waiting()

    async def labels_for(self, identity: Sequence[int]) -> Sequence[LabelAhead]:
        """Return nothing."""
        del identity
        return ()

    async def labels_before(self, instant: int) -> Sequence[LabelAhead]:
        """Return nothing."""
        del instant
        return ()

    async def rows_expecting(self, identity: Sequence[int]) -> set[int]:
        """Return nothing."""
        del identity
        return set()

    async def rows_waiting(self, identity: Sequence[int]) -> set[int]:
        """Return nothing."""
        del identity
        return set()

    async def halves_of(self, pairs: Sequence[str]) -> Sequence[HalfEvent]:
        """Return nothing."""
        del pairs
        return ()

    async def halves_before(self, instant: int) -> Sequence[HalfEvent]:
        """Return nothing."""
        del instant
        return ()

    async def count_halves(self) -> int:
        """Return none."""
        return 0

    async def files(self) -> Sequence[TakenFile]:
        """Return none."""
        return ()


@dataclass(frozen=True, slots=True)
class SourceTables:
    """The monitor's own tables in the store, one field for each kind of source that keeps rows in one.

    `own` is the database that these are in, None where a source is looked at without one.
    """

    dummy: DummyTable
    inbox: InboxTable
    own: OwnDatabase | None = None


@dataclass(frozen=True, slots=True)
class SourceContext:
    """What a source may need of its monitor and of the service, besides its own section.

    - `monitor`: the monitor's name.
    - `schema`: the watched columns; a take's batch has these.
    - `step_offset_us`: where the grid of windows starts (microseconds after 1970); a source that takes steps
      of event time takes them on that grid.
    - `labels`: how late labels come; None where all come with their rows.
    - `tables`: where a source keeps rows of its own.
    - `now`: the clock, UTC microseconds.
    - `mask`: masks the sensitive columns, for a source that does so itself; None where it is not known.
    """

    monitor: str
    schema: Schema
    step_offset_us: int
    labels: LabelFile | None
    tables: SourceTables
    now: Callable[[], int]
    mask: RowMask | None = None
