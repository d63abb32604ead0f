"""Metrics of a classifier's scores, equal to scikit-learn on the raw rows to 1e-9.

- `roc_auc`, `pr_auc` (scikit-learn's average precision): how well scores rank, whatever their scale.
- `log_loss` (scores kept 2.2e-16 away from 0 and 1, as scikit-learn does), `brier`: the mean loss of the
  scores as probabilities; none where a score lies outside 0 to 1.
- `calibration_error`: over ten equal bins of the score, the mean distance of the bin's mean score from its
  share of positives, weighted by the bin's rows: the expected calibration error of M. P. Naeini,
  G. F. Cooper and M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015).
  Noise alone makes it positive in a small window; its band is longer downwards by as much.

Bands: `roc_auc` by DeLong's variance, `pr_auc` by the infinitesimal jackknife's (`ranking.py`), both in
Wilson's form; the losses as means, on their logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.exact.sums import UNIT_BITS, to_float
from service.core.measurement import TWO_SIDED_95
from service.methods.performance import ranking
from service.methods.performance.metric import MetricValue, metric_value, no_value, why_unlabelled
from service.methods.stats.confidence_bands import loss_band, share_like_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.outcome.binary import BinaryOutcome, ScoreBins
    from service.core.profile.outcome.multiclass import MulticlassOutcome
    from service.methods.performance.ranking import Ranking
    from service.methods.stats.confidence_bands import Band

NO_SCORES = "no labelled row has a score"


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled rows with a score, the state that a two-class model's score metrics are computed from."""

    outcome: BinaryOutcome
    ranks: Ranking

    @property
    def positives(self) -> int:
        """How many of the rows are positive."""
        return self.outcome.positives.finite

    @property
    def negatives(self) -> int:
        """How many of the rows are negative."""
        return self.outcome.negatives.finite

    @property
    def rows(self) -> int:
        """How many rows there are, one or more."""
        return self.positives + self.negatives


def scored(outcome: BinaryOutcome) -> Scored:
    """Return the labelled rows with a score. Raises Unmeasurable where there is none."""
    if not outcome.positives.finite + outcome.negatives.finite:
        raise Unmeasurable(NO_SCORES if outcome.labelled else why_unlabelled(outcome))
    return Scored(outcome, ranking.ranking(outcome.positives, outcome.negatives))


def roc_auc(state: Scored) -> MetricValue:
    """Return the area under the ROC curve."""
    ranks, positives, negatives = state.ranks, state.positives, state.negatives

    def compute() -> float:
        if not positives or not negatives:
            raise Unmeasurable(f"every row is {'positive' if positives else 'negative'}; both are needed")
        return ranking.roc_auc(ranks)

    def band(value: float) -> Band:
        return share_like_band(value, ranking.roc_auc_variance(ranks, value), min(positives, negatives))

    return metric_value(state.rows, compute, band, bound=lambda _: ranking.roc_auc_bound(ranks))


def pr_auc(state: Scored) -> MetricValue:
    """Return the average precision."""
    ranks, positives = state.ranks, state.positives
    if not positives:
        return no_value("every row is negative; a positive one is needed")
    return metric_value(
        state.rows,
        lambda: ranking.average_precision(ranks),
        lambda value: share_like_band(value, ranking.average_precision_variance(ranks), positives),
        bound=lambda _: ranking.average_precision_bound(ranks),
    )


def log_loss(state: Scored) -> MetricValue:
    """Return the mean negative logarithm of the probability that was given to the true class."""
    outcome = state.outcome
    if outcome.improper:
        return no_value(_outside(outcome.improper))
    return _mean(state.rows, outcome.log_loss, outcome.log_loss_squared)


def brier(state: Scored) -> MetricValue:
    """Return the mean squared distance of the score from the truth."""
    outcome = state.outcome
    if outcome.improper:
        return no_value(_outside(outcome.improper))
    return _mean(state.rows, sum(outcome.bins.squares), outcome.distance_4)


def calibration_error(state: Scored) -> MetricValue:
    """Return the expected calibration error over ten equal bins of the score."""
    outcome = state.outcome
    if outcome.improper:
        return no_value(_outside(outcome.improper))
    gaps = _gaps(outcome.bins)
    return metric_value(
        state.rows,
        lambda: to_float(sum(map(abs, gaps)), state.rows),
        lambda value: _calibration_band(outcome.bins, value),
    )


def multiclass_log_loss(outcome: MulticlassOutcome) -> MetricValue:
    """Return the log loss of a model of several classes, over the rows with a score of their class."""
    reason = None
    if outcome.unnamed:
        reason = f"{outcome.unnamed} rows are of a class that has no column of scores"
    elif outcome.improper:
        reason = _outside(outcome.improper)
    elif not outcome.scored:
        reason = NO_SCORES if outcome.labelled else why_unlabelled(outcome)
    if reason:
        return no_value(reason)
    return _mean(outcome.scored, outcome.log_loss, outcome.log_loss_squared)


def _outside(count: int) -> str:
    return f"{count} scores lie outside 0 to 1, where a probability must lie"


def _mean(rows: int, total: int, squares: int) -> MetricValue:
    return metric_value(rows, lambda: to_float(total, rows), lambda _: loss_band(rows, total, squares))


def _gaps(bins: ScoreBins) -> list[int]:
    # By bin: the sum of the scores less the positive rows, in units of 2**-1074.
    return [
        scores - (positives << UNIT_BITS)
        for scores, positives in zip(bins.scores, bins.positives, strict=True)
    ]


def _calibration_band(bins: ScoreBins, value: float) -> Band:
    # The variance of the mean distance with each bin's sign as found; downwards also the mean of what noise
    # alone adds, which is at most sqrt(2 / pi) standard errors of each bin's mean.
    rows = sum(bins.rows)
    means = [to_float(gap, rows) for gap in _gaps(bins)]
    squares = [to_float(total, rows) for total in bins.squares]
    noise = sum(
        math.sqrt(max(square - mean**2, 0.0) / rows) for square, mean in zip(squares, means, strict=True)
    )
    half = TWO_SIDED_95 * math.sqrt(max(sum(squares) - value**2, 0.0) / rows)
    return max(value - half - math.sqrt(2.0 / math.pi) * noise, 0.0), min(value + half, 1.0)
