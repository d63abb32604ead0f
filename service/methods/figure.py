"""One performance figure: a value with its sampling error, or the reason why there is none.

A figure's band is computed when it is asked for: the reference's is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.methods.sampling_error import NO_BAND
from service.methods.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.methods.sampling_error import Band

NO_LABELS = "no labels yet"
TOO_LARGE = "the values are larger than a number can hold"


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure is: which way it gets worse, and its unit.

    One that is worse both ways is compared with its reference where `from_reference`, else with 0.
    """

    name: str
    worse: Worse = Worse.HIGHER
    unit: str = ""
    from_reference: bool = False


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's `value` over `rows` rows, or the `reason` for none, of a `segment` (empty: of all rows)."""

    metric: Metric
    value: float | None
    rows: int
    reason: str | None = None
    segment: str = ""
    band: Callable[[], Band] | None = None
    error_bound: float | None = None


def figure(
    metric: Metric,
    rows: int,
    compute: Callable[[], float],
    band: Callable[[float], Band] | None = None,
    *,
    segment: str = "",
    bound: Callable[[float], float | None] | None = None,
) -> Figure:
    """Compute a figure; `band` and `bound` take its value.

    Where `compute` raises Unmeasurable its message is the reason; no finite value is a reason too.
    """
    try:
        value = compute()
        error_bound = bound(value) if bound is not None else None
    except Unmeasurable as reason:
        return Figure(metric, None, rows, str(reason), segment)
    except OverflowError:
        return Figure(metric, None, rows, TOO_LARGE, segment)
    if not math.isfinite(value):
        return Figure(metric, None, rows, TOO_LARGE, segment)
    later = None if band is None else lambda: _finite(band, value)
    return Figure(metric, value, rows, None, segment, later, error_bound)


def none_of(metric: Metric, reason: str, *, segment: str = "") -> Figure:
    """Return a figure that there is not."""
    return Figure(metric, None, 0, reason, segment)


def measured(
    figure: Figure, baseline: float | None, threshold: float | None, withheld: str | None
) -> Measurement:
    """Return a figure as a measurement of its performance, beside its `baseline`, the reference's own.

    Breached at the `threshold` and beyond, on the side where the metric gets worse; worse both ways is from
    0, or from the baseline. With `withheld` there is no value but that reason.
    """
    metric, value = figure.metric, None if withheld else figure.value
    low = high = None
    if value is not None and figure.band is not None:
        low, high = figure.band()
    return Measurement(
        Series(Aspect.PERFORMANCE, metric.name, segment=figure.segment, unit=metric.unit, worse=metric.worse),
        value,
        figure.rows,
        withheld or figure.reason,
        threshold,
        _breached(metric, value, threshold, baseline),
        baseline,
        None if value is None else figure.error_bound,
        low,
        high,
    )


def _breached(
    metric: Metric, value: float | None, threshold: float | None, baseline: float | None
) -> bool | None:
    if value is None or threshold is None:
        return None
    if metric.worse is Worse.LOWER:
        return value <= threshold
    if metric.worse is Worse.HIGHER:
        return value >= threshold
    centre = baseline if metric.from_reference else 0.0
    return None if centre is None else abs(value - centre) >= threshold


def _finite(band: Callable[[float], Band], value: float) -> Band:
    try:
        low, high = band(value)
    except (OverflowError, Unmeasurable):
        return NO_BAND
    if any(side is not None and not math.isfinite(side) for side in (low, high)):
        return NO_BAND
    return low, high
