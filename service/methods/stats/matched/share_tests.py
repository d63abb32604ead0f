"""Two-sample tests of categories against a season-matched reference of so many effective rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats import category_tests, p_values, robust
from service.methods.stats.hypothesis_tests import two_proportions
from service.methods.stats.matched.sides import ROUNDING, together
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.matched.sides import Doubles


def chisquare(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the two-sample chi-square test of homogeneity, rare categories pooled."""
    table = _table(reference, current)
    if table.shape[1] == 1:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return p_values.chi_square(float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1)


def g_test(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the two-sample G-test of homogeneity, rare categories pooled."""
    table = _table(reference, current)
    if table.shape[1] == 1:
        return 1.0
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return p_values.chi_square(category_tests.likelihood_ratio(table, expected), table.shape[1] - 1)


def z(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the pooled z-test on the share of the reference's most frequent category."""
    both = together(reference, current)
    if len(both.values) == 1:
        return 1.0
    largest = float(both.reference.max())
    most = int(np.flatnonzero(both.reference >= largest * (1.0 - ROUNDING))[0])
    return two_proportions(
        float(both.reference[most]), reference.finite, float(both.current[most]), current.finite
    )


def total_variation(reference: Weighted, current: Distribution) -> float:
    """Return the p-value of the total variation distance, half the sum of |r - c| over shares.

    There are no whole rows to permute: both sides are drawn, so many (effective) rows each, from the shares
    of both together; 1,999 seeded draws. The observed table counts as one of them.
    """
    table = _table(reference, current)
    if table.shape[1] == 1:
        return 1.0
    shares = table.sum(axis=0) / table.sum()
    sizes = np.maximum(np.rint(table.sum(axis=1)), 1.0).astype(np.int64)
    random = np.random.default_rng(category_tests.SEED)
    sides = [
        random.multinomial(int(size), shares, category_tests.DRAWS) / float(size) for size in sizes.tolist()
    ]
    drawn = np.abs(sides[0] - sides[1]).sum(axis=1)
    seen = float(np.abs(table[0] / table[0].sum() - table[1] / table[1].sum()).sum())
    extreme = int((drawn >= seen * (1.0 - ROUNDING)).sum())
    return (extreme + 1) / (category_tests.DRAWS + 1)


def _table(reference: Weighted, current: Distribution) -> Doubles:
    both = together(reference, current)
    whole = np.array((both.reference, both.current))
    if len(both.values) == 1:
        return whole
    table = np.asarray(robust.pooled((both.reference, both.current)), dtype=np.float64)
    if table.shape[1] == 1:
        raise Unmeasurable("fewer than two categories can be expected five times; take a longer window")
    return table
