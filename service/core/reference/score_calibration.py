"""The chance of the positive class by score: isotonic regression on the reference's scores.

From the counted scores of each true class, by pool-adjacent-violators (M. Ayer, H. D. Brunk, G. M. Ewing,
W. T. Reid and E. Silverman, "An empirical distribution function for sampling with incomplete information",
1955): the shares of positives that rise with the score and lie nearest to those found. Between two pooled
blocks the chance is interpolated, beyond the ends it stays: scikit-learn's `IsotonicRegression` with
`out_of_bounds="clip"`. Blocks are compared as whole numbers, so that equal scores give equal blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]


def _nothing() -> Floats:
    return np.zeros(0)


@dataclass(frozen=True, slots=True, eq=False)
class ScoreCalibration:
    """Blocks of scores in rising order, one entry per block; float64, shape (k,), without labels k = 0.

    Attributes:
        first: A block's smallest score.
        last: A block's largest score.
        chances: The share of the positive class among its rows.
        rows: Its rows.

    """

    first: Floats = field(default_factory=_nothing)
    last: Floats = field(default_factory=_nothing)
    chances: Floats = field(default_factory=_nothing)
    rows: Floats = field(default_factory=_nothing)

    def chance(self, scores: Floats) -> Floats:
        """Return the chance of the positive class of each of `scores` (float64, shape (n,))."""
        ends = np.stack((self.first, self.last), axis=1).ravel()
        with np.errstate(over="ignore"):
            found = np.interp(scores, ends, self.chances.repeat(2))
        # Between scores so close that their distance has no reciprocal the slope is infinite.
        return np.clip(found, self.chances[0], self.chances[-1])

    def block(self, scores: Floats) -> Codes:
        """Return the block that each score's chance comes from (intp, shape (n,)): the nearest one."""
        between = self.last[:-1] + (self.first[1:] - self.last[:-1]) / 2.0
        return between.searchsorted(scores, side="right")


def fit(positives: Distribution, negatives: Distribution) -> ScoreCalibration:
    """Fit the chance by score to counted scores of the positive and the negative rows."""
    scores, counts = _side_by_side(positives, negatives)
    pooled = _pooled(zip(counts[:, 0].tolist(), counts[:, 1].tolist(), strict=True))
    if not pooled:
        return ScoreCalibration()
    starts = np.array([start for start, _, _ in pooled])
    found, rows = (np.array([block[place] for block in pooled], dtype=np.float64) for place in (1, 2))
    ends = np.append(starts[1:], len(scores)) - 1
    return ScoreCalibration(scores[starts], scores[ends], found / rows, rows)


def _side_by_side(positives: Distribution, negatives: Distribution) -> tuple[Floats, NDArray[np.int64]]:
    # Every score once, rising, with its positive rows and all its rows.
    values = np.concatenate((positives.values, negatives.values)).astype(np.float64)
    scores, places = np.unique(values, return_inverse=True)
    counts = np.zeros((len(scores), 2), dtype=np.int64)
    of_positives, of_negatives = np.split(places, [positives.distinct])
    counts[of_positives] += positives.counts[:, None]
    counts[of_negatives, 1] += negatives.counts
    return scores, counts


def _pooled(counts: Iterable[tuple[int, int]]) -> list[tuple[int, int, int]]:
    # Blocks of neighbouring scores: (first place, positive rows, rows), their shares rising.
    blocks: list[tuple[int, int, int]] = []
    for place, (found, rows) in enumerate(counts):
        start, one, all_rows = place, found, rows
        while blocks and blocks[-1][1] * all_rows >= one * blocks[-1][2]:
            start, before, before_rows = blocks.pop()
            one, all_rows = one + before, all_rows + before_rows
        blocks.append((start, one, all_rows))
    return blocks
