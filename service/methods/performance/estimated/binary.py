"""How well will a two-class model do on these scores? By what such scores meant in the reference.

Confidence-based performance estimation (CBPE) as NannyML describes it: a score calibrated on the reference
is the chance that its row is positive, so that scores alone give the expected rows of each true class, and
from them the expected figures. Every row with a score counts, labelled or not. The figures follow from the
counted distribution of the scores, to 1e-9 as from row after row.

With rows of chance p, predicted positive or not, all sums over rows:

- `estimated_accuracy`, `_precision`, `_recall`, `_f1`: of the expected confusion counts, TP = sum of p over
  the rows predicted positive, FP of 1 - p over them, FN of p over the others.
- `estimated_observed_positive_rate`: the mean of p. The predicted rate needs no estimate.
- `estimated_log_loss`, `estimated_brier`: the mean over the two outcomes of each row, by their chances.
- `estimated_roc_auc`, `estimated_pr_auc`: see `estimate_ranking.py`.

A share of expectations, not the expectation of a share: they differ by less than a row's worth.

The band is where the realised figure of as many rows would lie in 95 of 100 windows, if a score means what it
meant. Isotonic calibration is a little too sure of itself: with 1,000 labelled reference rows the figures are
better than the truth by half of the band's standard error and 86 to 96 of 100 bands hold, with 5,000 by a
quarter and 92 to 96. It is fitted always, also where scores are calibrated already: to choose on rows held
out would let a row more or less change every figure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import Worse
from service.core.profile.outcome.binary import loss_of
from service.methods.performance.estimated.expected_positives import NOBODY, beside, expected, share_figure
from service.methods.performance.estimated.ranking import PR_AUC, ROC_AUC, ranking_figures
from service.methods.performance.figure import Metric, MetricValue, figure, none_of
from service.methods.stats.confidence_bands import positive_band

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.reference.score_calibration import ScoreCalibration
    from service.methods.performance.estimated.expected_positives import Expected
    from service.methods.stats.confidence_bands import Band

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

ACCURACY = Metric("estimated_accuracy", Worse.LOWER, "share")
PRECISION = Metric("estimated_precision", Worse.LOWER, "share")
RECALL = Metric("estimated_recall", Worse.LOWER, "share")
F1 = Metric("estimated_f1", Worse.LOWER)
OBSERVED_RATE = Metric("estimated_observed_positive_rate", Worse.BOTH, "share", from_reference=True)
LOG_LOSS = Metric("estimated_log_loss", unit="nats")
BRIER = Metric("estimated_brier")

OF_ANSWERS = (ACCURACY, PRECISION, RECALL, F1)
OF_CHANCES = (OBSERVED_RATE, ROC_AUC, PR_AUC, LOG_LOSS, BRIER)

NO_REFERENCE_LABELS = "no labelled row of the reference has a score"
NO_SCORES = "no row has a score"
NO_ANSWERS = "no row has both a score and a prediction"


class _Totals(NamedTuple):
    # Expected rows: positive, predicted positive, both, and predicted rightly; and all of them.
    positive: float
    told: float
    hits: float
    right: float
    rows: float


class _Answer(NamedTuple):
    # A figure is a part of the totals over a whole, which is empty for a reason; `slope` is what one more
    # positive row adds: by the answers it got (1.0 or 0.0) and the figure's value, over the whole.
    metric: Metric
    part: Callable[[_Totals], float]
    whole: Callable[[_Totals], float]
    slope: Callable[[Floats, float], Floats]
    empty: str


_ANSWERS = (
    _Answer(ACCURACY, lambda t: t.right, lambda t: t.rows, lambda answer, _: 2.0 * answer - 1.0, NO_ANSWERS),
    _Answer(
        PRECISION,
        lambda t: t.hits,
        lambda t: t.told,
        lambda answer, _: answer,
        "no row was predicted to be of the class",
    ),
    _Answer(
        RECALL,
        lambda t: t.hits,
        lambda t: t.positive,
        lambda answer, value: answer - value,
        "no row is expected to be of the class",
    ),
    _Answer(
        F1,
        lambda t: 2.0 * t.hits,
        lambda t: t.positive + t.told,
        lambda answer, value: 2.0 * answer - value,
        "no row is expected or was predicted to be of the class",
    ),
)


def chance_figures(
    calibration: ScoreCalibration,
    scores: Distribution,
    answers: float | tuple[Distribution, Distribution],
) -> Iterator[MetricValue]:
    """Give the figures of `OF_ANSWERS` and `OF_CHANCES` of counted `scores`, in that order.

    `answers` is the score from which a row is predicted positive; or, where predictions are labels of their
    own, the scores of the rows predicted positive and of those predicted negative.
    """
    reason = None
    if not len(calibration.rows):
        reason = NO_REFERENCE_LABELS
    elif not scores.finite:
        reason = NO_SCORES
    if reason:
        yield from (none_of(metric, reason) for metric in (*OF_ANSWERS, *OF_CHANCES))
        return
    rows = expected(calibration, scores)
    if isinstance(answers, tuple):
        one, other = (expected(calibration, side) for side in answers)
        told = np.arange(len(one.counts) + len(other.counts)) < len(one.counts)
        yield from _answer_figures(beside(one, other), told, told, told)
    else:
        yield from _answer_figures(rows, *(side >= answers for side in (rows.least, rows.scores, rows.most)))
    chances = rows.ends if rows.compressed else None
    spread = None if chances is None else (rows.mean(chances[0]), rows.mean(chances[1]))
    each = np.full(len(rows.counts), 1.0 / rows.rows)
    yield share_figure(OBSERVED_RATE, rows, rows.mean(rows.chances), each, rests_on=rows.rows, within=spread)
    yield from ranking_figures(rows)
    yield from _loss_figures(rows)


def _answer_figures(rows: Expected, surely: Marks, told: Marks, possibly: Marks) -> Iterator[MetricValue]:
    # The marks say which scores were predicted positive: whatever compression moved, as kept, and perhaps.
    total = least = most = _totals(rows, rows.chances, rows.chances, told, told)
    if rows.compressed:
        low, high = rows.ends
        least = _totals(rows, low, high, surely, possibly)
        most = _totals(rows, high, low, possibly, surely)
    answered = told.astype(np.float64)
    for metric, part, whole, slope, empty in _ANSWERS:
        size = whole(total)
        if size <= NOBODY:
            yield none_of(metric, empty if total.rows else NO_ANSWERS)
            continue
        value = part(total) / size
        within = None
        if rows.compressed:
            within = part(least) / whole(most), part(most) / whole(least) if whole(least) else 1.0
        rests_on = size - part(total) / 2.0 if metric is F1 else size
        yield share_figure(
            metric, rows, value, slope(answered, value) / size, rests_on=rests_on, within=within
        )


def _totals(rows: Expected, hit: Floats, missed: Floats, told: Marks, not_rejected: Marks) -> _Totals:
    # With the chance `hit` of rows predicted positive (`told`), and `missed` of those that were not.
    positives = rows.counts * hit
    hits = float(positives[told].sum())
    rejected = float((rows.counts * (1.0 - missed))[~not_rejected].sum())
    return _Totals(
        float(positives.sum()), float(rows.counts[told].sum()), hits, hits + rejected, float(rows.rows)
    )


def _loss_figures(rows: Expected) -> Iterator[MetricValue]:
    improper = (rows.scores < 0.0) | (rows.scores > 1.0)
    if improper.any():
        outside = int(rows.counts[improper].sum())
        reason = f"{outside} scores lie outside 0 to 1, where a probability must lie"
        yield from (none_of(metric, reason) for metric in (LOG_LOSS, BRIER))
        return
    yield _loss(LOG_LOSS, rows, loss_of, lambda score: loss_of(1.0 - score))
    yield _loss(BRIER, rows, lambda score: (1.0 - score) ** 2, lambda score: score**2)


def _loss(
    metric: Metric,
    rows: Expected,
    positive: Callable[[Floats], Floats],
    negative: Callable[[Floats], Floats],
) -> MetricValue:
    # Of the loss of a row at each score where it turns out positive, which falls, and negative, which rises.
    def mixed(chances: Floats, of_positive: Floats, of_negative: Floats) -> Floats:
        return chances * positive(of_positive) + (1.0 - chances) * negative(of_negative)

    value = rows.mean(mixed(rows.chances, rows.scores, rows.scores))

    def band(_: float) -> Band:
        slope = (positive(rows.scores) - negative(rows.scores)) / rows.rows
        return positive_band(value, math.sqrt(rows.variance(slope)), rows.rows)

    def bound(_: float) -> float | None:
        if not rows.compressed:
            return None
        most = np.minimum(rows.most, 1.0)
        high, low = (
            rows.mean(choose(*(mixed(chance, *ends) for chance in rows.ends)))
            for choose, ends in ((np.maximum, (rows.least, most)), (np.minimum, (most, rows.least)))
        )
        return max(high - value, value - low)

    return figure(metric, rows.rows, lambda: value, band, bound=bound)
