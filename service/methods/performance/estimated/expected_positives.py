"""The expected number of positive rows by score, as calibrated on the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import MANTISSA_BITS
from service.methods.performance.metric import MetricValue, metric_value
from service.methods.stats.alignment import numbers
from service.methods.stats.confidence_bands import share_like_band

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.reference.score_calibration import ScoreCalibration

    Floats = NDArray[np.float64]


NO_EXPECTED_ROWS = 1e-9  # so few expected rows, or pairs of them, count as none: a ratio to them says nothing


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Rows by score, which rises except in rows put together by `concatenated` (arrays of shape (k,)).

    scores: the kept scores (float64).
    counts: the rows of each score (float64).
    chances: their chance of being positive (float64).
    blocks: the calibration's block of each score (intp), found once for the bands of all metrics.
    least, most: where scores were compressed, the ends between which each row's own lies; else `scores`.
    calibration: what the chances come from.
    """

    scores: Floats
    counts: Floats
    chances: Floats
    blocks: NDArray[np.intp]
    least: Floats
    most: Floats
    calibration: ScoreCalibration

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.counts.sum())

    @property
    def compressed(self) -> bool:
        """Whether a row's own score may differ from the kept one."""
        return self.most is not self.scores

    @property
    def positives(self) -> Floats:
        """The expected positive rows at each score."""
        return self.counts * self.chances

    @property
    def negatives(self) -> Floats:
        """The expected negative rows at each score."""
        return self.counts * (1.0 - self.chances)

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """The least and the largest chance that a row kept at each score can have."""
        return self.calibration.chance(self.least), self.calibration.chance(self.most)

    def mean(self, values: Floats) -> float:
        """Return the mean over the rows of a value at each score (shape (k,))."""
        return float((self.counts * values).sum()) / self.rows

    def variance(self, slope: Floats) -> float:
        """Return the variance of a value that one more positive row at each score moves by `slope` (k,).

        By the delta method, of which rows turn out positive and of the reference rows that each block of the
        calibration rests on; a block with rows of one class alone has half a row of the other one here.
        """
        of_rows = self.counts * self.chances * (1.0 - self.chances) * slope**2
        calibration = self.calibration
        by_block = np.bincount(self.blocks, self.counts * slope, len(calibration.rows))
        share = (calibration.chances * calibration.rows + 0.5) / (calibration.rows + 1.0)
        return float(of_rows.sum() + (by_block**2 * share * (1.0 - share) / calibration.rows).sum())


def expected(calibration: ScoreCalibration, scores: Distribution) -> Expected:
    """Return what is expected of rows with counted `scores`; the calibration has labels."""
    values = numbers(scores)
    counts = scores.counts.astype(np.float64)
    least = most = values
    if scores.dropped_bits:
        moved = values * (1.0 + 2.0 ** (scores.dropped_bits - MANTISSA_BITS))
        least, most = np.minimum(values, moved), np.maximum(values, moved)
    chances, blocks = calibration.chance(values), calibration.block(values)
    return Expected(values, counts, chances, blocks, least, most, calibration)


def concatenated(one: Expected, other: Expected) -> Expected:
    """Return the rows of both, those of `one` first; of the same calibration."""
    names = ("scores", "counts", "chances", "blocks", "least", "most")
    both = {name: np.concatenate((getattr(one, name), getattr(other, name))) for name in names}
    if not (one.compressed or other.compressed):
        both["least"] = both["most"] = both["scores"]
    return Expected(**both, calibration=one.calibration)


def share_value(
    rows: Expected,
    value: float,
    slope: Floats,
    *,
    rests_on: float,
    within: tuple[float, float] | None = None,
) -> MetricValue:
    """Return a value between 0 and 1 that one more positive row at each score moves by `slope` (shape (k,)).

    `rests_on` is how many rows decide it, for its band; `within` is where compression leaves it.
    """
    size = max(round(rests_on), 1)

    def bound(value: float) -> float | None:
        return None if within is None else max(min(within[1], 1.0) - value, value - within[0], 0.0)

    return metric_value(
        rows.rows,
        lambda: value,
        lambda _: share_like_band(value, rows.variance(slope), size),
        bound=bound,
    )
