"""The reporter: which window, which rows, made once, and a bounded queue at breaches."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.report_status import ReportState, ReportStatus
from service.core.rows.batch import Batch, no_rows
from service.core.time_units import to_datetime
from service.core.windows.panes import pane_records, profile_panes
from service.core.windows.records import WindowRun
from service.core.worker_call import WorkerFunction
from service.errors import ReportError, StoreError, WorkerError
from service.methods.alarm import BREACH, RECOVERY
from service.reports.reporter import MAX_WAITING, ReportedMonitor, Reporter, sampled_rows
from service.reports.request import ReportRequest
from service.runtime.background_task import background
from tests.unit.cycle.build import SCHEMA, TIME, joined, rows

FOLDER = Path("/a/folder")
DECLARED = reference.of(rows(0, 40, seed=99), SCHEMA, sample_rows=50)
RUN = WindowRun(7, "toy", "a layout", 1, 3, 3_600_000_000, 14_400_000_000, 2, 12, 99)


@dataclass
class Windows:
    """Measured windows in memory."""

    runs: list[WindowRun] = field(default_factory=lambda: [RUN])
    kept: Batch = field(default_factory=lambda: rows(1))
    failing: int = 0

    async def find(self, monitor: str, window: int | None) -> WindowRun | None:
        """Return a window by its id, the last one for None."""
        own = [run for run in self.runs if run.monitor == monitor and window in (None, run.id)]
        return own[-1] if own else None

    async def ending_at(self, monitor: str, end: datetime) -> WindowRun | None:
        """Return the last window that ends then."""
        found = [run for run in self.runs if run.monitor == monitor and to_datetime(run.end) == end]
        return found[-1] if found else None

    async def of_panes(self, monitor: str, layout: str, first: int, last: int) -> WindowRun | None:
        """Return a window by its panes; fail as often as was asked for."""
        if self.failing:
            self.failing -= 1
            raise StoreError("the database went away")
        wanted = (monitor, layout, first, last)
        found = [r for r in self.runs if (r.monitor, r.layout, r.first_pane, r.last_pane) == wanted]
        return found[-1] if found else None

    async def sampled_rows(self, run: WindowRun) -> Batch:
        """Return the same rows of every window."""
        assert run in self.runs
        return self.kept


@dataclass
class Worker:
    """A worker process that keeps reports in memory, or fails."""

    failing: bool = False
    reports: dict[int, str] = field(default_factory=dict)
    calls: list[tuple[WorkerFunction, Any]] = field(default_factory=list)
    made: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, function: WorkerFunction, *arguments: Any) -> Any:
        """Do what the function of that name does."""
        await asyncio.sleep(0)
        self.calls.append((function, arguments[-1]))
        if self.failing:
            raise WorkerError("the worker process died")
        if function == WorkerFunction.FIND_REPORT:
            return self.reports.get(arguments[-1])
        request: ReportRequest = arguments[-1]
        self.reports[request.window] = f"report of window {request.window}"
        self.made.set()
        return self.reports[request.window] if function == WorkerFunction.MAKE_REPORT else None

    def requests(self, function: WorkerFunction) -> list[ReportRequest]:
        """Return what a function was called with."""
        return [given for name, given in self.calls if name == function]


def reporter_of(windows: Windows, worker: Worker, *, kept: int = 20, known: Reference = DECLARED) -> Reporter:
    async def load() -> Reference:
        return known

    monitors = {"toy": ReportedMonitor(SCHEMA, "a toy", load)}
    return Reporter(windows, worker, monitors, folder=FOLDER, kept=kept)


def record(*windows: tuple[int, int], kind: str = BREACH) -> CycleRecord:
    """Return a committed cycle with an event of each window, by its first and last pane."""
    events = [Event(kind, 1, "m", details={"window_first": a, "window_last": b}) for a, b in windows]
    return CycleRecord("toy", "a layout", Checkpoint(1), 0, 0, 0, events=tuple(events))


async def worked(reporter: Reporter, worker: Worker, count: int) -> None:
    """Let the queued reports be made until the worker has made as many as `count`."""
    async with background(reporter.work(), name="reports"), asyncio.timeout(5):
        while len(worker.reports) < count:
            worker.made.clear()
            await worker.made.wait()


async def test_a_report_is_made_once_and_then_found() -> None:
    """Asked for twice at once or again later, the worker makes it once."""
    worker = Worker()
    reporter = reporter_of(Windows(), worker)
    both = await asyncio.gather(reporter.report("toy", 7), reporter.report("toy", 7))
    assert both == [(7, "report of window 7")] * 2
    assert await reporter.report("toy", None) == (7, "report of window 7")
    assert len(worker.requests(WorkerFunction.MAKE_REPORT)) == 1


async def test_a_report_that_is_ready_opens_at_once() -> None:
    """The worker is not asked again for the last few pages, and draws an earlier one from what it keeps."""
    worker = Worker()
    runs = [replace(RUN, id=number) for number in range(7, 12)]
    reporter = reporter_of(Windows(runs), worker)
    for run in runs:
        await reporter.report("toy", run.id)
    asked = len(worker.calls)
    assert await reporter.report("toy", 11) == (11, "report of window 11")
    assert len(worker.calls) == asked
    assert await reporter.report("toy", 7) == (7, "report of window 7")
    assert [name for name, _ in worker.calls[asked:]] == [WorkerFunction.FIND_REPORT]


async def test_a_report_is_of_the_windows_rows_and_the_references() -> None:
    """The request holds both samples, how many rows they are drawn from, the bounds and the folder."""
    worker, windows = Worker(), Windows()
    await reporter_of(windows, worker).report("toy", 7)
    (request,) = worker.requests(WorkerFunction.MAKE_REPORT)
    assert request.current is windows.kept
    assert (request.rows, request.reference_rows, request.reference.rows) == (12, 40, 40)
    assert (request.window, request.start, request.end) == (7, RUN.start, RUN.end)
    assert (request.monitor, request.description, request.schema) == ("toy", "a toy", SCHEMA)
    assert (request.folder, request.kept) == (str(FOLDER), 20)


async def test_the_newest_window_is_the_one_without_a_name() -> None:
    """None asks for the latest."""
    windows = Windows([RUN, replace(RUN, id=8)])
    assert (await reporter_of(windows, Worker()).report("toy", None))[0] == 8


@pytest.mark.parametrize(
    ("monitor", "window", "message"),
    [
        ("toy", 9, r"toy has no window 9; its windows: /v1/monitors/toy/windows"),
        ("other", None, r"other has no measured window yet; its windows: /v1/monitors/other/windows"),
        ("gone", 7, r"gone: no monitor file has that name; a report needs its columns"),
    ],
)
async def test_what_cannot_be_reported_says_why(monitor: str, window: int | None, message: str) -> None:
    """A window that is not there and a monitor without a file are errors that say what to do."""
    windows = Windows([RUN, replace(RUN, monitor="gone")])
    with pytest.raises(ReportError, match=message):
        await reporter_of(windows, Worker()).report(monitor, window)


@pytest.mark.parametrize("side", ["window", "reference"])
async def test_without_rows_there_is_no_report(side: str) -> None:
    """Where no row of the window or of the reference is kept, the error names the setting."""
    windows, worker = Windows(), Worker()
    known = DECLARED
    if side == "window":
        windows.kept = no_rows()
    else:
        known = reference.of(no_rows(), SCHEMA)
    with pytest.raises(ReportError, match=r"window 7: no row of it is kept; a report needs sample_rows"):
        await reporter_of(windows, worker, known=known).report("toy", 7)
    assert worker.requests(WorkerFunction.MAKE_REPORT) == []


async def test_a_worker_that_fails_is_asked_again() -> None:
    """The error is raised to whoever asked; the next request is not affected."""
    worker = Worker(failing=True)
    reporter = reporter_of(Windows(), worker)
    with pytest.raises(WorkerError, match="died"):
        await reporter.report("toy", 7)
    worker.failing = False
    assert await reporter.report("toy", 7) == (7, "report of window 7")


async def test_breaches_are_reported_once_a_window() -> None:
    """Of a cycle's events the breaches count, each window once; windows that are gone are passed over."""
    worker = Worker()
    reporter = reporter_of(Windows(), worker)
    reporter.after(record((5, 6), (1, 3), (1, 3)))
    reporter.after(record((1, 3), kind=RECOVERY))
    with capture_logs() as logs:
        await worked(reporter, worker, 1)
    assert [request.window for request in worker.requests(WorkerFunction.KEEP_REPORT)] == [7]
    assert [line["event"] for line in logs] == ["report made of a breach"]


