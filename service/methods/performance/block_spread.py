"""How far a metric of some days lies from that of the reference where nothing has changed.

Rows of one day go together, so a window of n_b rows on each of its days has, with N rows in all,

    variance = sum over days of (n_b / N)**2 (between + within / n_b),

`between` the variance of the days' own levels and `within` that of a row around its day's. Both come from the
reference: what leaving out a day changes (the jackknife with unequal blocks of F. M. T. A. Busing, E. Meijer
and R. van der Leeden, "Delete-m jackknife for unequal m", 1999) gives the spread of days, the metric's own
band over independent rows that of rows, and their weighted sum of squares takes them apart, as an analysis of
variance does. The reference's own figure has an error of the same form, which counts as well. Neighbouring
days that go together make both larger, by the reference's first autocorrelation as of AR(1) days.

All of it is on a scale on which the metric's error is near to symmetric: the logarithm of what is never
negative, the logit of a share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from service.core.measurement import TWO_SIDED_95
from service.methods.performance.metric import NOT_NEGATIVE, SHARE
from service.methods.stats.confidence_bands import student

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.methods.performance.metric import AnyMetric, MetricValue

SMALLEST = 1e-12  # of a figure on a logarithm, as a share of the reference's
MIN_FREEDOM = 4
MAX_CORRELATION = 0.9


class Block(NamedTuple):
    """What a block says of a metric: its rows, and the metric's value without it."""

    rows: int
    without: float


class Stretch(NamedTuple):
    """A stretch as long as a window: its rows, and the metric's value there."""

    rows: int
    value: float


@dataclass(frozen=True, slots=True)
class Spread:
    """A metric of the reference and the variance of its blocks, on the metric's scale.

    Attributes:
        metric: The metric.
        value: The reference's own figure.
        rows: The labelled rows of the reference.
        between: The variance of the blocks' own levels.
        within: The variance of one row around its block's.
        reference: The variance of the reference's own figure.
        correlation: The first autocorrelation of the blocks, 0 or more.
        freedom: The degrees of freedom of these variances.
        stretch: The variance of the levels of stretches as long as a window; None where it has whole days.

    """

    metric: AnyMetric
    value: float
    rows: int
    between: float
    within: float
    reference: float
    correlation: float
    freedom: float
    stretch: float | None = None

    def variance(self, window: Sequence[int]) -> float:
        """Return the variance of a window of so many rows per block, without the reference's own."""
        rows = sum(window)
        if not rows:
            return math.inf
        if self.stretch is not None:
            return self.stretch + self.within / rows
        weights = [each / rows for each in window]
        squares = sum(weight**2 for weight in weights)
        return self.between * squares * _inflation(self.correlation, 1.0 / squares) + self.within / rows

    def widening(self, window: Sequence[int]) -> float:
        """Return how many times as long a band over independent rows has to be, as days differ."""
        alone = (self.between + self.within) / max(sum(window), 1)
        return max(math.sqrt(self.variance(window) / alone), 1.0) if alone > 0.0 else 1.0

    def limits(self, window: Sequence[int], rate: float) -> tuple[float, float]:
        """Return the values below and above which a window lies by chance in a share `rate` of cases each."""
        point = NormalDist().inv_cdf(1.0 - rate)
        half = student(self.freedom, point) * math.sqrt(self.variance(window) + self.reference)
        return self._moved(-half), self._moved(half)

    def own_bounds(self, rate: float = 0.05) -> tuple[float, float]:
        """Return the one-sided bounds of the reference's own figure, either of them wrong at `rate`."""
        half = student(self.freedom, NormalDist().inv_cdf(1.0 - rate)) * math.sqrt(self.reference)
        return self._moved(-half), self._moved(half)

    def _moved(self, by: float) -> float:
        low, high = self.metric.within
        moved = _unscaled(self.metric, _scaled(self.metric, self.value, self.rows) + by)
        return min(max(moved, low), high)


