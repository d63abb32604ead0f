"""Summarise a cycle for its log line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.core.measurement import Aspect
from service.methods import alarm
from service.methods.concept import error_stream
from service.methods.quality.reference_rows import MOVING_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.measurement import Measurement
    from service.core.windows.records import WindowRecord
    from service.cycle.monitor_plan import CycleReport

MAX_COLUMNS = 8  # named on a line
MAX_NAME = 40  # characters of a column's name


def summary(report: CycleReport) -> dict[str, Any]:
    """Return the fields of a cycle's log line: progress, rows, window, drifted columns, headline metric."""
    record, found = report.record, dict[str, Any]()
    if report.take.progress is not None:
        found["progress"] = f"{report.take.progress:.1%}"
    found["rows"] = record.rows
    if record.labels is not None and record.labels.labels:
        found["labels"] = record.labels.labels
    if record.rejected:
        found["rejected"] = record.rejected
    if record.duplicates:
        found["duplicates"] = record.duplicates
    changes = [event.metric for event in record.events if event.kind == error_stream.CHANGE_POINT]
    if changes:
        found["changed"] = ",".join(dict.fromkeys(changes))
    if record.windows:
        latest = record.windows[-1]
        found["window_rows"] = latest.rows
        for m in latest.measurements:
            if m.series == MOVING_ROWS:
                found["reference"] = "declared" if m.value is None else "moving"
        found["drifted"] = _listed(_drifted(latest.measurements))
    newest = next(filter(None, map(_headline, reversed(record.windows))), None)
    if newest is not None:  # of the newest window that has labels
        found[newest.series.metric] = round(newest.value or 0.0, 3)
    return found


def _headline(window: WindowRecord) -> Measurement | None:
    """Return the value that represents a window's performance; None where it has none."""
    known = [
        m for m in window.measurements
        if m.series.headline is not None and not m.series.segment and m.value is not None
    ]  # fmt: skip
    return min(known, key=lambda m: m.series.headline or 0, default=None)


def _listed(columns: Sequence[str]) -> str:
    """Return columns as one short text: a hundred of them do not fill the screen."""
    short = [name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…" for name in columns]
    more = f" and {len(short) - MAX_COLUMNS} more" if len(short) > MAX_COLUMNS else ""
    return ",".join(short[:MAX_COLUMNS]) + more or "-"


def _drifted(measurements: Sequence[Measurement]) -> list[str]:
    return [
        m.series.column
        for m in alarm.verdicts(measurements)
        if m.series.aspect is Aspect.DRIFT and m.series.column and m.breached
    ]
