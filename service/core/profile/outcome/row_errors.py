"""The error of each row by itself: what detectors, error cells and the loss model are fed with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.outcome.binary import wrong_binary
from service.core.profile.outcome.multiclass import wrong_multiclass
from service.core.rows.batch import Numbers
from service.core.rows.task import Binary, Regression

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

    Floats = NDArray[np.float64]


def row_errors(batch: Batch, schema: Schema) -> Floats:
    """Return each row's error (float64, shape (rows,)), NaN where it is not known or there is no task.

    A regression's is the absolute error, a classifier's 1 where it was wrong and 0 where it was right.
    """
    task = schema.task
    if task is None:
        return np.full(batch.rows, np.nan)
    if isinstance(task, Regression):
        return absolute_errors(batch, schema)
    return wrong_binary(batch, task) if isinstance(task, Binary) else wrong_multiclass(batch, task)


def absolute_errors(batch: Batch, schema: Schema) -> Floats:
    """Return a regression's absolute error by row (float64, shape (rows,)), NaN where there is none."""
    task = schema.task
    if not isinstance(task, Regression):
        return np.full(batch.rows, np.nan)
    sides = [batch.columns.get(name) for name in (task.prediction, task.target)]
    prediction, target = (s.values if isinstance(s, Numbers) else np.full(batch.rows, np.nan) for s in sides)
    return absolute_error(prediction, target)


def absolute_error(prediction: Floats, target: Floats) -> Floats:
    """Return |prediction - target| (float64, shape (n,)), NaN where either is missing or infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.abs(prediction - target)
    return np.where(np.isfinite(error), error, np.nan)
