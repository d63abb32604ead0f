"""A monitor's change-point detectors, fed the errors of labelled rows cycle by cycle.

Rows are fed in the order in which they are taken, within a take by their event time: a detector knows nothing
of windows and forgets nothing, so a row that comes late is fed late and is never taken back. So what is found
does not follow from one window's rows, and is not a measurement; a change is an event at the time of the row
at which the detector found it, some rows after the change itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from service.core.event import Event
from service.core.profile.outcome.regression import RegressionOutcome
from service.core.profile.outcome.row_errors import row_errors
from service.core.rows.task import Binary, Regression
from service.methods.concept import detectors as detector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.profile.outcome.outcome import Outcome
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task
    from service.methods.concept.detectors import Change, Value

    Detectors = Mapping[str, Mapping[str, Value]]  # parameters by the detector's name

CHANGE_POINT, DETECTOR_WAITING = "change_point", "detector_waiting"
NO_LIMIT = "waits: the reference has no labelled row, so it is not known how large an error usually is"
WAITING = '{"waiting": "reference without labels"}'  # in place of a detector's state


def errors_to_feed(schema: Schema, *batches: Batch) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the errors of all labelled rows of `batches` and their event times, in the order of the latter.

    Errors (float64) are a regression's absolute ones, a classifier's 0 and 1; times are UTC microseconds
    (int64); both of shape (labelled rows,). Rows of the same instant stay in the order of the batches.
    """
    errors = np.concatenate([np.zeros(0), *(row_errors(batch, schema) for batch in batches)])
    times = np.concatenate([np.zeros(0, dtype=np.int64), *(batch.event_time for batch in batches)])
    known = np.flatnonzero(np.isfinite(errors))
    order = known[np.argsort(times[known], kind="stable")]
    return errors[order], times[order]


def find_changes(
    detectors: Detectors,
    kept: Mapping[str, str],
    fed: tuple[NDArray[np.float64], NDArray[np.int64]],
    *,
    task: Task,
    reference: Outcome | None,
) -> tuple[dict[str, str], tuple[Event, ...]]:
    """Feed every detector; return their states, as text, and an event for each change that was found.

    `kept` are the states so far, `fed` is what `errors_to_feed` returns. A detector that is new, or whose
    parameters, errors or limit differ from those of its state, starts from nothing; the others go on. A
    regression's limit comes from `reference`; where that has no error the detectors wait, and one event each
    says so. Raises CodecError where a state cannot be read.
    """
    sizes: Distribution | None = None
    if isinstance(task, Regression):
        sizes = reference.sizes if isinstance(reference, RegressionOutcome) else None
        if sizes is None or not sizes.finite:
            return _waiting(detectors, kept, fed[1])
    states: dict[str, str] = {}
    events: list[Event] = []
    for name, parameters in detectors.items():
        limit = None if sizes is None else detector.limit_of(name, sizes)
        state = detector.start(name, parameters, limit=limit, stream=_stream(task))
        if name in kept:
            state = detector.resume(kept[name].encode(), state)
        state, changes = detector.feed(state, *fed)
        states[name] = state.decode()
        events += [_event(name, change, task, limit) for change in changes]
    return states, tuple(events)


def _waiting(
    detectors: Detectors, kept: Mapping[str, str], times: NDArray[np.int64]
) -> tuple[dict[str, str], tuple[Event, ...]]:
    if not len(times):
        return dict(kept), ()
    new = [name for name in detectors if kept.get(name) != WAITING]
    events = (Event(DETECTOR_WAITING, int(times[0]), f"{name}: {NO_LIMIT}", metric=name) for name in new)
    return dict.fromkeys(detectors, WAITING), tuple(events)


def _stream(task: Task) -> str:
    # Everything that a row's error depends on: another column or threshold makes another stream.
    if isinstance(task, Binary):
        decided = [task.score, task.threshold] if task.prediction is None else [task.prediction]
        return json.dumps([task.target, task.positive, *decided])
    return json.dumps([task.target, task.prediction])


def _event(name: str, change: Change, task: Task, limit: float | None) -> Event:
    what, unit, scale = "share of wrong answers", " %", 100.0
    if isinstance(task, Regression):
        what, unit, scale = "mean absolute error", "", 1.0
    now = f"{scale * change.level:.4g}{unit} over the newest {change.rows} rows"
    message = f"the {what} has changed: {now}, the first that {name} has seen"
    if change.before is not None:
        past = f"{scale * change.before:.4g}{unit} over {change.rows_before:,} rows"
        message = f"the {what} went from {past} to {now}"
    details = {
        "row": change.row,
        "error_before": change.before,
        "rows_before": change.rows_before,
        "error": change.level,
        "rows": change.rows,
        "limit": limit,
    }
    return Event(CHANGE_POINT, change.time, f"{name}: {message}", metric=name, details=details)
