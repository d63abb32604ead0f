"""The evidence against a tolerance as a measurement of a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile.outcome.outcome_days import DAY
from service.core.profile.outcome.row_losses import names_of
from service.core.time_units import to_datetime
from service.methods.performance.block_spread import Spread
from service.methods.performance.registry import metrics_of
from service.methods.performance.tolerance import DAYS_REMEMBERED, RECENT_DAYS, ToleranceTest, level_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.rows.task import Task
    from service.methods.performance.reference_limits import ReferenceLimits
    from service.methods.performance.tolerance import Evidence, Tolerance

UNIT = "log10"


def metric_name(metric: str) -> str:
    """Return the name under which the evidence of a metric is measured."""
    return f"{metric}_worse_by"


def tolerance_tests_of(
    tolerances: Mapping[str, Tolerance], limits: ReferenceLimits, task: Task | None, rate: float
) -> tuple[ToleranceTest, ...]:
    """Return the tests of metrics by what the reference's blocks say of them; `rate` is that of them all."""
    if task is None:
        return ()
    known, losses = {metric.name: metric for metric in metrics_of(task)}, names_of(task)
    tests = []
    for name, tolerance in tolerances.items():
        metric, spread = known[name], limits.metrics.get(name, "the reference was not looked at by days")
        place = losses.index(metric.loss or "")
        level = level_of(spread, tolerance) if isinstance(spread, Spread) else None
        reason = spread if isinstance(spread, str) else None
        if level is not None and not (0.0 < level < math.inf):
            level, reason = None, f"a mean loss of {level:g} cannot be tested against"
        tests.append(ToleranceTest(metric, place, tolerance, rate / len(tolerances), level, reason))
    return tuple(tests)


def measure_evidence(test: ToleranceTest, evidence: Evidence, until: int) -> Measurement:
    """Measure the evidence of the days that were counted, up to the day `until`, a window's last."""
    series = Series(Aspect.PERFORMANCE, metric_name(test.metric.name), unit=UNIT, worse=Worse.HIGHER)
    threshold = math.log10(1.0 / test.alpha)
    if test.level is None:
        return Measurement(series, None, 0, f"no evidence is counted: {test.reason}", threshold)
    known = [each for each in evidence.history if each[0] <= until]
    if not known and len(evidence.history) == DAYS_REMEMBERED:
        return Measurement(series, None, 0, "the evidence of then is in the first revision", threshold)
    if not known:
        return Measurement(series, 0.0, 0, "no day with labels is over yet", threshold, breached=False)
    day, value, raised = known[-1]
    remarks = [f"through {_date(day)}"]
    if raised:
        value = max(value, threshold)
        remarks.append(f"an alarm until the mean of {RECENT_DAYS} days lies within the tolerance")
        if evidence.onset is not None:
            remarks.append(f"probably worse since {_date(evidence.onset)}")
    if evidence.late_rows:
        remarks.append(f"{evidence.late_rows:,} rows came later and are left out")
    return Measurement(series, value, 0, "; ".join(remarks), threshold, raised)


def _date(day: int) -> str:
    return to_datetime(day * DAY).strftime("%Y-%m-%d")