def spread_of(
    metric: AnyMetric, whole: MetricValue, rows: int, blocks: Sequence[Block], stretches: Sequence[Stretch]
) -> Spread | str:
    """Return a metric's spread, or the reason why there is none; `blocks` are in the order of time."""
    if whole.value is None:
        return f"the reference has no value: {whole.reason}"
    error = _row_variance(metric, whole)
    if error is None:
        return "the reference's own figure has no 95 % band to tell rows from days by"
    scaled = _scaled(metric, whole.value, rows)
    weights = [block.rows / rows for block in blocks]
    pulls = [
        (1.0 / weight - 1.0) * (scaled - _scaled(metric, block.without, rows - block.rows))
        for weight, block in zip(weights, blocks, strict=True)
    ]
    squares = sum(weight**2 for weight in weights)
    pulled = sum(weight * pull**2 for weight, pull in zip(weights, pulls, strict=True))
    within = error * rows
    between = max((pulled - (len(blocks) - 1) * error) / (1.0 - squares), 0.0)
    within = max(within - between, 0.0)
    correlation = _correlation(pulls)
    effective = 1.0 / squares
    freedom = (effective - 1.0) * (1.0 - correlation**2) / (1.0 + correlation**2)
    own = between * squares * _inflation(correlation, effective) + within / rows
    return Spread(
        metric,
        whole.value,
        rows,
        between,
        within,
        own,
        correlation,
        max(freedom, MIN_FREEDOM),
        _of_stretches(metric, scaled, within, stretches),
    )


def _of_stretches(
    metric: AnyMetric, scaled: float, within: float, stretches: Sequence[Stretch]
) -> float | None:
    if not stretches:
        return None
    apart = [(_scaled(metric, each.value, each.rows) - scaled) ** 2 for each in stretches]
    rows = sum(each.rows for each in stretches)
    mean = sum(each.rows * square for each, square in zip(stretches, apart, strict=True)) / rows
    return max(mean - within * len(stretches) / rows, 0.0)


def _correlation(pulls: Sequence[float]) -> float:
    # Too small by about (1 + 3 rho) / B as it is found; taken rather too large than too small, by three
    # quarters of its standard error, as days that go together more than was thought are false alarms.
    count = len(pulls)
    mean = sum(pulls) / count
    apart = [pull - mean for pull in pulls]
    total = sum(each**2 for each in apart)
    if total <= 0.0:
        return 0.0
    found = sum(one * other for one, other in pairwise(apart)) / total
    likely = (found * count + 1.0) / (count - 3.0) + 0.75 / math.sqrt(count)
    return min(max(likely, 0.0), MAX_CORRELATION)


def _inflation(correlation: float, blocks: float) -> float:
    # How much larger than of independent blocks the variance of a mean of so many AR(1) blocks is.
    whole = max(round(blocks), 1)
    steps = range(1, min(whole, 60))
    return 1.0 + 2.0 * sum((1.0 - step / whole) * correlation**step for step in steps)


def _row_variance(metric: AnyMetric, whole: MetricValue) -> float | None:
    # The variance of the reference's figure if all its rows were independent.
    if whole.band is None or whole.value is None:
        return None
    low, high = whole.band()
    if low is None or high is None:
        return None
    ends = [_scaled(metric, end, whole.rows) for end in (low, high)]
    return ((ends[1] - ends[0]) / (2.0 * student(max(whole.rows - 1, 1), TWO_SIDED_95))) ** 2


def _scaled(metric: AnyMetric, value: float, rows: int) -> float:
    if metric.within == SHARE:
        edge = 0.5 / max(rows, 1)
        inside = min(max(value, edge), 1.0 - edge)
        return math.log(inside / (1.0 - inside))
    if metric.within == NOT_NEGATIVE:
        return math.log(max(value, SMALLEST))
    return value


def _unscaled(metric: AnyMetric, scaled: float) -> float:
    if metric.within == SHARE:
        return 1.0 / (1.0 + math.exp(-min(max(scaled, -700.0), 700.0)))
    if metric.within == NOT_NEGATIVE:
        return math.exp(min(scaled, 700.0))
    return scaled
