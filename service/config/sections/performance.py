"""The performance section of a monitor file: a written limit, the reference's own, or a tolerance."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import PlainValidator

from service.config.sections.task import check_metric_threshold, find_metric
from service.methods.performance.registry import (
    estimated_metrics_of,
    judged_by_default,
    metrics_of,
    metrics_of_all_rows,
)
from service.methods.performance.tolerance import Tolerance

if TYPE_CHECKING:
    from service.core.rows.task import Task
    from service.methods.performance.metric import AnyMetric

REFERENCE = "reference"
EXPECTED = "expected a number, `reference`, or {worse_by: 10%}"


def _limit(value: Any) -> float | str | Tolerance:
    if value == REFERENCE:
        return REFERENCE
    if isinstance(value, Tolerance):
        return value
    if isinstance(value, dict):
        if list(value) != ["worse_by"]:
            raise ValueError(f"{EXPECTED}, got the keys {', '.join(map(str, value)) or 'of nothing'}")
        return _tolerance(value["worse_by"])
    number = _number(value)
    if number is None:
        raise ValueError(f"{EXPECTED}, got {value!r}")
    return number


def _tolerance(value: Any) -> Tolerance:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*%\s*", value) if isinstance(value, str) else None
    by = _number(value) if found is None else float(found[1]) / 100.0
    if by is None or by < 0.0:
        raise ValueError(
            f"worse_by: expected a share of the reference's figure such as 10%, or an amount in the "
            f"metric's unit such as 2.5, got {value!r}"
        )
    return Tolerance(by, relative=found is not None)


def _number(value: Any) -> float | None:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


PerformanceLimit = Annotated[float | str | Tolerance, PlainValidator(_limit)]
PerformanceLimits = dict[str, PerformanceLimit]


def written_limits(limits: PerformanceLimits | None) -> dict[str, float]:
    """Return the limits that are numbers."""
    return {name: limit for name, limit in (limits or {}).items() if isinstance(limit, float)}


def tolerances(limits: PerformanceLimits | None) -> dict[str, Tolerance]:
    """Return the tolerances."""
    return {name: limit for name, limit in (limits or {}).items() if isinstance(limit, Tolerance)}


def own_limits(limits: PerformanceLimits | None, task: Task | None) -> tuple[str, ...]:
    """Return the metrics that the reference's own blocks judge.

    Those that the section names; where there is no section, those that represent the task.
    """
    if task is None:
        return ()
    if limits is None:
        return judged_by_default(task)
    return tuple(name for name, limit in limits.items() if limit == REFERENCE)


def check_performance(limits: PerformanceLimits | None, task: Task | None, *, estimate: bool) -> None:
    """Raise ValueError where a metric is not measured, cannot have that limit, or not that kind of limit."""
    estimated = () if task is None else estimated_metrics_of(task)
    for name, limit in (limits or {}).items():
        key = f"performance.{name}"
        metric = find_metric("performance", name, task, estimated)
        if metric in estimated and not estimate:
            raise ValueError(f"{key}: is not measured, since this monitor has estimate: false")
        if isinstance(limit, float):
            check_metric_threshold(key, limit, metric)
        elif isinstance(limit, Tolerance):
            _check_tolerance(key, limit, metric, task)
        elif metric not in _judged_by_blocks(task):
            able = ", ".join(each.name for each in _judged_by_blocks(task))
            raise ValueError(
                f"{key}: the reference's own blocks give it no limit; expected a number, or one of: {able}"
            )


def _judged_by_blocks(task: Task | None) -> list[AnyMetric]:
    return [] if task is None else [metric for metric in metrics_of_all_rows(task) if metric.of_blocks]


def _check_tolerance(key: str, tolerance: Tolerance, metric: AnyMetric, task: Task | None) -> None:
    if metric.loss is None:
        known = () if task is None else metrics_of(task)
        able = ", ".join(each.name for each in known if each.loss is not None)
        raise ValueError(
            f"{key}.worse_by: is no mean of losses of single rows, which evidence is counted from; expected "
            f"one of: {able}"
        )
    low, high = metric.within
    if not tolerance.relative and tolerance.by > high - low:
        raise ValueError(
            f"{key}.worse_by: {metric.name} lies between {low:g} and {high:g} and cannot get worse by "
            f"{tolerance.by:g}"
        )
