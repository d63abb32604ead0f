"""Measure windows on a compute thread, and fill in what the worker process measures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.profile import profile
from service.core.windows.panes import measure_windows
from service.core.worker_call import Answer
from service.errors import WorkerError
from service.methods.drift import in_worker
from service.methods.measure_window import measure, settle
from service.methods.quality import late_labels
from service.methods.quality.reference_rows import measure_moving

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.core.labels.matching import LabelMatching
    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.reference.reference import Reference
    from service.core.windows.moving_reference import Compared
    from service.core.windows.panes import Measure, Pane
    from service.core.windows.records import WindowRecord
    from service.core.worker_call import Worker
    from service.cycle.monitor_plan import MonitorPlan


def measured(
    monitor: MonitorPlan,
    reference: Reference,
    due: Sequence[int],
    panes: Mapping[int, Pane],
    compared: Iterable[Compared],
    *,
    matching: LabelMatching,
) -> list[WindowRecord]:
    """Measure the windows `due` (last panes), each against what it is `compared` with, in the same order.

    `matching` is how many late labels find a row.
    """
    nothing = profile.empty(monitor.schema, reference.spec)
    windows: list[WindowRecord] = []
    for last, against in zip(due, compared, strict=True):
        by = _against(monitor, against, reference, matching)
        windows += measure_windows([last], panes, nothing, monitor.window, by, column_bins=reference.bins)
    return windows


async def settled(window: WindowRecord, worker: Worker | None) -> WindowRecord:
    """Return the window with what the worker process measures, or the reason why it did not."""
    asked = in_worker.calls(window.measurements)
    if not asked or worker is None:
        return window
    answers = {}
    for call in asked:
        try:
            answers[call] = await worker.run(call.function, *call.arguments)
        except WorkerError as error:
            answers[call] = {"": Answer(reason=str(error))}
    return replace(window, measurements=settle(window.measurements, answers))


def _against(
    monitor: MonitorPlan, compared: Compared, reference: Reference, matching: LabelMatching
) -> Measure:
    def against(current: Profile) -> tuple[Measurement, ...]:
        found = measure(
            compared.profile,
            current,
            monitor.schema,
            monitor.measures,
            reference.spec,
            estimator=reference.estimator,
            seasonal=reference.seasonal,
            blocks=monitor.blocks,
        )
        if monitor.late_column is not None:
            found = (*late_labels.explained(found, matching), late_labels.measure_matching(matching))
        if monitor.moving is None:
            return found
        return (*found, measure_moving(compared, reference.profile))

    return against
