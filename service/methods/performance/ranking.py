"""Ranking metrics of two classes, from their counted score distributions.

Equal to scikit-learn on the raw rows to 1e-9. Scores that were compressed tie where they did not before; the
bounds say by how much that can move a value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.alignment import paired

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Ranking:
    """Rows by class at each distinct score, in rising order.

    positives, negatives: the rows of each class (int64, shape (k,)); at every score one of them is above 0.
    compressed: whether one score here may have been several.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]
    compressed: bool


def ranking(positives: Distribution, negatives: Distribution) -> Ranking:
    """Return the rows of both classes by their scores; there is one row or more."""
    pair = paired(positives, negatives)
    return Ranking(pair.reference, pair.current, bool(positives.dropped_bits or negatives.dropped_bits))


def roc_auc(ranks: Ranking) -> float:
    """Return the share of pairs in which the positive row has the higher score, ties counting half."""
    twice_below = _twice_below(ranks.negatives)
    pairs = int(ranks.positives.sum()) * int(ranks.negatives.sum())
    return int((ranks.positives * twice_below).sum()) / (2 * pairs)


def roc_auc_variance(ranks: Ranking, auc: float) -> float:
    """Return the sampling variance of the area; 0 where a class has a single row.

    E. R. DeLong, D. M. DeLong and D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
    receiver operating characteristic curves: a nonparametric approach" (1988).
    """
    total = 0.0
    for own, other in ((ranks.positives, ranks.negatives), (ranks.negatives, ranks.positives)):
        rows, others = int(own.sum()), int(other.sum())
        if rows <= 1:
            return 0.0
        placed = _twice_below(other) / (2.0 * others)
        centre = auc if own is ranks.positives else 1.0 - auc
        total += _weighted(own, (placed - centre) ** 2) / (rows - 1) / rows
    return total


def roc_auc_bound(ranks: Ranking) -> float | None:
    """Return how far compression can have moved the area: every mixed tie may have been a win or a loss."""
    if not ranks.compressed:
        return None
    ties = int((ranks.positives * ranks.negatives).sum())
    return ties / (2 * int(ranks.positives.sum()) * int(ranks.negatives.sum()))


def average_precision(ranks: Ranking) -> float:
    """Return the mean over the positive rows of the precision among the rows that score no lower."""
    positives, true, false = _from_the_top(ranks)
    return _weighted(positives, true / (true + false)) / int(true[-1])


def average_precision_variance(ranks: Ranking) -> float:
    """Return the sampling variance of the average precision; 0 for a single row.

    By the infinitesimal jackknife: the sum of squares of what each row's weight changes (B. Efron, "The
    jackknife, the bootstrap and other resampling plans", 1982). A row counts in the precision at every
    positive row that scores no higher.
    """
    positives, negatives = ranks.positives, ranks.negatives
    true, false = positives[::-1].cumsum()[::-1], negatives[::-1].cumsum()[::-1]
    total, rows = int(true[0]), int(true[0] + false[0])
    if rows <= 1:
        return 0.0
    down_to = (true + false).astype(np.float64)
    precision = true / down_to
    above = (positives * false / down_to**2).cumsum()
    of_positive = precision - _weighted(positives, precision) / total + above
    of_negative = (positives * true / down_to**2).cumsum()
    squares = _weighted(positives, of_positive**2) + _weighted(negatives, of_negative**2)
    return squares / total**2 * rows / (rows - 1)


def average_precision_bound(ranks: Ranking) -> float | None:
    """Return how far compression can have moved the average precision.

    Within a tie that may not have been one, the precision at a positive row lies between that with all its
    negatives before and that with all of them after.
    """
    if not ranks.compressed:
        return None
    positives, true, false = _from_the_top(ranks)
    before, first = false - ranks.negatives[::-1][positives_of(ranks)], true - positives + 1
    precision = true / (true + false)
    best, worst = true / (true + before), first / (first + false)
    return _weighted(positives, np.maximum(best - precision, precision - worst)) / int(true[-1])


def positives_of(ranks: Ranking) -> NDArray[np.bool_]:
    """Mark the scores, from the top, that positive rows have."""
    marks: NDArray[np.bool_] = ranks.positives[::-1] > 0
    return marks


def _from_the_top(ranks: Ranking) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    # At each score of a positive row, highest first: positive rows there, and both classes' rows down to it.
    filled = positives_of(ranks)
    true, false = ranks.positives[::-1].cumsum()[filled], ranks.negatives[::-1].cumsum()[filled]
    return ranks.positives[::-1][filled], true, false


def _weighted(counts: NDArray[np.int64], values: NDArray[np.float64]) -> float:
    # Not a dot product: BLAS splits long ones over threads, which costs more than it saves here and makes the
    # last bit depend on the machine.
    return float((counts * values).sum())


def _twice_below(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    # Twice the rows below each score, those at it counting half.
    upto: NDArray[np.int64] = 2 * counts.cumsum() - counts
    return upto
