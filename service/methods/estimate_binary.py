"""How well will a two-class model do on these scores? By what such scores meant in the reference.

Confidence-based performance estimation (CBPE) as NannyML describes it: a score calibrated on the reference
is the chance that its row is positive, so that scores alone give the expected rows of each true class, and
from them the expected figures. Every row with a score counts, labelled or not. The figures follow from the
counted distribution of the scores, to the last digit as from row after row.

With rows i of chance p, predicted positive or not, all sums over rows:

- `estimated_accuracy`, `_precision`, `_recall`, `_f1`: of the expected confusion counts, TP = sum of p over
  the rows predicted positive, FP of 1 - p over them, FN of p over the others.
- `estimated_observed_positive_rate`: the mean of p. The predicted rate needs no estimate.
- `estimated_log_loss`, `estimated_brier`: the mean over the two outcomes of each row, by their chances.
- `estimated_roc_auc`: the expected number of pairs won by the positive row (a tie is half a win), over the
  expected number of pairs; a row makes no pair with itself.
- `estimated_pr_auc`: the expected sum over the positive rows of the precision down to each, over the expected
  positive rows; a row counts fully among the positive ones down to itself.

A share of expectations, not the expectation of a share: they differ by less than a row's worth.

The band is where the realised figure of as many rows would lie in 95 of 100 windows, if a score means what it
meant: by the delta method, from which rows turn out positive and from the reference rows that each block of
the calibration rests on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.binary_outcome import loss_of
from service.core.measurement import Worse
from service.methods.alignment import numbers
from service.methods.figure import Figure, Metric, figure, none_of
from service.methods.sampling_error import positive_band, share_like_band

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.core.distribution import Distribution
    from service.core.score_calibration import ScoreCalibration
    from service.methods.sampling_error import Band

    Floats = NDArray[np.float64]

ACCURACY = Metric("estimated_accuracy", Worse.LOWER, "share")
PRECISION = Metric("estimated_precision", Worse.LOWER, "share")
RECALL = Metric("estimated_recall", Worse.LOWER, "share")
F1 = Metric("estimated_f1", Worse.LOWER)
OBSERVED_RATE = Metric("estimated_observed_positive_rate", Worse.BOTH, "share", from_reference=True)
ROC_AUC = Metric("estimated_roc_auc", Worse.LOWER)
PR_AUC = Metric("estimated_pr_auc", Worse.LOWER)
LOG_LOSS = Metric("estimated_log_loss", unit="nats")
BRIER = Metric("estimated_brier")

OF_ANSWERS = (ACCURACY, PRECISION, RECALL, F1)
OF_CHANCES = (OBSERVED_RATE, ROC_AUC, PR_AUC, LOG_LOSS, BRIER)

NO_REFERENCE_LABELS = "no labelled row of the reference has a score"
NO_SCORES = "no row has a score"


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """Rows by score, rising: `counts` of them, each with `chances` of being positive (float64, shape (k,)).

    `predicted` (bool, shape (k,)) marks those that were predicted positive.
    """

    scores: Floats
    counts: Floats
    chances: Floats
    predicted: NDArray[np.bool_]
    calibration: ScoreCalibration

    @property
    def rows(self) -> int:
        """All of them."""
        return int(self.counts.sum())

    @property
    def positives(self) -> Floats:
        """The positive rows to be expected at each score."""
        return self.counts * self.chances

    @property
    def negatives(self) -> Floats:
        """The negative rows to be expected at each score."""
        return self.counts * (1.0 - self.chances)

    def variance(self, slope: Floats) -> float:
        """Return the variance of a figure that one more positive row at each score moves by `slope` (k,).

        A block whose reference rows are all of one class has half a row of the other one here.
        """
        of_rows = self.counts * self.chances * (1.0 - self.chances) * slope**2
        blocks = self.calibration.block(self.scores)
        of_blocks = np.bincount(blocks, self.counts * slope, len(self.calibration.rows))
        share = (self.calibration.chances * self.calibration.rows + 0.5) / (self.calibration.rows + 1.0)
        uncertain = of_blocks**2 * share * (1.0 - share) / self.calibration.rows
        return float(of_rows.sum() + uncertain.sum())


def expected_rows(calibration: ScoreCalibration, scores: Distribution, threshold: float) -> Expected:
    """Return what is to be expected of counted `scores`, of which those from `threshold` on are positive."""
    values = numbers(scores)
    return Expected(
        values,
        scores.counts.astype(np.float64),
        calibration.chance(values),
        values >= threshold,
        calibration,
    )


def chance_figures(calibration: ScoreCalibration, scores: Distribution, threshold: float) -> Iterator[Figure]:
    """Give the figures of `OF_ANSWERS` and `OF_CHANCES` of counted `scores`, in that order."""
    reason = None
    if not len(calibration.rows):
        reason = NO_REFERENCE_LABELS
    elif not scores.finite:
        reason = NO_SCORES
    if reason:
        yield from (none_of(metric, reason) for metric in (*OF_ANSWERS, *OF_CHANCES))
        return
    rows = expected_rows(calibration, scores, threshold)
    yield from _answer_figures(rows)
    yield _share(
        OBSERVED_RATE, rows, _mean_of(rows, rows.chances), np.full(len(rows.counts), 1.0 / rows.rows)
    )
    yield from _ranking_figures(rows)
    yield from _loss_figures(rows)


def _answer_figures(rows: Expected) -> Iterator[Figure]:
    positive = float(rows.positives.sum())
    told = float(rows.counts[rows.predicted].sum())
    hits = float(rows.positives[rows.predicted].sum())
    right = hits + float(rows.negatives[~rows.predicted].sum())
    answer = rows.predicted.astype(np.float64)
    yield _share(ACCURACY, rows, right / rows.rows, (2.0 * answer - 1.0) / rows.rows)
    if told:
        yield _share(PRECISION, rows, hits / told, answer / told, told)
    else:
        yield none_of(PRECISION, "no row was predicted to be of the class")
    if positive:
        share = hits / positive
        yield _share(RECALL, rows, share, (answer - share) / positive, positive)
    else:
        yield none_of(RECALL, "no row is expected to be of the class")
    if positive + told:
        f1 = 2.0 * hits / (positive + told)
        slope = (2.0 * answer - f1) / (positive + told)
        yield _share(F1, rows, f1, slope, positive + told - hits)
    else:
        yield none_of(F1, "no row is expected or was predicted to be of the class")


def _ranking_figures(rows: Expected) -> Iterator[Figure]:
    positives, negatives = float(rows.positives.sum()), float(rows.negatives.sum())
    own = float((rows.positives * (1.0 - rows.chances)).sum())  # pairs of a row with itself
    pairs = positives * negatives - own
    if pairs > 0.0:
        below = rows.negatives.cumsum() - rows.negatives / 2.0
        area = (float((rows.positives * below).sum()) - own / 2.0) / pairs
        above = positives - rows.positives.cumsum() + rows.positives / 2.0
        slope = (below - above - area * (negatives - positives)) / pairs
        yield _share(ROC_AUC, rows, area, slope, min(positives, negatives))
    else:
        yield none_of(ROC_AUC, "no pair of a positive and a negative row is expected")
    if positives:
        down_to = rows.counts[::-1].cumsum()[::-1]
        precision = (rows.positives[::-1].cumsum()[::-1] + 1.0 - rows.chances) / down_to
        mean = float((rows.positives * precision).sum()) / positives
        slope = (precision + (rows.positives / down_to).cumsum() - rows.chances / down_to - mean) / positives
        yield _share(PR_AUC, rows, mean, slope, positives)
    else:
        yield none_of(PR_AUC, "no positive row is expected")


def _loss_figures(rows: Expected) -> Iterator[Figure]:
    improper = (rows.scores < 0.0) | (rows.scores > 1.0)
    if improper.any():
        outside = int(rows.counts[improper].sum())
        reason = f"{outside} scores lie outside 0 to 1, where a probability must lie"
        yield from (none_of(metric, reason) for metric in (LOG_LOSS, BRIER))
        return
    yield _loss(LOG_LOSS, rows, loss_of(rows.scores), loss_of(1.0 - rows.scores))
    yield _loss(BRIER, rows, (1.0 - rows.scores) ** 2, rows.scores**2)


def _mean_of(rows: Expected, values: Floats) -> float:
    return float((rows.counts * values).sum()) / rows.rows


def _share(metric: Metric, rows: Expected, value: float, slope: Floats, least: float | None = None) -> Figure:
    # `least` is how many rows the figure rests on, where they are fewer.
    size = rows.rows if least is None else max(round(least), 1)
    return figure(
        metric,
        rows.rows,
        lambda: value,
        lambda _: share_like_band(value, rows.variance(slope), size),
    )


def _loss(metric: Metric, rows: Expected, positive: Floats, negative: Floats) -> Figure:
    # Of the loss of a row at each score where it turns out positive, and where negative.
    value = _mean_of(rows, rows.chances * positive + (1.0 - rows.chances) * negative)
    slope = (positive - negative) / rows.rows

    def band(_: float) -> Band:
        return positive_band(value, math.sqrt(rows.variance(slope)), rows.rows)

    return figure(metric, rows.rows, lambda: value, band)
