"""A metric's value as a measurement, judged by its threshold.

A written threshold is breached where the whole band lies beyond it: the metric's 95 % band, made as long as
the rate of false alarms asks for. Where the value alone is beyond it the measurement's reason says so, and
where a threshold cannot be judged the reason says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import NormalDist
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.methods.stats.confidence_bands import student
from service.methods.stats.p_values import student_tail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.methods.performance.metric import AnyMetric, MetricValue
    from service.methods.stats.confidence_bands import Band

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})
FALSE_ALARM_RATE = 0.01


class Comparison(NamedTuple):
    """A metric's value of a window, with the reference's own (None where it has none).

    `segment` is empty for all rows.
    """

    metric: AnyMetric
    segment: str
    current: MetricValue
    reference: float | None


@dataclass(frozen=True, slots=True)
class Judging:
    """How sure a breach has to be.

    rate: the share of windows that may breach where the truth lies exactly at the threshold.
    verdicts: over how many verdicts of a window together (Bonferroni's correction).
    widening: how many times as long the band of a metric over all rows has to be, since its days differ.
    """

    rate: float = FALSE_ALARM_RATE
    verdicts: int = 1
    widening: Mapping[str, float] = field(default_factory=dict)

    def at_least(self, verdicts: int) -> Judging:
        """Return it for so many verdicts where they are more: several classes share one threshold."""
        return replace(self, verdicts=max(self.verdicts, verdicts))

    def band_multiplier(self, rows: int) -> float:
        """Return how many times as long a 95 % band of a value over so many rows has to be.

        By Student's t of `rows` rows: few rows say little of how long the tails are.
        """
        freedom = max(rows - 1, 1)
        point = NormalDist().inv_cdf(1.0 - self.rate / max(self.verdicts, 1))
        return student(freedom, point) / student(freedom)


def judged(
    comparison: Comparison,
    threshold: float | None,
    withheld: str | None,
    judging: Judging,
    *,
    discovery: float | None = None,
) -> Measurement:
    """Return a comparison as a measurement.

    Breached where its band, as long as `judging` asks for, lies at the `threshold` and beyond, on the side
    where the metric gets worse; one that is worse both ways is measured from 0, or from the reference. What
    has no band is judged by its value. One of many verdicts that are judged together has the smallest
    false-discovery rate at which it is a `discovery`. With `withheld` there is no value but that reason.
    """
    metric, segment, current, reference = comparison
    value, reason = (None, withheld) if withheld else (current.value, current.reason)
    low = high = breached = None
    if value is not None and current.band is not None:
        low, high = current.band()
    if threshold is not None:
        breached, remark = _verdict(comparison, value, (low, high), threshold, judging, discovery=discovery)
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
    comparison: Comparison,
    value: float | None,
    band: Band,
    threshold: float,
    judging: Judging,
    *,
    discovery: float | None,
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
    by_value = is_beyond(metric.worse, (value, value), threshold, centre)
    if current.band is None or not by_value:
        return by_value, None
    if discovery is not None:
        return _among_many(threshold, judging, discovery)
    widening = 1.0 if comparison.segment else judging.widening.get(metric.name, 1.0)
    times = judging.band_multiplier(current.rows) * widening
    ends = _moved(value, band[0], times), _moved(value, band[1], times)
    if is_beyond(metric.worse, ends, threshold, centre):
        return True, None
    return False, (
        f"no breach: chance may explain a value beyond the threshold of {threshold:g}, as the 95 % band, "
        f"made {times:.3g} times as long for {_asked(judging, widening)}, reaches back across it"
    )


def _among_many(threshold: float, judging: Judging, discovery: float) -> tuple[bool, str]:
    among = f"q = {discovery:.2g} among {judging.verdicts} verdicts"
    if discovery <= judging.rate:
        return True, among
    return False, (
        f"no breach: chance may explain a value beyond the threshold of {threshold:g} ({among}, above the "
        f"{100 * judging.rate:g} % asked for)"
    )


def chance_of(comparison: Comparison, threshold: float) -> float | None:
    """Return the chance of a value as far beyond a threshold where the truth lies exactly there.

    By Student's t of the value's rows, from the metric's own band; 1 where the value is not beyond, None
    where there is no value, no band or nothing to compare with.
    """
    metric, _, current, reference = comparison
    if current.value is None or current.band is None or (metric.from_reference and reference is None):
        return None
    centre = reference if metric.from_reference and reference is not None else 0.0
    value = current.value
    if not is_beyond(metric.worse, (value, value), threshold, centre):
        return 1.0
    low, high = current.band()
    is_high = metric.worse is Worse.HIGHER or (metric.worse is Worse.BOTH and value >= centre)
    end = low if is_high else high
    if end is None:
        return 1.0
    edge = threshold if metric.worse is not Worse.BOTH else centre + (threshold if is_high else -threshold)
    freedom = max(current.rows - 1, 1)
    if end == value:
        return 1.0 if value == edge else 0.0
    return student_tail(freedom, student(freedom) * abs((value - edge) / (end - value)))


def _asked(judging: Judging, widening: float) -> str:
    among = "" if judging.verdicts <= 1 else f" over {judging.verdicts} verdicts"
    days = " and for days that differ" if widening > 1.0 else ""
    return f"a false-alarm rate of {100 * judging.rate:g} %{among}{days}"


def _moved(value: float, end: float | None, times: float) -> float | None:
    return None if end is None else value + times * (end - value)


def is_beyond(worse: Worse, ends: Band, threshold: float, centre: float) -> bool:
    """Whether a band (or a value, as both ends) lies wholly at the threshold and beyond; `centre` as above.

    An open end says that nothing is known that way, so nothing is breached.
    """
    low, high = ends
    if worse is Worse.LOWER:
        return high is not None and high <= threshold
    if worse is Worse.HIGHER:
        return low is not None and low >= threshold
    above = low is not None and low - centre >= threshold
    return above or (high is not None and centre - high >= threshold)
