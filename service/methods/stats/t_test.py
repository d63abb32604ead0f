"""Student's t-test of the means, with one variance for both sides or with one for each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from service.core.profile.distribution import MANTISSA_BITS
from service.methods.stats.alignment import numbers
from service.methods.stats.distance import standard_deviation
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution


class Moments(NamedTuple):
    """Rows, mean and variance (ddof 0) of one side."""

    rows: float
    mean: float
    variance: float


def t_test(reference: Distribution, current: Distribution) -> float:
    """Return the two-sided p-value of Student's t-test with one variance (`scipy.stats.ttest_ind`).

    Raises Unmeasurable for one row on each side, and for two equal constants, where Evidently has NaN (or
    what rounding makes of a mean).
    """
    left, right = moments(reference), moments(current)
    freedom = left.rows + right.rows - 2
    if not freedom:
        raise Unmeasurable("the t-test needs more than one row on one side at least")
    pooled = (left.rows * left.variance + right.rows * right.variance) / freedom
    spread = math.sqrt(pooled * (1.0 / left.rows + 1.0 / right.rows))
    if spread == 0.0 and left.mean == right.mean:
        raise Unmeasurable("both sides hold the same single value; the t-test divides by their spread")
    return _two_sided(left.mean - right.mean, spread, freedom)


def welch(reference: Distribution, current: Distribution) -> float:
    """Return the two-sided p-value of Welch's t-test: each side has a variance of its own.

    So a short window that scatters more than a long reference is no false alarm, and one that scatters less
    is not overlooked. Two equal constants: 1. Raises Unmeasurable for a side of one row.

    B. L. Welch, "The generalization of Student's problem when several different population variances are
    involved" (1947).
    """
    left, right = moments(reference), moments(current)
    if min(left.rows, right.rows) == 1:
        raise Unmeasurable("Welch's t-test needs two rows or more on each side")
    return welch_of(left, right)


def welch_of(left: Moments, right: Moments) -> float:
    """Return the p-value of two sides of more than one row each, which need not be whole numbers."""
    errors = [side.variance / (side.rows - 1) for side in (left, right)]  # of the means, squared
    apart, spread = left.mean - right.mean, math.sqrt(sum(errors))
    if spread == 0.0:
        return _two_sided(apart, spread, 1.0)
    # In shares of the sum: the squares of small errors would run into zero.
    shares = [error / sum(errors) for error in errors]
    freedom = 1.0 / (shares[0] ** 2 / (left.rows - 1) + shares[1] ** 2 / (right.rows - 1))
    return _two_sided(apart, spread, freedom)


def t_test_bound(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the p-value of `t_test` on compressed values, by how far means and deviations may have moved."""
    freedom = reference.finite + current.finite - 2
    parts = [
        math.sqrt(part.finite / freedom * (1.0 / reference.finite + 1.0 / current.finite))
        for part in (reference, current)
    ]
    return _farthest((reference, current), parts, (freedom, freedom), value)


def welch_bound(reference: Distribution, current: Distribution, value: float) -> float:
    """Bound the p-value of `welch` likewise, over all degrees of freedom that it can have."""
    sides = (reference, current)
    parts = [math.sqrt(1.0 / (part.finite - 1)) for part in sides]
    freedom = min(reference.finite, current.finite) - 1, reference.finite + current.finite - 2
    return _farthest(sides, parts, freedom, value)


def moments(part: Distribution) -> Moments:
    """Return what the tests need of one side.

    Raises Unmeasurable for labels, and where a moment is larger or smaller than a number can hold.
    """
    values = numbers(part)
    if part.distinct == 1:
        return Moments(part.finite, float(values[0]), 0.0)
    mean, variance = float(values @ part.counts) / part.finite, standard_deviation(part) ** 2
    if not math.isfinite(mean) or not math.isfinite(variance) or variance == 0.0:
        raise Unmeasurable("the mean or the variance is larger or smaller than a number can hold")
    return Moments(part.finite, mean, variance)


def _farthest(
    sides: tuple[Distribution, Distribution], parts: list[float], freedom: tuple[float, float], value: float
) -> float:
    # The spread is the length of the vector of both deviations times `parts`: it moves by no more than the
    # vector of what they moved by, each at most the root mean square of its values' displacements.
    of_sides = [moments(side) for side in sides]
    apart = abs(of_sides[0].mean - of_sides[1].mean)
    moved = sides[0].displacement + sides[1].displacement
    spread = math.hypot(*(part * math.sqrt(m.variance) for part, m in zip(parts, of_sides, strict=True)))
    slack = math.hypot(
        *(
            part * math.sqrt(m.variance + m.mean**2) * _relative(side)
            for part, m, side in zip(parts, of_sides, sides, strict=True)
        )
    )
    least = _two_sided(apart + moved, max(spread - slack, 0.0), freedom[1])
    most = _two_sided(max(apart - moved, 0.0), spread + slack, freedom[0])
    return max(value - least, most - value, 0.0)


def _relative(part: Distribution) -> float:
    # How far compression moved a value at the most, as a share of it; the kept value is the smaller one.
    return 2.0 ** (part.dropped_bits - MANTISSA_BITS) if part.dropped_bits else 0.0


def _two_sided(apart: float, spread: float, freedom: float) -> float:
    from scipy.special import stdtr  # noqa: PLC0415 - a service starts without SciPy

    if spread == 0.0:
        return 0.0 if apart else 1.0
    return 2.0 * float(stdtr(freedom, -abs(apart / spread)))
