"""Tests of whether categories come as often as before, on two rows of counts, one cell per category."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats import p_values
from service.methods.stats.binning import value_cells
from service.methods.stats.robust import pooled
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.methods.stats.alignment import Counts

    Doubles = NDArray[np.float64]

SIZE_TOLERANCE = math.sqrt(np.finfo(np.float64).eps)  # SciPy's, relative, of the two totals
DRAWS = 1_999
SEED = 20_130_101
STANDARD_ERRORS = 3.0
MAX_ROWS = 10**9  # NumPy draws from fewer rows than that


def g_test(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the G-test with the reference's counts, unscaled, as the expectation.

    A category that the reference never had makes the p-value 0. Raises Unmeasurable where the sides differ in
    size, for which Evidently's test is not made, and where both hold one category.
    """
    both = value_cells(reference, current)
    sizes = reference.finite, current.finite
    if abs(sizes[0] - sizes[1]) / min(sizes) > SIZE_TOLERANCE:
        raise Unmeasurable(_sizes_differ("the G-test", *sizes, "g_test:robust"))
    if len(both.reference) == 1:
        raise Unmeasurable("both sides hold the same single value; the G-test needs two categories or more")
    if both.current[both.reference == 0].any():
        return 0.0
    return p_values.chi_square(
        likelihood_ratio(both.current, both.reference.astype(np.float64)), len(both.current) - 1
    )


def g_homogeneity(reference: Distribution, current: Distribution) -> float:
    """Return the p-value of the two-sample G-test of homogeneity, for sides of any sizes.

    Expectations come from both sides together, so a category that the reference happens not to hold is no
    impossible one; rare categories are pooled as by `robust.pooled`. Both sides one and the same category: 1.
    Raises Unmeasurable where pooling leaves one of several categories.
    """
    table = _table(reference, current)
    if table.shape[1] == 1:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return p_values.chi_square(likelihood_ratio(table, expected), table.shape[1] - 1)


def fisher_exact(reference: Distribution, current: Distribution) -> float:
    """Return the two-sided p-value of Fisher's exact test on the 2x2 table of two categories.

    Raises Unmeasurable where the sides differ in size, as Evidently does, and where both hold more than two
    categories together: for three or four of them Evidently's table depends on the order of a set.
    """
    both = value_cells(reference, current)
    if reference.finite != current.finite:
        raise Unmeasurable(_sizes_differ("Fisher's exact test", reference.finite, current.finite, "z:robust"))
    if len(both.reference) > 2:  # noqa: PLR2004 - two by two
        raise Unmeasurable(f"Fisher's exact test compares two categories; there are {len(both.reference)}")
    if len(both.reference) == 1:
        return 1.0
    from scipy.stats import fisher_exact as of_table  # noqa: PLC0415 - a service starts without SciPy

    return float(of_table(np.array((both.current, both.reference)), method=None).pvalue)


def total_variation(reference: Distribution, current: Distribution) -> float:
    """Return the permutation p-value of the total variation distance, half the sum of |r - c| over shares.

    The null: the window's rows are drawn from all rows without replacement, which for counts is the
    multivariate hypergeometric law; 1,999 seeded draws, so that the same counts give the same number in any
    row order. The observed table counts as one draw, and ties, compared in whole numbers, count as extreme.
    Rare categories are pooled as by `robust.pooled`. Both sides one and the same category: 1. Raises
    Unmeasurable where pooling leaves one of several categories.

    Evidently's own number shuffles rows: it depends on their order and, for labels, on the interpreter's hash
    seed, by which it adds up shares and so rounds ties apart. There is no such number of counts.
    """
    table = _table(reference, current)
    if table.shape[1] == 1:
        return 1.0
    cells, rows = table.sum(axis=0), int(table.sum())
    if rows >= MAX_ROWS:
        raise Unmeasurable(f"the permutation test draws from fewer than {MAX_ROWS:,} rows")
    side = table[int(table.sum(axis=1).argmin())]
    size = int(side.sum())
    draws = np.random.default_rng(SEED).multivariate_hypergeometric(cells, size, DRAWS)
    least = int(np.abs(rows * side - size * cells).sum())
    extreme = int((np.abs(rows * draws - size * cells).sum(axis=1) >= least).sum())
    return (extreme + 1) / (DRAWS + 1)


def draws_error(value: float, *, draws: int = DRAWS) -> float:
    """Return three standard errors of a p-value from so many draws."""
    return STANDARD_ERRORS * math.sqrt(value * (1.0 - value) / draws)


def _table(reference: Distribution, current: Distribution) -> NDArray[np.int64]:
    both = value_cells(reference, current)
    if len(both.reference) == 1:
        return np.array(both)
    table = pooled(both)
    if table.shape[1] == 1:
        raise Unmeasurable("fewer than two categories can be expected five times; take a longer window")
    return table


def likelihood_ratio(observed: Counts | Doubles, expected: Doubles) -> float:
    """Return the G statistic of observed rows against expected ones."""
    held = observed > 0
    return 2.0 * float((observed[held] * np.log(observed[held] / expected[held])).sum())


def _sizes_differ(test: str, reference: int, current: int, instead: str) -> str:
    return (
        f"Evidently's form of {test} needs as many rows in the window ({current:,}) as in the reference "
        f"({reference:,}); {instead} does not"
    )
