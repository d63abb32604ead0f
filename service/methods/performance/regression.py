"""Metrics of a regression model, equal to scikit-learn on the raw rows to 1e-9.

Of an error e = prediction - target and a target y over n labelled rows:

- `mae`, `rmse`, `mean_error`: the mean of |e|, the root of the mean of e**2, the mean of e.
- `mape`: the mean of |e| / |y| over rows with |y| of 2.2e-16 or more. scikit-learn divides by 2.2e-16 in the
  other rows, and one of them drowns all the rest; they are left out and counted as `mape_left_out_rows`.
- `r2`: 1 - sum(e**2) / sum((y - mean y)**2); none where all targets are equal.
- `max_error`: the largest |e|. It has no band: no number of rows bounds the next row's error.
- `absolute_error_p50`, `_p90`, `_p99`: quantiles of |e|, between two rows by their distance, as numpy's and
  as scikit-learn's median.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.core.exact.sums import UNIT_BITS, to_float
from service.core.profile.distribution import MANTISSA_BITS
from service.methods.performance.metric import MetricValue, metric_value, why_unlabelled
from service.methods.stats.alignment import numbers
from service.methods.stats.confidence_bands import (
    NO_BAND,
    loss_band,
    mean_band,
    positive_band,
    ranks_of_quantile,
)
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.profile.distribution import Distribution
    from service.core.profile.outcome.regression import RegressionOutcome
    from service.methods.stats.confidence_bands import Band

# Beyond this ratio of the targets' mean to their spread, rounding in the fourth powers drowns r2's band.
MAX_MEAN_IN_SPREADS = 1_000.0


def labelled(outcome: RegressionOutcome) -> RegressionOutcome:
    """Return the outcome, the state that these metrics are computed from.

    Raises Unmeasurable without a labelled row.
    """
    if not outcome.labelled:
        raise Unmeasurable(why_unlabelled(outcome))
    return outcome


def mae(outcome: RegressionOutcome) -> MetricValue:
    """Return the mean absolute error; its band is a loss's."""
    rows, sums = outcome.labelled, outcome.sums
    return metric_value(
        rows,
        lambda: to_float(sums.absolute, rows),
        lambda _: loss_band(rows, sums.absolute, sums.squared),
    )


def rmse(outcome: RegressionOutcome) -> MetricValue:
    """Return the root mean squared error; its band by the delta method."""
    return metric_value(
        outcome.labelled,
        lambda: math.sqrt(to_float(outcome.sums.squared, outcome.labelled)),
        lambda value: _rmse_band(outcome, value),
    )


def mean_error(outcome: RegressionOutcome) -> MetricValue:
    """Return the mean error, above 0 where predictions are too high; its band by Student's t."""
    rows, sums = outcome.labelled, outcome.sums
    return metric_value(
        rows, lambda: to_float(sums.error, rows), lambda _: mean_band(rows, sums.error, sums.squared)
    )


def mape(outcome: RegressionOutcome) -> MetricValue:
    """Return the mean absolute error as a share of the target, over the targets that are not almost zero."""
    rows, sums = outcome.labelled - outcome.near_zero, outcome.sums

    def compute() -> float:
        if not rows:
            raise Unmeasurable("every target is zero")
        return to_float(sums.relative, rows)

    def band(_: float) -> Band:
        return NO_BAND if outcome.beyond else loss_band(rows, sums.relative, sums.relative_squared)

    return metric_value(rows, compute, band)


def mape_left_out_rows(outcome: RegressionOutcome) -> MetricValue:
    """Return how many rows `mape` leaves out."""
    return metric_value(outcome.labelled, lambda: float(outcome.near_zero))


def r2(outcome: RegressionOutcome) -> MetricValue:
    """Return the share of the targets' variance that the predictions explain."""
    return metric_value(outcome.labelled, lambda: _r2(outcome), lambda value: _r2_band(outcome, value))


