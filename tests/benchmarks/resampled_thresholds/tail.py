"""The far tail of a null distribution, beyond its draws: of one test, and of many together.

A tail is empirical up to its 90 % quantile and a generalised Pareto distribution above it (J. Pickands,
1975), fitted by probability-weighted moments (J. R. M. Hosking and J. F. Wallis, 1987), its shape kept within
[-0.5, 0.5], where they found these estimates good: so a rate of one in 100 over 40 tests needs thousands of
draws and not hundreds of thousands. All tests share one marginal rate, by the single-step min-p procedure of
P. H. Westfall and S. S. Young (1993).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TAIL_SHARE = 0.1
LARGEST_SHAPE = 0.5
SMALLEST_SHAPE = 1e-9  # nearer to zero the tail is exponential
SMALLEST_P = 1e-12
ROUNDING = 1e-9  # two ways to compute one number agree to this
SHRINK, MAX_SHRINKS = 0.8, 60


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """A null distribution: its `ordered` scores, rising, and a Pareto fit of the `share` beyond `start`."""

    ordered: Floats
    start: float
    share: float
    scale: float
    shape: float

    def p_values(self, scores: Floats) -> Floats:
        """Return P(score >= s) under the null for each of `scores`; NaN counts as no alarm, 1."""
        below = np.searchsorted(self.ordered, scores, side="left")
        p = 1.0 - below / len(self.ordered)
        beyond = scores > self.start
        excess = (scores[beyond] - self.start) / self.scale
        if abs(self.shape) < SMALLEST_SHAPE:
            left = np.exp(-excess)
        else:
            left = np.maximum(1.0 + self.shape * excess, 0.0) ** (-1.0 / self.shape)
        p[beyond] = np.maximum(self.share * left, SMALLEST_P)
        p[np.isnan(scores)] = 1.0
        return np.asarray(p)

    def mark(self, p: float) -> float:
        """Return the score that is exceeded with probability `p` (0 to 1, exclusive) under the null."""
        if p >= self.share:
            place = math.ceil((1.0 - p) * len(self.ordered)) - 1
            return float(self.ordered[min(max(place, 0), len(self.ordered) - 1)])
        ratio = math.log(self.share / p)
        if abs(self.shape) < SMALLEST_SHAPE:
            return self.start + self.scale * ratio
        return self.start + self.scale * math.expm1(self.shape * ratio) / self.shape


def fit(scores: Floats) -> Tail | None:
    """Fit a null distribution to drawn scores (float64, shape (draws,)); None where they do not scatter.

    NaN is a draw without a number: it never alarms, and counts as a draw.
    """
    drawn = np.sort(np.where(np.isnan(scores), -np.inf, scores))
    largest = drawn[-1]
    if not math.isfinite(largest) or drawn[0] + ROUNDING * max(abs(largest), 1.0) >= largest:
        return None
    start = drawn[math.ceil((1.0 - TAIL_SHARE) * len(drawn)) - 1]
    if start >= largest or not math.isfinite(start):  # a heavy value at the end, or few numbers at all
        start = drawn[int(np.searchsorted(drawn, largest, side="left")) - 1]
    if not math.isfinite(start):
        return None
    excess = drawn[np.searchsorted(drawn, start, side="right") :] - start
    scale, shape = _pareto(excess)
    return Tail(drawn, float(start), len(excess) / len(drawn), scale, shape)


def marginal_rate(p_values: Floats, rate: float) -> float:
    """Return the rate of each test at which `rate` of the draws have at least one test beyond it.

    `p_values` are the tests' marginal ones, float64, shape (draws, tests), at least one test.
    """
    depth = -np.log(p_values.min(axis=1))
    tail = fit(depth)
    return rate if tail is None else math.exp(-max(tail.mark(rate), 0.0))


def marks(scores: Floats, rate: float) -> list[float | None]:
    """Return the score of each test beyond which a window alarms; None for a test that does not scatter.

    `scores` is float64, shape (draws, tests). The share of draws with at least one score beyond its mark is
    `rate`, or less where scores are too coarse; at most two standard errors of the draws more.
    """
    tails = [fit(column) for column in scores.T]
    usable = [(index, tail) for index, tail in enumerate(tails) if tail is not None]
    if not usable:
        return [None] * len(tails)
    p_values = np.column_stack([tail.p_values(scores[:, index]) for index, tail in usable])
    each = marginal_rate(p_values, rate)
    most = rate + 2.0 * math.sqrt(rate * (1.0 - rate) / len(scores))
    for _ in range(MAX_SHRINKS):
        found = [_beyond_rounding(tail, each) for _, tail in usable]
        if alarmed(scores[:, [index for index, _ in usable]], found) <= most:
            break
        each *= SHRINK
    else:
        found = [float(tail.ordered[-1]) * (1.0 + ROUNDING) for _, tail in usable]
    by_index = dict(zip((index for index, _ in usable), found, strict=True))
    return [by_index.get(index) for index in range(len(tails))]


def alarmed(scores: Floats, beyond: Sequence[float]) -> float:
    """Return the share of draws (rows) with at least one score beyond its test's mark."""
    with np.errstate(invalid="ignore"):
        return float((scores > np.asarray(beyond)).any(axis=1).mean())


def _beyond_rounding(tail: Tail, p: float) -> float:
    mark = tail.mark(p)
    return mark + ROUNDING * max(abs(mark), ROUNDING)


def _pareto(excess: Floats) -> tuple[float, float]:
    # Their formulas with k = -shape: a0 the mean, a1 the mean of (1 - F) y.
    count = len(excess)
    mean = float(excess.mean())
    weights = 1.0 - (np.arange(1, count + 1) - 0.35) / count
    weighted = float((weights * excess).mean())
    apart = mean - 2.0 * weighted
    shape = 2.0 - mean / apart if apart > 0.0 else -LARGEST_SHAPE
    shape = min(max(shape, -LARGEST_SHAPE), LARGEST_SHAPE)
    return mean * (1.0 - shape), shape  # the fitted mean stays the mean
