"""Gives the rows and labels that were sent, in the order in which they were accepted.

They lie in the inbox, a table, until the cycle that takes them is committed: its transaction forgets them.
So a take may be repeated, also by another process, and gives at least the same rows. The position holds the
event clock, which says what is late; which rows were taken is known by what is left in the inbox.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import structlog

from service.config.base import duration_text
from service.core.inbox import BatchKind
from service.core.rows.batch import no_rows, steps_back
from service.core.rows.concatenation import concatenated, differently_typed
from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.inbox_change import InboxChange
from service.core.rows.take import Reject, Take, cells_of
from service.core.time_units import SECOND, to_datetime
from service.sources.event_clock import EventClock, of_json
from service.sources.http import posted_labels, stored_batch
from service.sources.http.kind_change import by_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from service.core.inbox import InboxBatch
    from service.core.rows.batch import Batch
    from service.sources.context import SourceContext

log = structlog.get_logger(__name__)

R = TypeVar("R")

MAX_ROWS = 250_000  # of a take, about: a batch is taken whole
KEPT_REJECTS = 100  # of a take
NO_LABELS = "the monitor expected labels when this one came, and its file expects none any more"


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """How rows are taken.

    - `allowed_lateness_us`: how far a row may lie behind the newest one (microseconds)
    - `idle_after_us`: after how much silence time goes on without rows (microseconds)
    - `max_rows`: of a take, about, as a batch is taken whole
    """

    allowed_lateness_us: int
    idle_after_us: int
    max_rows: int = MAX_ROWS


class Reading(Protocol):
    """Runs what decodes batches, so that the event loop never waits for it."""

    async def run(self, function: Callable[[], R]) -> R:
        """Return what `function` returns, raise what it raises."""
        ...

    def close(self) -> None:
        """Run nothing more."""
        ...


class _Thread:
    """A single thread: takes never overlap, even after a cancelled one."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inbox")

    async def run(self, function: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function)

    def close(self) -> None:
        self._pool.shutdown(wait=False)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of a take.

    - `parts`: those that can be used
    - `rejects`: the first of the others
    - `rejected`: how many these are
    - `clock`: the event clock after them
    - `measured_ids`, `rejected_ids`: the sums of their ids
    - `rejected_label_ids`: those of the labels that cannot be used
    """

    parts: tuple[Batch, ...]
    rejects: tuple[Reject, ...]
    rejected: int
    clock: EventClock
    measured_ids: IdSums
    rejected_ids: IdSums
    rejected_label_ids: IdSums


class HttpSource:
    """Takes what waits in the inbox; it holds no position and nothing open."""

    def __init__(self, context: SourceContext, options: HttpOptions, reading: Reading | None = None) -> None:
        self._context = context
        self._options = options
        self._reading: Reading = reading or _Thread()

    async def take(self, position: dict[str, Any] | None) -> Take:
        """Return what was accepted and not taken yet, about `max_rows` rows of it."""
        context, clock = self._context, of_json(position or {})
        waiting = await context.tables.inbox.read(self._options.max_rows)
        # Events that wait there were accepted when the monitor's source was another one: they stay.
        batches = [batch for batch in waiting.batches if batch.kind is not BatchKind.EVENTS]
        rows = await self._reading.run(lambda: self._rows(batches, clock))
        now = context.now()
        is_idle = waiting.oldest is None
        watermark = rows.clock.watermark
        if is_idle:
            watermark = rows.clock.idle_watermark(now, self._options.idle_after_us)
        change = InboxChange(
            tuple(batch.id for batch in batches),
            measured=rows.measured_ids,
            rejected=rows.rejected_ids,
            rejected_labels=rows.rejected_label_ids,
        )
        before = position or {}
        batch = concatenated(rows.parts, context.schema) if rows.parts else no_rows()
        batch, last = _in_order(batch, before.get("last"))
        take = Take(
            batch,
            rows.clock.as_json() | {"batches": before.get("batches", 0) + len(batches), "last": last},
            watermark=watermark,
            rejects=rows.rejects[:KEPT_REJECTS],
            rejected=rows.rejected,
            lag_seconds=0.0 if waiting.oldest is None else max(0, now - waiting.oldest) / SECOND,
            inbox=change,
            backlog_rows=waiting.rows,
            parts=differently_typed(rows.parts),
        )
        if context.labels is None:
            return take
        sent = await self._reading.run(lambda: posted_labels.sent_labels(batches, context.labels))
        return await posted_labels.with_labels(take, sent, context, now=now)

    async def close(self) -> None:
        """End the thread; no take may follow."""
        self._reading.close()

    def _rows(self, batches: Sequence[InboxBatch], clock: EventClock) -> _Rows:
        parts, rejects, rejected = [], list[Reject](), 0
        measured_ids = rejected_ids = rejected_label_ids = IdSums()
        for batch in batches:
            rejects += batch.rejects
            rejected += batch.rejected
            if batch.kind is not BatchKind.ROWS:
                rejected_label_ids += batch.rejected_ids
                if self._context.labels is None:
                    labels = stored_batch.rows_of(batch)
                    examples = range(min(labels.rows, KEPT_REJECTS))
                    rejects += [Reject(cells_of(labels, row), NO_LABELS) for row in examples]
                    rejected += labels.rows
                    rejected_label_ids += sums_of(labels.arrival.identity, labels.rows)
                continue
            rows = by_kind(stored_batch.rows_of(batch), self._context.schema)
            for remark in rows.arrival.remarks:
                log.warning("rows that were sent", monitor=self._context.monitor, hint=remark)
            came = sums_of(rows.arrival.identity, rows.rows)
            late = np.flatnonzero(clock.too_late(rows.event_time, self._options.allowed_lateness_us))
            if len(late):
                rejects += self._too_late(rows, late[:KEPT_REJECTS], clock)
                rejected += len(late)
                rows = rows.take(np.setdiff1d(np.arange(rows.rows), late))
            clock = clock.after(rows.event_time, batch.received)
            parts.append(rows)
            kept = sums_of(rows.arrival.identity, rows.rows)
            measured_ids += kept
            rejected_ids += came - kept + batch.rejected_ids
        sums = measured_ids, rejected_ids, rejected_label_ids
        return _Rows(tuple(parts), tuple(rejects), rejected, clock, *sums)

    def _too_late(self, rows: Batch, late: Any, clock: EventClock) -> list[Reject]:
        allowed = duration_text(self._options.allowed_lateness_us)
        newest = to_datetime(clock.watermark or 0)
        reason = (
            f"came more than {allowed} (allowed_lateness) after the newest row, which is of "
            f"{newest:%Y-%m-%dT%H:%M:%SZ}"
        )
        return [Reject(cells_of(rows, row), reason) for row in late.tolist()]


def _in_order(batch: Batch, last: int | None) -> tuple[Batch, int | None]:
    """Mark the rows whose time lies before that of the row right before them, also of the take before.

    `last` is the time of that take's last row. Returns the time of this one's too.
    """
    if not batch.rows:
        return batch, last
    backwards = steps_back(batch.event_time)
    backwards[0] = last is not None and int(batch.event_time[0]) < last
    marked = replace(batch, arrival=replace(batch.arrival, backwards=backwards))
    return marked, int(batch.event_time[-1])