def max_error(outcome: RegressionOutcome) -> MetricValue:
    """Return the largest absolute error."""
    return metric_value(outcome.labelled, lambda: outcome.largest)


def absolute_error_quantile(share: float) -> Callable[[RegressionOutcome], MetricValue]:
    """Return the metric that is this quantile (0.5 is the median) of the absolute errors."""
    return lambda outcome: _quantile(share, outcome.sizes)


def _r2(outcome: RegressionOutcome) -> float:
    if outcome.beyond:
        raise Unmeasurable(f"{outcome.beyond} targets or errors are too large for their squares to be summed")
    rows, sums = outcome.labelled, outcome.sums
    spread = (rows * sums.target_2 << UNIT_BITS) - sums.target**2  # exact: 0 where all targets are equal
    if spread <= 0:
        raise Unmeasurable("all targets are equal")
    return 1.0 - (rows * sums.squared << UNIT_BITS) / spread


def _fourth(outcome: RegressionOutcome) -> float:
    # The mean of e**4.
    sizes = outcome.sizes
    return float((numbers(sizes) ** 4 * sizes.counts).sum()) / outcome.labelled


def _rmse_band(outcome: RegressionOutcome, rmse: float) -> Band:
    # The delta method: the standard error of the mean of e**2, over 2 rmse.
    rows = outcome.labelled
    if outcome.beyond or rows <= 1:
        return NO_BAND
    variance = max(_fourth(outcome) - rmse**4, 0.0) / (rows - 1)
    return positive_band(rmse, math.sqrt(variance) / (2.0 * rmse) if rmse else 0.0, rows)


def _r2_band(outcome: RegressionOutcome, value: float) -> Band:
    # The delta method on the ratio G = mean e**2 / mean d**2, d = y - mean y, on its logarithm: per row
    # e**2 - G d**2, over the mean of d**2. Centred in integers, since raw moments cancel.
    rows, sums = outcome.labelled, outcome.sums
    if rows <= 1:
        return NO_BAND
    mean = sums.target // rows  # in units of 2**-1074
    one, two, three, four = sums.target, sums.target_2, sums.target_3, sums.target_4
    unit = UNIT_BITS
    d_2 = ((two << unit) - 2 * mean * one + rows * mean**2) / (rows << 2 * unit)
    if to_float(mean) ** 2 > MAX_MEAN_IN_SPREADS**2 * d_2:
        return NO_BAND
    d_4 = (
        (four << 3 * unit)
        - (4 * mean * three << 2 * unit)
        + (6 * mean**2 * two << unit)
        - 4 * mean**3 * one
        + rows * mean**4
    ) / (rows << 4 * unit)
    e_d = ((sums.weighted_2 << 2 * unit) - (2 * mean * sums.weighted << unit) + mean**2 * sums.squared) / (
        rows << 3 * unit
    )
    ratio = 1.0 - value
    variance = max(_fourth(outcome) - 2.0 * ratio * e_d + ratio**2 * d_4, 0.0) / d_2**2
    low, high = positive_band(ratio, math.sqrt(variance / (rows - 1)), rows)
    return (None if high is None else 1.0 - high), (None if low is None else 1.0 - low)


def _quantile(share: float, sizes: Distribution) -> MetricValue:
    values, upto = numbers(sizes), sizes.counts.cumsum()

    def at(rank: int) -> float:
        return float(values[upto.searchsorted(rank, side="left")])

    def compute() -> float:
        place = (sizes.finite - 1) * share
        below = math.floor(place)
        first, second = at(below + 1), at(min(below + 2, sizes.finite))
        return first + (second - first) * (place - below)

    def band(_: float) -> Band:
        low, high = ranks_of_quantile(sizes.finite, share)
        return (at(low) if low >= 1 else 0.0), (at(high) if high <= sizes.finite else None)

    def bound(value: float) -> float | None:
        return value * 2.0 ** (sizes.dropped_bits - MANTISSA_BITS) if sizes.dropped_bits else None

    return metric_value(sizes.finite, compute, band, bound=bound)
