"""Per-monitor counters since start, for `/metrics`.

They sit between the scheduler and the journal, so that skipped and failed cycles are counted even where the
database, which may be what failed, cannot log them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.methods.concept.error_stream import CHANGE_POINT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service.core.cycle_record import CycleRecord
    from service.core.windows.records import WindowRecord
    from service.runtime.scheduler import Journal


@dataclass(slots=True)
class MonitorCounters:
    """One monitor's counts since the start, and its last committed cycle; instants in UTC microseconds.

    `cycles` are the committed ones. `latest` is the newest window that was measured, None before the first.
    """

    name: str
    cycles: int = 0
    failures: int = 0
    skipped: int = 0
    skipped_to: int | None = None  # the last slot that was counted as skipped
    rows: int = 0
    rejected: int = 0
    windows: int = 0
    change_points: int = 0
    unpaired_events: int | None = None  # None where the source pairs none
    waiting_events: int | None = None
    succeeded_at: int | None = None
    duration_seconds: float | None = None
    rows_per_second: float | None = None
    lag_seconds: float | None = None
    progress: float | None = None
    backlog_rows: int | None = None
    latest: WindowRecord | None = None

    def committed(self, record: CycleRecord, *, at: int, seconds: float) -> None:
        """Count a cycle that was committed at the instant `at` and took `seconds`."""
        self.cycles += 1
        self.rows += record.rows
        self.rejected += record.rejected
        self.windows += len(record.windows)
        self.change_points += sum(event.kind == CHANGE_POINT for event in record.events)
        self.succeeded_at = at
        self.duration_seconds = seconds
        self.rows_per_second = record.rows / seconds if record.rows and seconds else None
        self.lag_seconds = record.lag_seconds
        self.progress = record.progress
        self.backlog_rows = record.backlog_rows
        if record.inbox is not None and record.inbox.unpaired_events is not None:
            self.unpaired_events = (self.unpaired_events or 0) + record.inbox.unpaired_events
            self.waiting_events = record.inbox.waiting_events
        # Late rows measure an older window again: that one is not the latest.
        if record.windows and (self.latest is None or record.windows[-1].end >= self.latest.end):
            self.latest = record.windows[-1]


class CycleCounters:
    """Every monitor's counters, and the scheduler's journal in front of the real one.

    `failed` is called with the name of a monitor whose cycle failed, or waited.
    """

    def __init__(
        self, names: Iterable[str], journal: Journal, *, failed: Callable[[str], None] = lambda _: None
    ) -> None:
        self.monitors = {name: MonitorCounters(name) for name in names}
        self._journal = journal
        self._ended = failed

    def add(self, name: str) -> MonitorCounters:
        """Begin to count for a monitor; return its counters, which go on where there are some."""
        return self.monitors.setdefault(name, MonitorCounters(name))

    def discard(self, name: str) -> None:
        """Forget a monitor whose cycles have ended."""
        self.monitors.pop(name, None)

    async def record_skipped(self, monitor: str, slot: int, slots: int, *, first: int) -> None:
        """Count and record that `slots` slots passed unused, from `first` to `slot`.

        Those that could not be recorded come again with later ones, and are not counted again.
        """
        counted = self.monitors[monitor]
        before = counted.skipped_to
        if before is not None and first <= before:
            counted.skipped += 0 if slot == first else (slot - before) * (slots - 1) // (slot - first)
        else:
            counted.skipped += slots
        counted.skipped_to = slot
        await self._journal.record_skipped(monitor, slot, slots, first=first)

    async def record_failed(
        self, monitor: str, slot: int, started: int, error: str, *, seconds: float
    ) -> None:
        """Count and record a cycle that failed after `seconds`."""
        self.monitors[monitor].failures += 1
        self._ended(monitor)
        await self._journal.record_failed(monitor, slot, started, error, seconds=seconds)

    async def record_waiting(
        self, monitor: str, slot: int, started: int, reason: str, *, seconds: float
    ) -> None:
        """Record a cycle that took nothing, as what it needs has not come yet."""
        self._ended(monitor)
        await self._journal.record_waiting(monitor, slot, started, reason, seconds=seconds)
