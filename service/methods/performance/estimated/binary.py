"""Estimated performance of a two-class model, from its scores as calibrated on the reference.

Confidence-based performance estimation (CBPE) as NannyML describes it: a score calibrated on the reference
is the chance that its row is positive, so that scores alone give the expected rows of each true class, and
from them the expected metrics. Every row with a score counts, labelled or not. The values follow from the
counted distribution of the scores and equal those computed row by row to 1e-9.

With rows of chance p, predicted positive or not, all sums over rows:

- `estimated_accuracy`, `_precision`, `_recall`, `_f1`: of the expected confusion counts, TP = sum of p over
  the rows predicted positive, FP of 1 - p over them, FN of p over the others.
- `estimated_observed_positive_rate`: the mean of p. The predicted rate needs no estimate.
- `estimated_log_loss`, `estimated_brier`: the mean over the two outcomes of each row, by their chances.
- `estimated_roc_auc`, `estimated_pr_auc`: see `estimated/ranking.py`.

A share of expectations, not the expectation of a share: they differ by less than a row's worth.

The band is where the realised value of as many rows would lie in 95 of 100 windows, if a score means what it
meant. Isotonic calibration is a little overconfident: with 1,000 labelled reference rows the estimates are
better than the truth by half of the band's standard error and 86 to 96 of 100 bands hold, with 5,000 by a
quarter and 92 to 96. It is always fitted, also where scores are calibrated already: choosing on held-out rows
would let a single row change every value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile.outcome.binary import loss_of
from service.methods.performance.estimated.expected_positives import (
    NO_EXPECTED_ROWS,
    concatenated,
    expected,
    share_value,
)
from service.methods.performance.metric import MetricValue, metric_value, no_value
from service.methods.stats.confidence_bands import positive_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.reference.score_calibration import ScoreCalibration
    from service.methods.performance.estimated.expected_positives import Expected
    from service.methods.stats.confidence_bands import Band

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

NO_REFERENCE_LABELS = "no labelled row of the reference has a score"
NO_SCORES = "no row has a score"
NO_ANSWERS = "no row has both a score and a prediction"


class _Totals(NamedTuple):
    # Expected rows: positive, predicted positive, both, and predicted rightly; and all of them.
    positive: float
    predicted: float
    hits: float
    right: float
    rows: float


@dataclass(frozen=True, slots=True)
class _Answers:
    # Rows by score with their predicted label, `predicted` (1.0 or 0.0, shape (k,)); `total` as kept, `least`
    # and `most` with whatever compression moved. All three are one object where nothing was compressed.
    rows: Expected
    predicted: Floats
    total: _Totals
    least: _Totals
    most: _Totals


@dataclass(frozen=True, slots=True)
class Chances:
    """A window's scores with their chances of being positive, the state of the estimated metrics.

    `rows` are all rows with a score, their scores rising; `answers` those that also have a prediction.
    """

    rows: Expected
    answers: _Answers


def chances_of(
    calibration: ScoreCalibration,
    scores: Distribution,
    answers: float | tuple[Distribution, Distribution],
) -> Chances:
    """Return the state of counted `scores`. Raises Unmeasurable without a label before or a score now.

    `answers` is the score from which a row is predicted positive; or, where predictions are labels of their
    own, the scores of the rows predicted positive and of those predicted negative.
    """
    if not len(calibration.rows):
        raise Unmeasurable(NO_REFERENCE_LABELS)
    if not scores.finite:
        raise Unmeasurable(NO_SCORES)
    rows = expected(calibration, scores)
    if isinstance(answers, tuple):
        one, other = (expected(calibration, side) for side in answers)
        predicted = np.arange(len(one.counts) + len(other.counts)) < len(one.counts)
        return Chances(rows, _answers(concatenated(one, other), predicted, predicted, predicted))
    marks = (side >= answers for side in (rows.least, rows.scores, rows.most))
    return Chances(rows, _answers(rows, *marks))


def accuracy(state: Chances) -> MetricValue:
    """Return the expected share of rows predicted rightly."""
    return _of_answers(
        state.answers,
        lambda t: t.right,
        lambda t: t.rows,
        slope=lambda predicted, _: 2.0 * predicted - 1.0,
        empty=NO_ANSWERS,
    )


def precision(state: Chances) -> MetricValue:
    """Return the expected share of positive rows among those predicted positive."""
    return _of_answers(
        state.answers,
        lambda t: t.hits,
        lambda t: t.predicted,
        slope=lambda predicted, _: predicted,
        empty="no row was predicted to be of the class",
    )


def recall(state: Chances) -> MetricValue:
    """Return the expected share of the positive rows that were predicted positive."""
    return _of_answers(
        state.answers,
        lambda t: t.hits,
        lambda t: t.positive,
        slope=lambda predicted, value: predicted - value,
        empty="no row is expected to be of the class",
    )


def f1(state: Chances) -> MetricValue:
    """Return the expected harmonic mean of precision and recall; half of the missed rows decide it too."""
    return _of_answers(
        state.answers,
        lambda t: 2.0 * t.hits,
        lambda t: t.positive + t.predicted,
        slope=lambda predicted, value: 2.0 * predicted - value,
        empty="no row is expected or was predicted to be of the class",
        rests_on=lambda t: t.positive + t.predicted - t.hits,
    )


def observed_positive_rate(state: Chances) -> MetricValue:
    """Return the expected share of positive rows."""
    rows = state.rows
    ends = rows.ends if rows.compressed else None
    within = None if ends is None else (rows.mean(ends[0]), rows.mean(ends[1]))
    each = np.full(len(rows.counts), 1.0 / rows.rows)
    return share_value(rows, rows.mean(rows.chances), each, rests_on=rows.rows, within=within)


def log_loss(state: Chances) -> MetricValue:
    """Return the expected log loss of the scores as probabilities."""
    return _loss(state.rows, loss_of, lambda score: loss_of(1.0 - score))


def brier(state: Chances) -> MetricValue:
    """Return the expected mean squared distance of the score from the truth."""
    return _loss(state.rows, lambda score: (1.0 - score) ** 2, lambda score: score**2)


def _answers(rows: Expected, surely: Marks, predicted: Marks, possibly: Marks) -> _Answers:
    # The marks say which scores were predicted positive: whatever compression moved, as kept, and perhaps.
    total = least = most = _totals(rows, rows.chances, rows.chances, predicted, predicted)
    if rows.compressed:
        low, high = rows.ends
        least = _totals(rows, low, high, surely, possibly)
        most = _totals(rows, high, low, possibly, surely)
    return _Answers(rows, predicted.astype(np.float64), total, least, most)


def _of_answers(
    answers: _Answers,
    part: Callable[[_Totals], float],
    whole: Callable[[_Totals], float],
    *,
    slope: Callable[[Floats, float], Floats],
    empty: str,
    rests_on: Callable[[_Totals], float] | None = None,
) -> MetricValue:
    # The value is a part of the totals over a whole, which may be `empty`; `slope` is what one more positive
    # row adds, by its predicted label and the value, over the whole. `rests_on` rows decide it, or the whole.
    total = answers.total
    size = whole(total)
    if size <= NO_EXPECTED_ROWS:
        return no_value(empty if total.rows else NO_ANSWERS)
    value = part(total) / size
    within = None
    if answers.rows.compressed:
        least, most = answers.least, answers.most
        within = part(least) / whole(most), part(most) / whole(least) if whole(least) else 1.0
    return share_value(
        answers.rows,
        value,
        slope(answers.predicted, value) / size,
        rests_on=size if rests_on is None else rests_on(total),
        within=within,
    )


def _totals(rows: Expected, hit: Floats, missed: Floats, predicted: Marks, not_rejected: Marks) -> _Totals:
    # With the chance `hit` of rows predicted positive, and `missed` of those that were not.
    positives = rows.counts * hit
    hits = float(positives[predicted].sum())
    rejected = float((rows.counts * (1.0 - missed))[~not_rejected].sum())
    return _Totals(
        float(positives.sum()), float(rows.counts[predicted].sum()), hits, hits + rejected, float(rows.rows)
    )


def _loss(
    rows: Expected, positive: Callable[[Floats], Floats], negative: Callable[[Floats], Floats]
) -> MetricValue:
    # Of the loss of a row at each score where it turns out positive, which falls, and negative, which rises.
    improper = (rows.scores < 0.0) | (rows.scores > 1.0)
    if improper.any():
        outside = int(rows.counts[improper].sum())
        return no_value(f"{outside} scores lie outside 0 to 1, where a probability must lie")

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

    return metric_value(rows.rows, lambda: value, band, bound=bound)
