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
    from service.cycle.monitor_plan import CycleReport


def summary(report: CycleReport) -> dict[str, Any]:
    """Return the fields of a cycle's log line: progress, rows, window, drifted columns, error."""
    record, found = report.record, dict[str, Any]()
    if report.take.progress is not None:
        found["progress"] = f"{report.take.progress:.1%}"
    found["rows"] = record.rows
    if record.labels is not None and record.labels.labels:
        found["labels"] = record.labels.labels
    if record.rejected:
        found["rejected"] = record.rejected
    changes = [event.metric for event in record.events if event.kind == error_stream.CHANGE_POINT]
    if changes:
        found["changed"] = ",".join(dict.fromkeys(changes))
    if record.windows:
        latest = record.windows[-1]
        found["window_rows"] = latest.rows
        for m in latest.measurements:
            if m.series == MOVING_ROWS:
                found["reference"] = "declared" if m.value is None else "moving"
        found["drifted"] = ",".join(_drifted(latest.measurements)) or "-"
    errors = [
        round(m.value, 3)
        for window in record.windows
        for m in window.measurements
        if m.series.metric == "mae" and not m.series.segment and m.value is not None
    ]
    if errors:
        found["mae"] = errors[-1]  # of the newest window that has labels
    return found


def _drifted(measurements: Sequence[Measurement]) -> list[str]:
    return [
        m.series.column
        for m in alarm.verdicts(measurements)
        if m.series.aspect is Aspect.DRIFT and m.series.column and m.breached
    ]
