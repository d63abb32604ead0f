"""Metrics of a classifier's labels, equal to scikit-learn on the raw rows to 1e-9.

What scikit-learn calls 0 for lack of rows (a precision where nothing was predicted positive) has no value
here but a reason. Bands: Wilson's for shares; F1 = 2J / (1 + J) of J = TP / (TP + FP + FN), itself a share,
takes J's; macro and weighted F1 by the delta method over the confusion counts, after K. Takahashi,
K. Yamamoto, A. Kuchiba and T. Koyama, "Confidence interval for micro-averaged F1 and macro-averaged F1
scores" (2022).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile.outcome.multiclass import MAX_CLASSES
from service.methods.performance.metric import MetricValue, metric_value, no_value, why_unlabelled
from service.methods.stats.confidence_bands import share_band, share_like_band
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.profile.outcome.binary import BinaryOutcome
    from service.core.profile.outcome.multiclass import MulticlassOutcome
    from service.methods.stats.confidence_bands import Band


class ClassCounts(NamedTuple):
    """The labelled rows of one class, predicted or true; the state of the metrics of one class.

    `hit` rows were predicted to be of the class and are, `false` ones are not, `missed` ones are and were
    not predicted to be.
    """

    hit: int
    false: int
    missed: int


class Classes(NamedTuple):
    """The state of the metrics over several classes.

    `table` counts the labelled rows by true and predicted class (int64, shape (k, k)), in the order of
    `names`; both are empty where no row is labelled, or where there are too many classes to count.
    """

    outcome: MulticlassOutcome
    names: list[str]
    table: NDArray[np.int64]


def positive_counts(outcome: BinaryOutcome) -> ClassCounts:
    """Return the counts of the positive class. Raises Unmeasurable without a labelled row."""
    cells = outcome.confusion
    if not cells.rows:
        raise Unmeasurable(why_unlabelled(outcome))
    return ClassCounts(cells.true_positive, cells.false_positive, cells.false_negative)


def classes_of(outcome: MulticlassOutcome) -> Classes:
    """Return the classes, sorted, and the labelled rows by true and predicted class."""
    pairs = outcome.pairs or ()
    names = sorted({name for true, predicted, _ in pairs for name in (true, predicted)})
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(names), len(names)), dtype=np.int64)
    for true, predicted, count in pairs:
        table[place[true], place[predicted]] = count
    return Classes(outcome, names, table)


def counts_by_class(classes: Classes) -> dict[str, ClassCounts]:
    """Return the counts of each class."""
    hits = classes.table.diagonal()
    columns = hits, classes.table.sum(axis=0) - hits, classes.table.sum(axis=1) - hits
    counts = [ClassCounts(*row) for row in np.stack(columns, axis=1).tolist()]
    return dict(zip(classes.names, counts, strict=True))


def no_classes(outcome: MulticlassOutcome) -> str:
    """Return why there is no class to measure."""
    if outcome.pairs is None:
        return f"more than {MAX_CLASSES} classes; expected columns of fewer labels"
    return why_unlabelled(outcome)


def accuracy(outcome: BinaryOutcome) -> MetricValue:
    """Return the share of the labelled rows that were predicted rightly."""
    cells = outcome.confusion
    return _share(cells.true_negative + cells.true_positive, cells.rows, why_unlabelled(outcome))


def positive_rate(outcome: BinaryOutcome) -> MetricValue:
    """Return the share of rows predicted positive, of all rows with a prediction, labelled or not."""
    cells = outcome.confusion
    positive = cells.true_positive + cells.false_positive + outcome.pending_positive
    predicted = cells.rows + outcome.pending_positive + outcome.pending_negative
    return _share(positive, predicted, "no row has a prediction")


def observed_positive_rate(outcome: BinaryOutcome) -> MetricValue:
    """Return the share of the labelled rows that are positive."""
    return _share(outcome.observed_positive, outcome.labelled, why_unlabelled(outcome))


def precision(counts: ClassCounts) -> MetricValue:
    """Return the share of the rows predicted to be of the class that are."""
    return _share(counts.hit, counts.hit + counts.false, "no row was predicted to be of the class")


def recall(counts: ClassCounts) -> MetricValue:
    """Return the share of the class's rows that were predicted to be of it."""
    return _share(counts.hit, counts.hit + counts.missed, "no row is of the class")


def f1(counts: ClassCounts) -> MetricValue:
    """Return the harmonic mean of precision and recall."""
    hit, false, missed = counts
    involved = hit + false + missed

    def compute() -> float:
        if not involved:
            raise Unmeasurable("no row is or was predicted to be of the class")
        return 2 * hit / (involved + hit)

    def band(_: float) -> Band:
        low, high = share_band(hit / involved, involved)
        return 2.0 * low / (1.0 + low), 2.0 * high / (1.0 + high)

    return metric_value(involved, compute, band)


def multiclass_accuracy(classes: Classes) -> MetricValue:
    """Return the share of the labelled rows whose class was predicted rightly."""
    return _share(classes.outcome.correct, classes.outcome.labelled, why_unlabelled(classes.outcome))


def f1_macro(classes: Classes) -> MetricValue:
    """Return the mean F1 over the classes that a labelled row is of or was predicted to be of."""
    count = len(classes.names)
    return _mean_f1(classes, np.full(count, 1.0 / max(count, 1)), by_rows=False)


def f1_weighted(classes: Classes) -> MetricValue:
    """Return the mean F1 over the classes, weighted by their rows."""
    true = classes.table.sum(axis=1)
    return _mean_f1(classes, true / max(int(true.sum()), 1), by_rows=True)


def _mean_f1(classes: Classes, weights: NDArray[np.float64], *, by_rows: bool) -> MetricValue:
    if not classes.names:
        return no_value(no_classes(classes.outcome))
    table = classes.table
    rows = int(table.sum())
    of_class = 2.0 * table.diagonal() / (table.sum(axis=1) + table.sum(axis=0))
    value = float(weights @ of_class)

    def band(value: float) -> Band:
        return share_like_band(value, _f1_variance(table, of_class, weights, by_rows=by_rows), rows)

    return metric_value(rows, lambda: value, band)


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


def _share(found: int, rows: int, empty: str) -> MetricValue:
    if not rows:
        return no_value(empty)
    return metric_value(rows, partial(float, found / rows), partial(share_band, rows=rows))
