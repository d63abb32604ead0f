"""How good are a classifier's scores? Equal to scikit-learn on the raw rows to 1e-9.

- `roc_auc`, `pr_auc` (scikit-learn's average precision): how scores rank, whatever their scale.
- `log_loss` (scores kept 2.2e-16 away from 0 and 1, as scikit-learn does), `brier`: the mean loss of the
  scores as probabilities; none where a score lies outside 0 to 1.
- `calibration_error`: over ten equal bins of the score, the mean distance of the bin's mean score from its
  share of positives, by the bin's rows: the expected calibration error of M. P. Naeini, G. F. Cooper and
  M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning" (2015). Noise alone makes it
  positive in a small window; its band is so much longer downwards.

Bands: `roc_auc` by DeLong's variance, `pr_auc` by the infinitesimal jackknife's (`ranking.py`), both in
Wilson's form; the losses as means, on their logarithm.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.core.confidence import Z_95
from service.core.exact.sums import UNIT_BITS, to_float
from service.core.measurement import Worse
from service.methods.performance import ranking
from service.methods.performance.figure import NO_LABELS, Metric, MetricValue, figure, none_of
from service.methods.stats.confidence_bands import loss_band, share_like_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.outcome.binary import BinaryOutcome, ScoreBins
    from service.core.profile.outcome.multiclass import MulticlassOutcome
    from service.methods.performance.ranking import Ranking
    from service.methods.stats.confidence_bands import Band

ROC_AUC = Metric("roc_auc", Worse.LOWER)
PR_AUC = Metric("pr_auc", Worse.LOWER)
LOG_LOSS = Metric("log_loss", unit="nats")
BRIER = Metric("brier")
CALIBRATION_ERROR = Metric("calibration_error", unit="share")

OF_SCORES = (ROC_AUC, PR_AUC, LOG_LOSS, BRIER, CALIBRATION_ERROR)


def score_figures(outcome: BinaryOutcome) -> Iterator[MetricValue]:
    """Give the figures of `OF_SCORES` of a two-class model, in that order."""
    positives, negatives = outcome.positives.finite, outcome.negatives.finite
    rows = positives + negatives
    if not rows:
        reason = "no labelled row has a score" if outcome.labelled else NO_LABELS
        yield from (none_of(metric, reason) for metric in OF_SCORES)
        return
    yield from _ranking_figures(outcome)
    if outcome.improper:
        yield from (none_of(metric, _outside(outcome.improper)) for metric in (LOG_LOSS, BRIER))
        yield none_of(CALIBRATION_ERROR, _outside(outcome.improper))
        return
    yield _mean(LOG_LOSS, rows, outcome.log_loss, outcome.log_loss_squared)
    yield _mean(BRIER, rows, sum(outcome.bins.squares), outcome.distance_4)
    gaps = _gaps(outcome.bins)
    yield figure(
        CALIBRATION_ERROR,
        rows,
        lambda: to_float(sum(map(abs, gaps)), rows),
        lambda value: _calibration_band(outcome.bins, value),
    )


def log_loss_figure(outcome: MulticlassOutcome) -> MetricValue:
    """Return the log loss of a model of several classes, over the rows with a score of their class."""
    reason = None
    if outcome.unnamed:
        reason = f"{outcome.unnamed} rows are of a class that has no column of scores"
    elif outcome.improper:
        reason = _outside(outcome.improper)
    elif not outcome.scored:
        reason = "no labelled row has a score" if outcome.labelled else NO_LABELS
    if reason:
        return none_of(LOG_LOSS, reason)
    return _mean(LOG_LOSS, outcome.scored, outcome.log_loss, outcome.log_loss_squared)


def _outside(count: int) -> str:
    return f"{count} scores lie outside 0 to 1, where a probability must lie"


def _ranking_figures(outcome: BinaryOutcome) -> Iterator[MetricValue]:
    positives, negatives = outcome.positives.finite, outcome.negatives.finite
    ranks = ranking.ranking(outcome.positives, outcome.negatives)

    def auc() -> float:
        if not positives or not negatives:
            raise Unmeasurable(f"every row is {'positive' if positives else 'negative'}; both are needed")
        return ranking.roc_auc(ranks)

    yield figure(
        ROC_AUC,
        positives + negatives,
        auc,
        lambda value: share_like_band(
            value, ranking.roc_auc_variance(ranks, value), min(positives, negatives)
        ),
        bound=lambda _: ranking.roc_auc_bound(ranks),
    )
    yield _average_precision(ranks, positives, positives + negatives)


def _average_precision(ranks: Ranking, positives: int, rows: int) -> MetricValue:
    if not positives:
        return none_of(PR_AUC, "every row is negative; a positive one is needed")
    return figure(
        PR_AUC,
        rows,
        lambda: ranking.average_precision(ranks),
        lambda value: share_like_band(value, ranking.average_precision_variance(ranks), positives),
        bound=lambda _: ranking.average_precision_bound(ranks),
    )


def _mean(metric: Metric, rows: int, total: int, squares: int) -> MetricValue:
    return figure(
        metric,
        rows,
        lambda: to_float(total, rows),
        lambda _: loss_band(rows, total, squares),
    )


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
    half = Z_95 * math.sqrt(max(sum(squares) - value**2, 0.0) / rows)
    return max(value - half - math.sqrt(2.0 / math.pi) * noise, 0.0), min(value + half, 1.0)
