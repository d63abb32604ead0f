"""What a source is built with in tests: a monitor's own settings, and tables in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.rows.schema import Column, Kind, Schema
from service.sources.context import NoTable, SourceContext, SourceTables

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.config.monitor import Monitor
    from service.sources.context import DummyRow, LabelFile

SCHEMA = Schema((Column("size", Kind.NUMERICAL),))


class MemoryDummyTable:
    """Keeps the first row of each position, as the store's table does."""

    def __init__(self) -> None:
        self.rows: dict[int, DummyRow] = {}

    async def append(self, row: DummyRow) -> DummyRow:
        return self.rows.setdefault(row[0], row)


def context(
    schema: Schema = SCHEMA,
    *,
    step_offset_us: int = 0,
    labels: LabelFile | None = None,
    table: MemoryDummyTable | None = None,
    now: Callable[[], int] = lambda: 0,
) -> SourceContext:
    """Return a context; without a table of its own it has an empty one."""
    tables = SourceTables(dummy=table or MemoryDummyTable(), inbox=NoTable())
    return SourceContext("toy", schema, step_offset_us, labels, tables, now)


def context_of(monitor: Monitor) -> SourceContext:
    """Return the context of a monitor as its file says."""
    return context(monitor.schema_, step_offset_us=monitor.window.offset, labels=monitor.label_file)