async def test_nothing_is_reported_where_no_report_is_kept() -> None:
    """With no room for reports a breach asks for none; on demand one is made all the same."""
    worker = Worker()
    reporter = reporter_of(Windows(), worker, kept=0)
    reporter.after(record((1, 3)))
    assert reporter._waiting.empty()
    await reporter.report("toy", 7)
    assert worker.requests(WorkerFunction.MAKE_REPORT)[0].kept == 1


async def test_a_storm_of_breaches_leaves_out_the_newest_and_says_so() -> None:
    """The queue is bounded: what does not fit is counted in the log, and the others are made."""
    runs = [replace(RUN, id=number, first_pane=number, last_pane=number) for number in range(MAX_WAITING + 3)]
    worker = Worker()
    reporter = reporter_of(Windows(runs), worker)
    reporter.after(record(*((number, number) for number in range(MAX_WAITING + 3))))
    with capture_logs() as logs:
        await worked(reporter, worker, MAX_WAITING)
    assert sorted(worker.reports) == list(range(MAX_WAITING))
    assert [(line["event"], line.get("count")) for line in logs if line["log_level"] == "warning"] == [
        ("reports left out", 3)
    ]


async def test_a_report_that_fails_does_not_stop_the_others() -> None:
    """The failure is logged with its reason, and the next one is made."""
    worker, windows = Worker(), Windows(failing=1)
    reporter = reporter_of(windows, worker)
    reporter.after(record((1, 3)))
    reporter.after(record((1, 3)))
    with capture_logs() as logs:
        await worked(reporter, worker, 1)
    assert [(line["event"], line.get("error")) for line in logs] == [
        ("report failed", "the database went away"), ("report made of a breach", None),
    ]  # fmt: skip


