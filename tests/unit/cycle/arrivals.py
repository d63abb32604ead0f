"""A monitor's inbox in memory, and what is sent to it: rows and labels, some late, some ahead of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from service.core.inbox import BatchKind, InboxBatch, Waiting
from service.core.rows import row_hash
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.schema import Kind
from service.core.rows.take import Reject
from service.sources.context import LabelFile, NoTable, SourceContext, SourceTables
from service.sources.http import stored_batch
from service.sources.http.source import HttpOptions, HttpSource
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import HOUR, NAME, NOW, SCHEMA, rows

if TYPE_CHECKING:
    from service.core.rows.inbox_change import LabelAhead
    from service.cycle.monitor_plan import MonitorPlan

R = TypeVar("R")
WAIT = 30 * HOUR
LABELS = LabelFile(None, "labelled_at", "key", "truth", Kind.NUMERICAL, WAIT)


@dataclass(frozen=True)
class Yielding:
    """Something whose every call may be broken off, before it does anything and when all of it is done."""

    wrapped: Any

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.wrapped, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            result = await method(*args, **kwargs)
            await asyncio.sleep(0)
            return result

        return call


@dataclass(frozen=True)
class MemoryInbox:
    """The inbox of a monitor in a store in memory."""

    store: MemoryStore

    async def read(self, max_rows: int) -> Waiting:
        """Return the batches that begin within the first `max_rows` rows."""
        stored, chosen, rows_before = self.store.stored(NAME).inbox, list[InboxBatch](), 0
        for batch in stored:
            if rows_before < max_rows:
                chosen.append(batch)
            rows_before += batch.rows + batch.rejected
        left = stored[len(chosen) :]
        return Waiting(
            tuple(chosen), sum(each.rows for each in left), min((b.received for b in left), default=None)
        )

    async def labels_for(self, identity: Sequence[int]) -> list[LabelAhead]:
        return [label for label in self.store.stored(NAME).ahead if label.identity in identity]

    async def labels_before(self, instant: int) -> list[LabelAhead]:
        return [label for label in self.store.stored(NAME).ahead if label.received < instant]

    async def rows_expecting(self, identity: Sequence[int]) -> set[int]:
        stored = self.store.stored(NAME)
        return {row[1] for row in (*stored.waiting, *stored.labelled)} & set(identity)


class Inline:
    """Decodes at once; the event loop has its turn before and after, as with a thread."""

    async def run(self, function: Callable[[], R]) -> R:
        await asyncio.sleep(0)
        result = function()
        await asyncio.sleep(0)
        return result

    def close(self) -> None:
        """Hold nothing."""


@dataclass
class Arrivals:
    """What is sent to a monitor before its first cycle; one batch per take."""

    takes: Sequence[InboxBatch]

    def source(self, store: MemoryStore) -> HttpSource:
        """Return the source that reads the inbox of `store`."""
        tables = SourceTables(dummy=NoTable(), inbox=Yielding(MemoryInbox(store)))
        context = SourceContext(NAME, SCHEMA, 0, LABELS, tables, lambda: NOW)
        return HttpSource(context, HttpOptions(3 * HOUR, HOUR, max_rows=1), Inline())


def on(monitor: MonitorPlan, store: MemoryStore) -> MonitorPlan:
    """Return the monitor with a source that reads the inbox of `store`, where rows are sent to it."""
    source = monitor.source.wrapped  # type: ignore[attr-defined]
    return (
        replace(monitor, source=Yielding(source.source(store))) if isinstance(source, Arrivals) else monitor
    )


def filled(monitor: MonitorPlan) -> MemoryStore:
    """Return a store in whose inbox lies what is sent to the monitor."""
    store, source = MemoryStore(), monitor.source.wrapped  # type: ignore[attr-defined]
    if isinstance(source, Arrivals):
        store.put(NAME, source.takes)
    return store


def arrivals() -> list[InboxBatch]:
    """Return rows of hours 0 to 5, a batch of them late and a row too late, and labels of some of them."""
    content = [
        _rows(rows(0, labelled=False)),
        _rows(rows(1)),
        _labels(2.0, "0-None-1", "3-None-0"),  # the second is ahead of its row
        _rows(rows(3, labelled=False), reject=True),
        _labels(4.0, "3-None-2"),
        _rows(rows(5)),
        _rows(rows(2.5)),
        _rows(rows(1, 1, seed=8)),
    ]
    return [replace(batch, id=place) for place, batch in enumerate(content, start=1)]


def _rows(batch: Batch, *, reject: bool = False) -> InboxBatch:
    rejects = (Reject({"at": "soon"}, "at is not a time"),) if reject else ()
    payload = stored_batch.encode(batch)
    return InboxBatch(0, BatchKind.ROWS, NOW, payload, batch.rows, len(rejects), rejects)


def _labels(hour: float, *ids: str) -> InboxBatch:
    texts = np.array(ids, dtype=np.str_)
    columns = {
        "key": Labels(np.argsort(np.argsort(texts)), np.sort(texts)),
        "truth": Numbers(np.arange(len(ids), dtype=np.float64) + 10.0),
    }
    times = np.full(len(ids), round(hour * HOUR), dtype=np.int64)
    batch = Batch(len(ids), times, columns, Arrival(identity=row_hash.of_texts(texts)))
    return InboxBatch(0, BatchKind.LABELS, NOW, stored_batch.encode(batch), batch.rows)
