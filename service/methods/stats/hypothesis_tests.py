"""Evidently's tests of ECDFs and of shares, equal to its p-values to 1e-9."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats import p_values
from service.methods.stats.alignment import alike, ecdf_gap, numbers
from service.methods.stats.binning import value_cells
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution


def ks(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the two-sided two-sample Kolmogorov-Smirnov test (`p_values.py`)."""
    return p_values.kolmogorov_smirnov(reference.finite, current.finite, largest_gap(reference, current))


def largest_gap(reference: Distribution, current: Distribution) -> int:
    """Return the largest distance of the ECDFs, in units of 1 / (reference rows * current rows)."""
    reference, current = alike(reference, current)
    both = ecdf_gap(numbers(reference), reference.counts, numbers(current), current.counts)
    last = np.flatnonzero(both.values[1:] != both.values[:-1])  # of equal values the last has the whole step
    return int(np.abs(both.gap[last]).max(initial=0))


def chisquare(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the one-sample chi-square test with the reference's shares as the expectation.

    A category that the reference never had is expected zero times: one row of it makes the p-value 0, as
    Evidently has it. Raises Unmeasurable where both sides hold one category.
    """
    both = value_cells(reference, current)
    if len(both.reference) == 1:
        raise Unmeasurable("both sides hold the same single value; chi-square needs two categories or more")
    if not both.reference.all():
        return 0.0
    expected = both.reference * (current.finite / reference.finite)
    statistic = ((both.current - expected) ** 2 / expected).sum()
    return p_values.chi_square(float(statistic), len(expected) - 1)


def z(reference: Distribution, current: Distribution) -> float:
    """Return the two-sided p-value of the pooled z-test on the share of rows other than the first value.

    The first in the values' own order, of both sides together; both constant and alike: 1.
    """
    both = value_cells(reference, current)
    if len(both.reference) == 1:
        return 1.0
    return two_proportions(
        reference.finite - int(both.reference[0]),
        reference.finite,
        current.finite - int(both.current[0]),
        current.finite,
    )


def two_proportions(first: float, first_rows: float, second: float, second_rows: float) -> float:
    """Return the two-sided p-value of the pooled z-test of two shares.

    Neither none nor all of the rows together may count.
    """
    pooled = (first + second) / (first_rows + second_rows)
    variance = pooled * (1.0 - pooled) * (1.0 / first_rows + 1.0 / second_rows)
    return p_values.normal_two_sided((first / first_rows - second / second_rows) / math.sqrt(variance))
