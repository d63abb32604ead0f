"""Health of the watched model's service: traffic, latency and errors.

`traffic` is rows per second of event time: over the window where it is a window of time, else over its rows'
own span, as for the reference. A latency quantile is the smallest latency that at least that share of the
rows does not exceed. `error_share` is the share of rows with a number other than 0 in the error column; a row
without a number there does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import row_counts
from service.core.profile.distribution import MANTISSA_BITS, quantile
from service.core.profile.part import NOT_KEPT
from service.core.time_units import SECOND
from service.methods.stats.alignment import numbers
from service.methods.stats.shares import NO_ROWS, Share, measured_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile

QUANTILES = {"latency_p50": 0.5, "latency_p95": 0.95, "latency_p99": 0.99}
NO_SPAN = "the window's rows have one event time: they span no seconds"
NO_LATENCY = "no latency in the window"
NO_ERROR_MARK = "no row in the window says whether it was an error"


@dataclass(frozen=True, slots=True)
class TrafficPlan:
    """What to measure of the watched model's service.

    latency: the column of latencies in milliseconds, None where the rows have none.
    error: the column of errors (0 is none), None where the rows have none.
    window_seconds: the length of a window in event time, None for windows of rows.
    """

    latency: str | None = None
    error: str | None = None
    window_seconds: float | None = None


def measure_traffic(
    reference: Profile, current: Profile, plan: TrafficPlan | None
) -> tuple[Measurement, ...]:
    """Measure a window's traffic, latency and errors, with the reference's own; nothing without a plan."""
    if plan is None:
        return ()
    measured = [_traffic(reference, current, plan.window_seconds)]
    if plan.latency is not None:
        sides = (side.columns[plan.latency].distribution for side in (reference, current))
        measured += _latency(*sides)
    if plan.error is not None:
        before, now = (_errors(side.columns[plan.error].distribution) for side in (reference, current))
        series = Series(Aspect.HEALTH, "error_share", unit="share")
        measured.append(measured_share(series, before, now, empty=NO_ERROR_MARK))
    return tuple(measured)


def _traffic(reference: Profile, current: Profile, window_seconds: float | None) -> Measurement:
    series = Series(Aspect.HEALTH, "traffic", unit="rows a second", worse=Worse.BOTH)
    before, seconds = _span_seconds(reference), window_seconds or _span_seconds(current)
    baseline = reference.rows / before if before else None
    if not seconds:
        reason = NO_SPAN if current.rows else NO_ROWS
        if seconds is None:
            reason = NOT_KEPT
        return Measurement(series, None, current.rows, reason, reference=baseline)
    return Measurement(series, current.rows / seconds, current.rows, reference=baseline)


def _span_seconds(profile: Profile) -> float | None:
    counts = profile.get(row_counts.PART)
    if counts is None:
        return None
    first, last = counts.first, counts.last
    return 0.0 if first is None or last is None else (last - first) / SECOND


def _latency(reference: Distribution, current: Distribution) -> Iterator[Measurement]:
    for metric, share in QUANTILES.items():
        series = Series(Aspect.HEALTH, metric, unit="ms")
        baseline = quantile(reference, share) if reference.distinct else None
        if not current.distinct:
            yield Measurement(series, None, current.finite, NO_LATENCY, reference=baseline)
            continue
        value = quantile(current, share)
        # Compression moves each value by less than this, and keeps their order.
        bound = math.ldexp(abs(value), current.dropped_bits - MANTISSA_BITS) if current.dropped_bits else None
        yield Measurement(series, value, current.finite, reference=baseline, error_bound=bound)


def _errors(marks: Distribution) -> Share:
    found = int(marks.counts[numbers(marks) != 0.0].sum()) + marks.infinite
    return Share(found, marks.finite + marks.infinite)
