"""One performance figure: a value with its sampling error, or the reason why there is none.

A figure's band is computed when it is asked for: the reference's is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.methods.stats.confidence_bands import NO_BAND
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.methods.stats.confidence_bands import Band

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
class MetricValue:
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
) -> MetricValue:
    """Compute a figure; `band` and `bound` take its value.

    Where `compute` raises Unmeasurable its message is the reason; no finite value is a reason too.
    """
    try:
        value = compute()
        error_bound = bound(value) if bound is not None else None
    except Unmeasurable as reason:
        return MetricValue(metric, None, rows, str(reason), segment)
    except OverflowError:
        return MetricValue(metric, None, rows, TOO_LARGE, segment)
    if not math.isfinite(value):
        return MetricValue(metric, None, rows, TOO_LARGE, segment)
    later = None if band is None else lambda: _finite(band, value)
    return MetricValue(metric, value, rows, None, segment, later, error_bound)


def none_of(metric: Metric, reason: str, *, segment: str = "") -> MetricValue:
    """Return a figure that there is not."""
    return MetricValue(metric, None, 0, reason, segment)


def measured(
    figure: MetricValue,
    baseline: float | None,
    threshold: float | None,
    withheld: str | None,
    *,
    band_multiplier: float = 0.0,
) -> Measurement:
    """Return a figure as a measurement of its performance, beside its `baseline`, the reference's own.

    Breached at the `threshold` and beyond, on the side where the metric gets worse; worse both ways is from
    0, or from the baseline. With `doubt` so many times the distance of its band's end has to lie there as
    well. With `withheld` there is no value but that reason.
    """
    metric, value = figure.metric, None if withheld else figure.value
    low = high = None
    if value is not None and figure.band is not None:
        low, high = figure.band()
    verdict = None
    if value is not None and threshold is not None:
        ends: Band = value, value
        if band_multiplier and figure.band is not None:
            ends = _moved(value, low, band_multiplier), _moved(value, high, band_multiplier)
        verdict = _breached(metric, ends, threshold, baseline)
    return Measurement(
        Series(Aspect.PERFORMANCE, metric.name, segment=figure.segment, unit=metric.unit, worse=metric.worse),
        value,
        figure.rows,
        withheld or figure.reason,
        threshold,
        verdict,
        baseline,
        None if value is None else figure.error_bound,
        low,
        high,
    )


def _moved(value: float, end: float | None, band_multiplier: float) -> float | None:
    return None if end is None else value + band_multiplier * (end - value)


def _breached(metric: Metric, ends: Band, threshold: float, baseline: float | None) -> bool | None:
    # An open end says that nothing is known that way, so nothing is breached.
    low, high = ends
    if metric.worse is Worse.LOWER:
        return high is not None and high <= threshold
    if metric.worse is Worse.HIGHER:
        return low is not None and low >= threshold
    centre = baseline if metric.from_reference else 0.0
    if centre is None:
        return None
    above = low is not None and low - centre >= threshold
    return above or (high is not None and centre - high >= threshold)


def _finite(band: Callable[[float], Band], value: float) -> Band:
    try:
        low, high = band(value)
    except (OverflowError, Unmeasurable):
        return NO_BAND
    if any(side is not None and not math.isfinite(side) for side in (low, high)):
        return NO_BAND
    return low, high
