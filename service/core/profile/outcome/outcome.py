"""How a model's predictions turned out, whatever its task: `empty`, `of`, `merge`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from service.core.profile.outcome.binary import BinaryOutcome, merge_binary, of_binary, wrong_binary
from service.core.profile.outcome.multiclass import (
    MulticlassOutcome,
    merge_multiclass,
    of_multiclass,
    wrong_multiclass,
)
from service.core.profile.outcome.regression import RegressionOutcome, merge_regression, of_regression
from service.core.rows.batch import Numbers
from service.core.rows.task import Binary, Multiclass, Regression
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.task import Task

Outcome = RegressionOutcome | BinaryOutcome | MulticlassOutcome
# What an outcome keeps of rows without a label: how many, and (of all rows alike) what was answered.
_WAITING = ("pending", "pending_positive", "pending_negative", "unusable")
_ANSWERS = ("told_positive", "told_negative")
_One = TypeVar("_One", RegressionOutcome, BinaryOutcome, MulticlassOutcome)


def empty(task: Task) -> Outcome:
    """Return the outcome of no rows: the identity of `merge`."""
    if isinstance(task, Regression):
        return RegressionOutcome()
    return BinaryOutcome() if isinstance(task, Binary) else MulticlassOutcome()


def of(batch: Batch, task: Task, *, limit: int) -> Outcome:
    """Return how a batch's rows turned out; at most `limit` distinct errors or scores a class are kept."""
    if isinstance(task, Binary):
        return of_binary(batch, task, limit=limit)
    if isinstance(task, Multiclass):
        return of_multiclass(batch, task)
    prediction, target = (_numbers(batch, name) for name in (task.prediction, task.target))
    return of_regression(prediction.values, target.values, unparsable=target.unparsable, limit=limit)


def mistakes(batch: Batch, task: Binary | Multiclass) -> NDArray[np.float64]:
    """Return each row's error of a classifier (float64, shape (rows,)): 1 wrong, 0 right, NaN unknown."""
    return wrong_binary(batch, task) if isinstance(task, Binary) else wrong_multiclass(batch, task)


def merge(parts: Sequence[Outcome], *, limit: int) -> Outcome:
    """Return the outcome of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts belong to different tasks.
    """
    first = parts[0] if parts else None
    if isinstance(first, RegressionOutcome):
        return merge_regression(_alike(parts, RegressionOutcome), limit)
    if isinstance(first, BinaryOutcome):
        return merge_binary(_alike(parts, BinaryOutcome), limit)
    return merge_multiclass(_alike(parts, MulticlassOutcome))


def less(outcome: Outcome, waiting: Outcome) -> Outcome:
    """Return the `outcome` of rows with their labels less that of the same rows `waiting` for them.

    A count may fall below zero: the rows were counted elsewhere, and merging makes the sum whole. Raises
    ProfileError where `waiting` has a labelled row or belongs to another task.
    """
    if type(waiting) is not type(outcome):
        raise ProfileError(f"less: expected a {type(outcome).__name__}, got a {type(waiting).__name__}")
    none = type(outcome)()
    counts: dict[str, int] = {name: getattr(waiting, name) for name in _WAITING if hasattr(waiting, name)}
    answers: dict[str, Any] = {name: getattr(none, name) for name in _ANSWERS if hasattr(none, name)}
    nothing: dict[str, Any] = {**dict.fromkeys(counts, 0), **answers}
    if replace(waiting, **nothing) != none:
        raise ProfileError("less: more than counts is kept of the rows; expected rows without a label")
    left: dict[str, Any] = {name: getattr(outcome, name) - count for name, count in counts.items()}
    return replace(outcome, **left, **answers)


def is_empty(outcome: Outcome) -> bool:
    """Whether nothing was counted, so that merging it changes nothing."""
    return not (outcome.labelled or outcome.pending or outcome.unusable)


def _alike(parts: Sequence[Outcome], kind: type[_One]) -> list[_One]:
    same = [part for part in parts if isinstance(part, kind)]
    if not same or len(same) < len(parts):
        found = ", ".join(sorted({type(part).__name__ for part in parts})) or "none"
        raise ProfileError(f"merge: expected outcomes of one task, one or more of them; got {found}")
    return same


def _numbers(batch: Batch, name: str) -> Numbers:
    column = batch.columns.get(name)
    return column if isinstance(column, Numbers) else Numbers(np.full(batch.rows, np.nan))
