"""Make Evidently's report of a window, on demand and at a breach.

Breaches queue up to be reported, at most `MAX_WAITING` at a time, so that a storm of alarms neither holds up
cycles nor piles up work. The newest ones are left out, and the log says so.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import structlog

from service.core.profile import profile, row_sample
from service.core.profile.codec import profile as codec
from service.core.report_status import ReportState, ReportStatus
from service.core.rows.batch import no_rows
from service.core.worker_call import WorkerFunction
from service.errors import ReportError, TidegaugeError
from service.methods.alarm import BREACH
from service.reports.request import ReportRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from service.core.cycle_record import CycleRecord
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.windows.records import PaneRecord, WindowRun
    from service.core.worker_call import Worker

log = structlog.get_logger(__name__)

MAX_WAITING = 8
MAX_PAGES = 3  # kept as they were drawn, some 4 MB each: what is said to be ready opens at once
MAX_REMEMBERED = 256  # windows whose report was made or failed


class Windows(Protocol):
    """What a reporter needs to know of the measured windows. Methods raise StoreError."""

    async def find(self, monitor: str, window: int | None) -> WindowRun | None:
        """Return the window with the id `window`, or the newest one (None)."""
        ...

    async def ending_at(self, monitor: str, end: datetime) -> WindowRun | None:
        """Return the latest measurement of the window that ends at `end`."""
        ...

    async def of_panes(self, monitor: str, layout: str, first: int, last: int) -> WindowRun | None:
        """Return the latest measurement of the window with these panes."""
        ...

    async def sampled_rows(self, run: WindowRun) -> Batch:
        """Return the rows that are kept of a window, see `sampled_rows`."""
        ...


@dataclass(frozen=True, slots=True)
class ReportedMonitor:
    """A monitor as its reports need it; `reference` returns what its windows are compared with."""

    schema: Schema
    description: str
    reference: Callable[[], Awaitable[Reference]]


class Reporter:
    """Makes reports, and finds those that were made."""

    def __init__(
        self,
        windows: Windows,
        worker: Worker,
        monitors: Mapping[str, ReportedMonitor],
        *,
        folder: Path,
        kept: int,
    ) -> None:
        self._windows = windows
        self._worker = worker
        self._monitors = monitors
        self._folder = str(folder.absolute())
        self._kept = kept
        self._waiting: asyncio.Queue[tuple[str, str, int, int]] = asyncio.Queue(MAX_WAITING)
        self._left_out = 0
        self._turn = asyncio.Lock()
        self._making: Counter[tuple[str, int]] = Counter()
        self._outcomes: dict[tuple[str, int], ReportStatus] = {}
        self._pages: dict[tuple[str, int], str] = {}

    async def report(self, monitor: str, window: int | None) -> tuple[int, str]:
        """Return a window's id and the HTML of its report, made now unless it is kept; None: the newest.

        Raises ReportError where there is no such window or none of its rows is kept, WorkerError where
        Evidently fails, StoreError and SourceError where the rows cannot be read.
        """
        run = await self._windows.find(monitor, window)
        if run is None:
            missing = "no measured window yet" if window is None else f"no window {window}"
            raise ReportError(f"{monitor} has {missing}; its windows: /v1/monitors/{monitor}/windows")
        drawn = self._pages.get((monitor, run.id))
        if drawn is not None:
            return run.id, drawn
        with self._remembered(run):
            async with self._turn:  # two requests for the same report at once make it once
                found: str | None = await self._worker.run(
                    WorkerFunction.FIND_REPORT, self._folder, monitor, run.id
                )
                if found is None:
                    found = await self._worker.run(WorkerFunction.MAKE_REPORT, await self._request(run))
                self._pages[monitor, run.id] = found
                while len(self._pages) > MAX_PAGES:
                    del self._pages[next(iter(self._pages))]
        return run.id, found

    async def status(
        self, monitor: str, window: int | None = None, end: datetime | None = None
    ) -> ReportStatus:
        """Return how far a window's report is: by its id, by when it ends, or of the newest one.

        Raises StoreError and SourceError where that cannot be found out.
        """
        by_end = window is None and end is not None
        find = (
            self._windows.ending_at(monitor, end) if by_end and end else self._windows.find(monitor, window)
        )
        run = await find
        if run is None:
            reason = "no window has been measured yet" if window is None and end is None else "no such window"
            return ReportStatus(ReportState.IMPOSSIBLE, None, reason)
        key = monitor, run.id
        if self._making[key] > 0:
            return ReportStatus(ReportState.MAKING, run)
        if key in self._outcomes:
            return replace(self._outcomes[key], window=run)
        obstacle = await self._obstacle(monitor)
        state = ReportState.POSSIBLE if obstacle is None else ReportState.IMPOSSIBLE
        return ReportStatus(state, run, obstacle)

    async def _obstacle(self, monitor: str) -> str | None:
        """Return what keeps every report of a monitor from being made, None where nothing does."""
        reported = self._monitors.get(monitor)
        if reported is None:
            return f"no monitor file is named {monitor}; a report needs its columns"
        sample = (await reported.reference()).profile.get(row_sample.PART)
        if sample is None or not sample.batch().rows:
            return "no row of the reference is kept: a report needs sample_rows above 0 in the monitor file"
        return None

    @contextmanager
    def _remembered(self, run: WindowRun) -> Iterator[None]:
        """Note that a report is being made, and then how that ended."""
        key = run.monitor, run.id
        self._making[key] += 1
        try:
            yield
        except ReportError as error:
            self._outcomes[key] = ReportStatus(ReportState.IMPOSSIBLE, reason=str(error))
            raise
        except TidegaugeError as error:
            self._outcomes[key] = ReportStatus(ReportState.FAILED, reason=str(error))
            raise
        else:
            self._outcomes[key] = ReportStatus(ReportState.READY)
        finally:
            self._making[key] -= 1
            if not self._making[key]:
                del self._making[key]
            while len(self._outcomes) > MAX_REMEMBERED:
                del self._outcomes[next(iter(self._outcomes))]

    def after(self, record: CycleRecord) -> None:
        """Queue a report of each window of a committed cycle that raised an alarm."""
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
        """Make the queued reports, until cancelled."""
        while True:
            if self._left_out:
                log.warning("reports left out", count=self._left_out, reason="others were still being made")
                self._left_out = 0
            monitor, layout, first, last = await self._waiting.get()
            try:
                run = await self._windows.of_panes(monitor, layout, first, last)
                if run is not None:
                    with self._remembered(run):
                        async with self._turn:
                            await self._worker.run(WorkerFunction.KEEP_REPORT, await self._request(run))
                    log.info("report made of a breach", monitor=monitor, window=run.id)
            except TidegaugeError as error:
                log.warning("report failed", monitor=monitor, error=str(error))

    async def _request(self, run: WindowRun) -> ReportRequest:
        monitor = self._monitors.get(run.monitor)
        if monitor is None:
            raise ReportError(f"{run.monitor}: no monitor file has that name; a report needs its columns")
        current = await self._windows.sampled_rows(run)
        reference = await monitor.reference()
        reference_rows = reference.profile[row_sample.PART].batch()
        if not current.rows or not reference_rows.rows:
            raise ReportError(
                f"{run.monitor}: window {run.id}: no row of it is kept; a report needs sample_rows above 0 "
                "in the monitor file, and the panes that the window was measured from"
            )
        return ReportRequest(
            folder=self._folder,
            kept=max(self._kept, 1),
            monitor=run.monitor,
            description=monitor.description,
            schema=reference.schema,
            window=run.id,
            start=run.start,
            end=run.end,
            rows=run.rows,
            current=current,
            reference_rows=reference.profile.rows,
            reference=reference_rows,
        )


def sampled_rows(panes: Sequence[PaneRecord]) -> Batch:
    """Return the sample of rows that a window's panes keep together; none where one of them kept none."""
    if not panes:
        return no_rows()
    sample = profile.merge([codec.decode(pane.payload) for pane in panes]).get(row_sample.PART)
    return no_rows() if sample is None else sample.batch()
