"""The losses of each row by themselves: what a tolerance is tested by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.outcome.binary import loss_of, scores_of, wrong_binary
from service.core.profile.outcome.multiclass import wrong_multiclass
from service.core.profile.outcome.row_errors import absolute_errors
from service.core.rows.class_labels import class_labels, is_one_of
from service.core.rows.task import Binary, Regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task

    Floats = NDArray[np.float64]

ABSOLUTE_ERROR, WRONG, SQUARED_DISTANCE, LOG_LOSS = "absolute_error", "wrong", "squared_distance", "log_loss"


def names_of(task: Task) -> tuple[str, ...]:
    """Return the names of a task's losses, in the order of `row_losses`."""
    if isinstance(task, Regression):
        return (ABSOLUTE_ERROR,)
    if isinstance(task, Binary) and task.score is not None:
        return (WRONG, SQUARED_DISTANCE, LOG_LOSS)
    return (WRONG,)


def row_losses(batch: Batch, schema: Schema) -> Floats:
    """Return each row's losses (float64, shape (losses, rows)), NaN where one is not known.

    None is negative. A score outside of 0 to 1 has no loss.
    """
    task = schema.task
    if task is None:
        return np.zeros((0, batch.rows))
    if isinstance(task, Regression):
        size = absolute_errors(batch, schema)
        with np.errstate(over="ignore"):
            usable = np.isfinite(size * size)  # as the outcome counts labelled rows
        return np.where(usable, size, np.nan)[None, :]
    if not isinstance(task, Binary):
        return wrong_multiclass(batch, task)[None, :]
    wrong = wrong_binary(batch, task)
    if task.score is None:
        return wrong[None, :]
    truth = is_one_of(class_labels(batch.columns.get(task.target), batch.rows), task.positive)
    score = scores_of(batch, task)
    with np.errstate(invalid="ignore"):
        proper = (truth >= 0) & (score >= 0.0) & (score <= 1.0)
    squared, logarithmic = np.full(batch.rows, np.nan), np.full(batch.rows, np.nan)
    truth, score = truth[proper], score[proper]
    squared[proper] = (score - truth) ** 2
    logarithmic[proper] = loss_of(np.where(truth == 1, score, 1.0 - score))
    return np.stack((wrong, squared, logarithmic))