def test_a_windows_rows_are_those_that_its_panes_keep() -> None:
    """The samples of all panes together; of no pane there are no rows."""
    batch = joined([rows(hour) for hour in range(3)])
    panes = profile_panes(batch, SCHEMA, TIME, 0, DECLARED.spec)
    assert sampled_rows(pane_records(panes)).rows == 12
    assert sampled_rows([]).rows == 0


async def test_a_report_says_how_far_it_is() -> None:
    """Possible, being made, ready; then it is known of that window, however it is asked for."""
    worker = Worker()
    reporter = reporter_of(Windows(), worker)
    assert await reporter.status("toy") == ReportStatus(ReportState.POSSIBLE, RUN)
    made = asyncio.create_task(reporter.report("toy", 7))
    await asyncio.sleep(0)
    assert (await reporter.status("toy", 7)).state is ReportState.MAKING
    await made
    end = to_datetime(RUN.end)
    assert await reporter.status("toy", None, end) == ReportStatus(ReportState.READY, RUN)
    other = await reporter.status("toy", None, end + timedelta(hours=1))
    assert other == ReportStatus(ReportState.IMPOSSIBLE, None, "no such window")


async def test_a_report_that_failed_says_why_until_it_is_made() -> None:
    """A broken worker is a failure that can be tried again; a window without rows is none."""
    worker, windows = Worker(failing=True), Windows()
    reporter = reporter_of(windows, worker)
    with pytest.raises(WorkerError):
        await reporter.report("toy", 7)
    assert await reporter.status("toy") == ReportStatus(ReportState.FAILED, RUN, "the worker process died")
    worker.failing, kept, windows.kept = False, windows.kept, no_rows()
    with pytest.raises(ReportError):
        await reporter.report("toy", 7)
    found = await reporter.status("toy")
    assert found.state is ReportState.IMPOSSIBLE
    assert "no row of it is kept" in str(found.reason)
    windows.kept = kept
    await reporter.report("toy", 7)
    assert (await reporter.status("toy")).state is ReportState.READY


@pytest.mark.parametrize(
    ("monitor", "known", "reason"),
    [
        ("toy", reference.of(rows(0, 40, seed=99), SCHEMA, sample_rows=0), "no row of the reference is kept"),
        ("gone", DECLARED, "no window has been measured yet"),
    ],
)
async def test_what_no_report_can_be_made_of_is_known_before(
    monitor: str, known: Reference, reason: str
) -> None:
    """The reason is given before anybody asks for the report."""
    found = await reporter_of(Windows(), Worker(), known=known).status(monitor)
    assert found.state is ReportState.IMPOSSIBLE
    assert reason in str(found.reason)


async def test_a_report_at_a_breach_is_ready_for_those_who_ask() -> None:
    """Reports of alarms are known like those that were asked for."""
    worker = Worker()
    reporter = reporter_of(Windows(), worker)
    reporter.after(record((1, 3)))
    await worked(reporter, worker, 1)
    assert (await reporter.status("toy", 7)).state is ReportState.READY
