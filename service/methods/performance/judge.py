"""A metric's value as a measurement, judged by its threshold.

The whole is judged by its value, a segment by its widened band (`segments.py`). Where the two disagree the
measurement's reason says so, and where a threshold cannot be judged the reason says why.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from service.core.measurement import Aspect, Measurement, Series, Worse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.methods.performance.metric import AnyMetric, MetricValue
    from service.methods.stats.confidence_bands import Band

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})


class Comparison(NamedTuple):
    """A metric's value of a window, with the reference's own (None where it has none).

    `segment` is empty for all rows.
    """

    metric: AnyMetric
    segment: str
    current: MetricValue
    reference: float | None


def judged(
    comparison: Comparison,
    threshold: float | None,
    withheld: str | None,
    *,
    band_multiplier: float | None = None,
) -> Measurement:
    """Return a comparison as a measurement.

    Breached at the `threshold` and beyond, on the side where the metric gets worse; one that is worse both
    ways is measured from 0, or from the reference. With a `band_multiplier` the band has to lie there too,
    so many times as long. With `withheld` there is no value but that reason.
    """
    metric, segment, current, reference = comparison
    value, reason = (None, withheld) if withheld else (current.value, current.reason)
    low = high = breached = None
    if value is not None and current.band is not None:
        low, high = current.band()
    if threshold is not None:
        breached, remark = _verdict(comparison, value, (low, high), threshold, band_multiplier)
        reason = "; ".join(part for part in (reason, remark) if part) or None
    return Measurement(
        Series(
            Aspect.PERFORMANCE,
            metric.name,
            segment=segment,
            unit=metric.unit,
            worse=metric.worse,
            headline=None if segment else metric.headline,
        ),
        value,
        current.rows,
        reason,
        threshold,
        breached,
        reference,
        None if value is None else current.error_bound,
        low,
        high,
    )


def _verdict(
    comparison: Comparison, value: float | None, band: Band, threshold: float, band_multiplier: float | None
) -> tuple[bool | None, str | None]:
    # Whether the threshold is breached, and what a reader has to know of that verdict or its absence.
    metric, _, current, reference = comparison
    if value is None:
        return None, f"its threshold of {threshold:g} is not judged"
    if metric.from_reference and reference is None:
        return (
            None,
            f"its threshold of {threshold:g} is not judged: the reference has no value to compare with",
        )
    centre = reference if metric.from_reference and reference is not None else 0.0
    by_value = _is_breached(metric.worse, (value, value), threshold, centre)
    if current.band is None or not by_value:
        return by_value, None
    times = 1.0 if band_multiplier is None else band_multiplier
    ends = _moved(value, band[0], times), _moved(value, band[1], times)
    if _is_breached(metric.worse, ends, threshold, centre):
        return True, None
    across = f"reaches back across the threshold of {threshold:g}"
    if band_multiplier is None:
        return True, f"chance may explain the breach: the 95 % band {across}"
    return False, f"no breach: the 95 % band, made {times:.3g} times as long for its many verdicts, {across}"


def _moved(value: float, end: float | None, times: float) -> float | None:
    return None if end is None else value + times * (end - value)


def _is_breached(worse: Worse, ends: Band, threshold: float, centre: float) -> bool:
    # An open end says that nothing is known that way, so nothing is breached.
    low, high = ends
    if worse is Worse.LOWER:
        return high is not None and high <= threshold
    if worse is Worse.HIGHER:
        return low is not None and low >= threshold
    above = low is not None and low - centre >= threshold
    return above or (high is not None and centre - high >= threshold)
