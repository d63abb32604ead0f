"""Notes on a reference whose predictions, scores and labels can hardly be what the monitor takes them for.

A score of the other label, scores in percent, probabilities in another order and a prediction in another
unit are all measured without an error: the reference, on which the model was validated, gives them away.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.outcome.binary import BinaryOutcome
from service.core.rows.batch import Numbers
from service.core.rows.class_labels import class_labels
from service.core.rows.task import HALF, Binary, Multiclass, Regression

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.distribution import Distribution
    from service.core.profile.outcome.outcome import Outcome
    from service.core.rows.batch import Batch
    from service.core.rows.task import Task

MIN_ROWS = 30  # of either kind, before anything is said
ERRORS = 4.0  # standard errors from chance
AGREEING = 0.5  # the share of rows whose highest score is the prediction's, below which something is wrong


def doubts(batch: Batch, task: Task | None, outcome: Outcome | None) -> tuple[str, ...]:
    """Return a line for each thing that is strange with a reference, whose labels are in their forms."""
    if isinstance(task, Binary) and isinstance(outcome, BinaryOutcome):
        return (*_of_scores(task, outcome), *_of_predictions(task, outcome))
    if isinstance(task, Multiclass):
        return tuple(_of_class_scores(batch, task))
    return tuple(_of_errors(batch, task)) if isinstance(task, Regression) else ()


def _of_scores(task: Binary, outcome: BinaryOutcome) -> Iterator[str]:
    positives, negatives = outcome.positives.finite, outcome.negatives.finite
    if min(positives, negatives) >= MIN_ROWS:
        area = _area(outcome.positives, outcome.negatives)
        error = math.sqrt((positives + negatives + 1) / (12 * positives * negatives))
        if area < HALF - ERRORS * error:
            yield (
                f"score: in the reference {task.score!r} is lower for the positive label "
                f"({' or '.join(task.positive)}) than for the other (ROC AUC {area:.2f}); is it the other "
                "label's probability? Name the positive label's column, or the other label as positive"
            )
    if outcome.improper:
        scored = positives + negatives
        used = ""
        if task.prediction is None and task.threshold == HALF:
            used = f", and a row is predicted positive from {HALF} on: write threshold"
        yield (
            f"score: {outcome.improper:,} of {scored:,} labelled reference rows have a {task.score!r} "
            f"outside 0 to 1, which is no probability: log loss and the Brier score have no value{used}"
        )


def _area(positives: Distribution, negatives: Distribution) -> float:
    # The share of pairs whose positive has the higher score, ties by half.
    below = np.concatenate([[0], np.cumsum(negatives.counts)])
    low = below[np.searchsorted(negatives.values, positives.values, side="left")]
    high = below[np.searchsorted(negatives.values, positives.values, side="right")]
    pairs = int(positives.counts.sum()) * int(negatives.counts.sum())
    return float(positives.counts @ (low + high)) / 2.0 / pairs


def _of_predictions(task: Binary, outcome: BinaryOutcome) -> Iterator[str]:
    cells = outcome.confusion
    predicted = cells.true_positive + cells.false_positive, cells.true_negative + cells.false_negative
    if task.prediction is None or min(predicted) < MIN_ROWS:
        return
    right, missed = cells.true_positive / predicted[0], cells.false_negative / predicted[1]
    share = (cells.true_positive + cells.false_negative) / cells.rows
    error = math.sqrt(share * (1.0 - share) * (1.0 / predicted[0] + 1.0 / predicted[1]))
    if right < missed - ERRORS * error:
        yield (
            f"prediction: reference rows that {task.prediction!r} says are {' or '.join(task.positive)} are "
            f"so less often ({right:.0%}) than the others ({missed:.0%}); are its labels the other way round?"
        )


def _of_class_scores(batch: Batch, task: Multiclass) -> Iterator[str]:
    columns = [batch.columns.get(name) for _, name in task.scores]
    values = [column.values for column in columns if isinstance(column, Numbers)]
    if len(values) < max(len(columns), 2):
        return
    table = np.stack(values, axis=1)
    predicted = class_labels(batch.columns.get(task.prediction), batch.rows)
    place = {label: at for at, (label, _) in enumerate(task.scores)}
    chosen = np.array([*(place.get(name, -1) for name in predicted.names), -1, -1])[predicted.codes]
    used = (chosen >= 0) & np.isfinite(table).all(axis=1)
    rows = int(used.sum())
    agreeing = int((table[used].argmax(axis=1) == chosen[used]).sum())
    if rows >= MIN_ROWS and agreeing < AGREEING * rows:
        yield (
            f"scores: in only {agreeing / rows:.0%} of {rows:,} reference rows the label with the highest "
            f"score is that of {task.prediction!r}; is each label named with its own column?"
        )


def _of_errors(batch: Batch, task: Regression) -> Iterator[str]:
    sides = [batch.columns.get(name) for name in (task.prediction, task.target)]
    predicted, true = (side.values if isinstance(side, Numbers) else np.zeros(0) for side in sides)
    if not len(predicted) or not len(true):
        return
    used = np.isfinite(predicted) & np.isfinite(true)
    true, predicted = true[used], predicted[used]
    if len(true) < MIN_ROWS:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        squared, spread = float(((predicted - true) ** 2).mean()), float(np.var(true))
    if math.isfinite(squared) and 0.0 < spread < squared:
        yield (
            f"prediction: in the reference {task.prediction!r} is further from {task.target!r} than the mean "
            f"label is (R2 {1.0 - squared / spread:,.2f}); are both in one unit, and of the same rows?"
        )
