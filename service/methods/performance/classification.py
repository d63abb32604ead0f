"""How often was a classifier right, and how? Equal to scikit-learn on the raw rows to 1e-9.

What scikit-learn calls 0 for want of rows (a precision where nothing was predicted positive) is no number
here but a reason. Bands: Wilson's for shares; F1 = 2J / (1 + J) of J = TP / (TP + FP + FN), itself a share,
takes J's; macro and weighted F1 by the delta method over the confusion counts, after K. Takahashi,
K. Yamamoto, A. Kuchiba and T. Koyama, "Confidence interval for micro-averaged F1 and macro-averaged F1
scores" (2022).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import Worse
from service.core.profile.outcome.multiclass import MAX_CLASSES
from service.methods.performance.figure import NO_LABELS, Metric, MetricValue, figure, none_of
from service.methods.stats.confidence_bands import share_band, share_like_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from service.core.profile.outcome.binary import BinaryOutcome
    from service.core.profile.outcome.multiclass import MulticlassOutcome
    from service.methods.stats.confidence_bands import Band

ACCURACY = Metric("accuracy", Worse.LOWER, "share")
PRECISION = Metric("precision", Worse.LOWER, "share")
RECALL = Metric("recall", Worse.LOWER, "share")
F1 = Metric("f1", Worse.LOWER)
MACRO_F1 = Metric("f1_macro", Worse.LOWER)
WEIGHTED_F1 = Metric("f1_weighted", Worse.LOWER)
POSITIVE_RATE = Metric("positive_rate", Worse.BOTH, "share", from_reference=True)
OBSERVED_RATE = Metric("observed_positive_rate", Worse.BOTH, "share", from_reference=True)

OF_LABELS = (ACCURACY, PRECISION, RECALL, F1, POSITIVE_RATE, OBSERVED_RATE)
OF_CLASSES = (ACCURACY, MACRO_F1, WEIGHTED_F1)
OF_ONE_CLASS = (PRECISION, RECALL, F1)


class Hits(NamedTuple):
    """A class's rows: named and true, named but another, true but not named."""

    hit: int
    false: int
    missed: int


def label_figures(outcome: BinaryOutcome) -> Iterator[MetricValue]:
    """Give the figures of `OF_LABELS` of a two-class model, in that order.

    The predicted positive rate is over all rows with a prediction, labelled or not.
    """
    cells = outcome.confusion
    yield _share(ACCURACY, cells.true_negative + cells.true_positive, cells.rows, NO_LABELS)
    if cells.rows:
        hits = Hits(cells.true_positive, cells.false_positive, cells.false_negative)
        yield from class_figures(hits)
    else:
        yield from (none_of(metric, NO_LABELS) for metric in OF_ONE_CLASS)
    positive = cells.true_positive + cells.false_positive + outcome.pending_positive
    predicted = cells.rows + outcome.pending_positive + outcome.pending_negative
    yield _share(POSITIVE_RATE, positive, predicted, "no row has a prediction")
    yield _share(OBSERVED_RATE, outcome.observed_positive, outcome.labelled, NO_LABELS)


def class_figures(hits: Hits, *, segment: str = "") -> Iterator[MetricValue]:
    """Give precision, recall and F1 of one class (of one labelled row or more)."""
    hit, false, missed = hits
    yield _share(PRECISION, hit, hit + false, "no row was predicted to be of the class", segment=segment)
    yield _share(RECALL, hit, hit + missed, "no row is of the class", segment=segment)
    involved = hit + false + missed

    def f1() -> float:
        if not involved:
            raise Unmeasurable("no row is or was predicted to be of the class")
        return 2 * hit / (involved + hit)

    def band(_: float) -> Band:
        low, high = share_band(hit / involved, involved)
        return 2.0 * low / (1.0 + low), 2.0 * high / (1.0 + high)

    yield figure(F1, involved, f1, band, segment=segment)


def multiclass_figures(outcome: MulticlassOutcome, classes: Collection[str] = ()) -> Iterator[MetricValue]:
    """Give accuracy, macro and weighted F1, then each class's figures, under the segment `class=NAME`.

    The first three are over the classes that a labelled row is of or was predicted to be of; `classes` are
    others to give figures of, known from elsewhere.
    """
    yield _share(ACCURACY, outcome.correct, outcome.labelled, NO_LABELS)
    names, table = confusion_of(outcome)
    if names:
        yield from _f1_figures(table)
        hits = dict(zip(names, _hits(table), strict=True))
        for name in sorted({*names, *classes}):
            yield from class_figures(hits.get(name, Hits(0, 0, 0)), segment=f"class={name}")
        return
    reason = NO_LABELS
    if outcome.pairs is None:
        reason = f"more than {MAX_CLASSES} classes; expected columns of fewer labels"
    yield from (none_of(metric, reason) for metric in (MACRO_F1, WEIGHTED_F1))
    for name in sorted(classes):
        yield from (none_of(metric, reason, segment=f"class={name}") for metric in OF_ONE_CLASS)


def confusion_of(outcome: MulticlassOutcome) -> tuple[list[str], NDArray[np.int64]]:
    """Return the classes, sorted, and their rows by true and predicted class (int64, shape (k, k))."""
    pairs = outcome.pairs or ()
    names = sorted({name for true, predicted, _ in pairs for name in (true, predicted)})
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    for true, predicted, count in pairs:
        table[place[true], place[predicted]] = count
    return names, table


def _hits(table: NDArray[np.int64]) -> list[Hits]:
    hits = table.diagonal()
    columns = hits, table.sum(axis=0) - hits, table.sum(axis=1) - hits
    return [Hits(*row) for row in np.stack(columns, axis=1).tolist()]


def _f1_figures(table: NDArray[np.int64]) -> Iterator[MetricValue]:
    rows = int(table.sum())
    true = table.sum(axis=1)
    f1 = 2.0 * table.diagonal() / (true + table.sum(axis=0))
    for metric, weights in ((MACRO_F1, np.full(len(f1), 1.0 / len(f1))), (WEIGHTED_F1, true / rows)):
        value = float(weights @ f1)
        variance = _f1_variance(table, f1, weights, by_rows=metric is WEIGHTED_F1)
        yield figure(metric, rows, partial(float, value), partial(_f1_band, variance=variance, rows=rows))


def _f1_band(value: float, *, variance: float, rows: int) -> Band:
    return share_like_band(value, variance, rows)


def _f1_variance(
    table: NDArray[np.int64], f1: NDArray[np.float64], weights: NDArray[np.float64], *, by_rows: bool
) -> float:
    # By the delta method: what one more row of true class i, predicted j, changes; weights by rows too.
    rows = int(table.sum())
    if rows <= 1:
        return 0.0
    slope = weights * rows / (table.sum(axis=0) + table.sum(axis=1))
    change = -(f1 * slope)[:, None] - (f1 * slope)[None, :] + 2.0 * np.diag(slope)
    if by_rows:
        change += (f1 - weights @ f1)[:, None]
    return float((table * change**2).sum()) / rows / (rows - 1)


def _share(metric: Metric, found: int, rows: int, empty: str, *, segment: str = "") -> MetricValue:
    if not rows:
        return none_of(metric, empty, segment=segment)
    return figure(metric, rows, partial(float, found / rows), partial(share_band, rows=rows), segment=segment)
