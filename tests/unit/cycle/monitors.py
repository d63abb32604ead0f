"""One small monitor of each kind, whose cycles do everything that a cycle can do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.take import Reject, Take
from service.core.windows.moving_reference import MovingPlan
from service.core.windows.window import Unit, WindowPlan
from service.core.worker_call import Answer
from service.methods.performance.tolerance import Tolerance
from tests.unit.cycle.arrivals import WAIT, Arrivals, Yielding, arrivals
from tests.unit.cycle.build import (
    HOUR,
    MEASURES,
    ROWS,
    TIME,
    Takes,
    declared,
    declared_in_days,
    in_order,
    labels_of,
    plan,
    rows,
    without,
)

if TYPE_CHECKING:
    from service.cycle.monitor_plan import MonitorPlan

DETECTORS = {"page_hinkley": {"threshold": 2.0, "min_instances": 5}}


class Sums:
    """A worker that answers with a figure made of what it is given."""

    async def run(self, function: str, *arguments: Any) -> Any:
        """Return one answer, the same for the same arguments."""
        assert function
        sizes = [float(np.sum(each)) for each in arguments if isinstance(each, np.ndarray)]
        return {"": Answer(value=0.25 + (sum(sizes) % 1.0) / 2.0, threshold=0.5)}


def _broken(takes: list[Take]) -> MonitorPlan:
    source = Takes(takes)
    return plan(source, source=Yielding(source), load_reference=Yielding(_Reference()).load)


class _Reference:
    async def load(self) -> Any:
        """Return the declared reference."""
        return await declared()


def steady() -> MonitorPlan:
    """Return a monitor with late rows, a gap, a column that comes and goes, detectors and an end."""
    takes = [*in_order([0, 1, 2]), *in_order([4, 2, 5], error=9.0)]
    takes[2] = replace(takes[2], batch=without(takes[2].batch, "place"), rejects=(Reject({}, "no time"),))
    takes[-1] = replace(takes[-1], exhausted=True)
    return replace(_broken(takes), detectors=DETECTORS)


def by_rows() -> MonitorPlan:
    """Return a monitor whose panes are of rows, more and fewer than a batch has."""
    takes = [Take(rows(hour, count), {}) for hour, count in ((0, 3), (1, 9), (2, 1), (3, 12))]
    return replace(_broken(takes), window=ROWS)


def late() -> MonitorPlan:
    """Return a monitor whose labels come hours after their rows, some never, some for no row."""
    batches = [rows(hour, 6, labelled=hour == 2) for hour in range(5)]
    came = {
        1: labels_of(batches[0], [0, 1], at=1.5, until=2),
        3: labels_of(batches[1], range(5), at=3.2, until=3),
        4: labels_of(batches[0], [1, 4, 5], at=4.1, until=4),
    }
    takes = [Take(batch, {}, labels=came.get(hour)) for hour, batch in enumerate(batches)]
    came_last = labels_of(batches[3], range(6), at=5.5, until=5)
    takes.append(Take(rows(0, 0), {}, labels=came_last, exhausted=True))
    return replace(_broken(takes), label_wait=3 * HOUR, detectors=DETECTORS)


def moving(windows: int | None) -> MonitorPlan:
    """Return a monitor whose reference moves; rows come late by more than is kept."""
    monitor = _broken(in_order([0, 1, 2, 3, 4, 5, 1, 6]))
    return replace(monitor, window=replace(TIME, panes=2), moving=MovingPlan(windows))


def asking() -> MonitorPlan:
    """Return a monitor that leaves a measure to the worker process."""
    drift = replace(MEASURES.drift, methods=("wasserstein", "empirical_mmd"))
    return replace(_broken(in_order(range(4))), measures=replace(MEASURES, drift=drift))


def tolerant() -> MonitorPlan:
    """Return a monitor with a tolerance and a limit of the reference's own; some rows come late."""
    hours = [0, 24, 48, 26, 72]
    source = Takes([*in_order(hours), *in_order([96, 120], error=9.0)])
    measures = replace(
        MEASURES, tolerances={"mae": Tolerance(0.1, relative=True)}, own_limits=("mean_error",)
    )
    daily = WindowPlan(Unit.TIME, 24 * HOUR, min_rows=4)
    return plan(source, daily, source=Yielding(source), load_reference=declared_in_days, measures=measures)


def sent() -> MonitorPlan:
    """Return a monitor to which rows and labels are sent: late ones, one too late, labels ahead of rows."""
    source = Arrivals(arrivals())
    monitor = plan((), source=Yielding(source), load_reference=Yielding(_Reference()).load)
    return replace(monitor, label_wait=WAIT, live=True)


ALL = {
    "tolerance": tolerant(),
    "steady": steady(),
    "rows": by_rows(),
    "late labels": late(),
    "rolling": moving(2),
    "expanding": moving(None),
    "worker": asking(),
    "sent": sent(),
}
