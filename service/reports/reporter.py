"""Evidently's report of a window: gathers its rows, has it made in the worker process, makes one at a breach.

Reports are wanted by people, and by breaches: those wait in a short queue, so that a storm of alarms neither
holds up cycles nor piles up work; the newest are the ones that are left out, and the log says so.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from service.core.profile import row_sample
from service.core.profile.codec import profile
from service.core.worker_call import WorkerFunction
from service.errors import ReportError, TidegaugeError
from service.methods.alarm import BREACH
from service.reports.request import ReportRequest
from service.runtime.background_task import background
from service.store.tables import window_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    import asyncpg

    from service.core.cycle_record import CycleRecord
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.windows.records import PaneRecord
    from service.core.worker_call import Worker
    from service.runtime.compute_threads import Compute
    from service.store.postgres import PostgresStore
    from service.store.tables.window_run import Run

log = structlog.get_logger(__name__)

MOST_WAITING = 8


@dataclass(frozen=True, slots=True)
class Reported:
    """A monitor as its reports see it; `reference` gives what its windows are compared with."""

    schema: Schema
    description: str
    reference: Callable[[], Awaitable[Reference]]


class Reporter:
    """Makes reports and finds those that were made; see `reporting`."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        store: PostgresStore,
        compute: Compute,
        worker: Worker,
        monitors: Mapping[str, Reported],
        *,
        folder: Path,
        kept: int,
    ) -> None:
        self._pool = pool
        self._store = store
        self._compute = compute
        self._worker = worker
        self._monitors = monitors
        self._folder = str(folder.absolute())
        self._kept = kept
        self._waiting: asyncio.Queue[tuple[str, str, int, int]] = asyncio.Queue(MOST_WAITING)
        self._left_out = 0
        self._turn = asyncio.Lock()

    async def report(self, monitor: str, window: int | None) -> tuple[int, str]:
        """Return a window's id and the HTML of its report, which is made unless it is kept; None: the latest.

        Raises ReportError where there is no such window or no row of it is kept, WorkerError where Evidently
        fails, StoreError and SourceError where the rows cannot be had.
        """
        run = await window_run.find(self._pool, monitor, window)
        if run is None:
            named = "a measured window" if window is None else f"a window {window}"
            raise ReportError(
                f"{monitor} has no such thing as {named}; its windows: /v1/monitors/{monitor}/windows"
            )
        async with self._turn:  # two who ask for the same report at once get one
            found: str | None = await self._worker.run(
                WorkerFunction.FIND_REPORT, self._folder, monitor, run.id
            )
            if found is None:
                found = await self._worker.run(WorkerFunction.MAKE_REPORT, await self._order(run))
            return run.id, found

    def after(self, record: CycleRecord) -> None:
        """Have a report made of each window of a committed cycle that raised an alarm."""
        if not self._kept:
            return
        windows = {
            (event.details["window_first"], event.details["window_last"])
            for event in record.events
            if event.kind == BREACH
        }
        for first, last in sorted(windows):
            try:
                self._waiting.put_nowait((record.monitor, record.layout, first, last))
            except asyncio.QueueFull:
                self._left_out += 1

    async def work(self) -> None:
        """Make the reports that breaches asked for, until cancelled."""
        while True:
            if self._left_out:
                log.warning("reports left out", count=self._left_out, reason="others were still being made")
                self._left_out = 0
            monitor, layout, first, last = await self._waiting.get()
            try:
                run = await window_run.of_panes(self._pool, monitor, layout, first, last)
                if run is not None:
                    async with self._turn:
                        await self._worker.run(WorkerFunction.KEEP_REPORT, await self._order(run))
                    log.info("report made of a breach", monitor=monitor, window=run.id)
            except TidegaugeError as error:
                log.warning("report failed", monitor=monitor, error=str(error))

    async def _order(self, run: Run) -> ReportRequest:
        watched = self._monitors.get(run.monitor)
        if watched is None:
            raise ReportError(f"{run.monitor}: no monitor file has that name; a report needs its columns")
        panes = await self._store.panes(run.monitor, run.layout, run.first_pane, run.last_pane)
        current = await self._compute.run(_sampled, panes)
        reference = await watched.reference()
        before = reference.profile.sample.batch()
        if not current.rows or not before.rows:
            raise ReportError(
                f"{run.monitor}: window {run.id}: no row of it is kept; a report needs sample_rows above 0 "
                "in the monitor file, and the panes that the window was measured from"
            )
        return ReportRequest(
            folder=self._folder,
            kept=max(self._kept, 1),
            monitor=run.monitor,
            description=watched.description,
            schema=reference.schema,
            window=run.id,
            start=run.start,
            end=run.end,
            rows=run.rows,
            current=current,
            reference_rows=reference.profile.rows,
            reference=before,
        )


@asynccontextmanager
async def working(reporter: Reporter) -> AsyncIterator[Reporter]:
    """Make reports of breaches while the context lasts."""
    async with background(reporter.work(), name="reports"):
        yield reporter


def _sampled(records: Sequence[PaneRecord]) -> Batch:
    samples = [profile.decode(record.payload).sample for record in records]
    return row_sample.merge(samples or [row_sample.RowSample()]).batch()
