"""The outcome of a model's predictions, whatever its task."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from service.core.profile.outcome.binary import (
    BinaryOutcome,
    decode_binary,
    encode_binary,
    merge_binary,
    of_binary,
)
from service.core.profile.outcome.multiclass import (
    MulticlassOutcome,
    decode_multiclass,
    encode_multiclass,
    merge_multiclass,
    of_multiclass,
)
from service.core.profile.outcome.regression import (
    RegressionOutcome,
    decode_regression,
    encode_regression,
    merge_regression,
    of_regression,
)
from service.core.profile.part import Part
from service.core.rows.batch import Numbers
from service.core.rows.task import Binary, Multiclass, Regression
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task

Outcome = RegressionOutcome | BinaryOutcome | MulticlassOutcome
# What an outcome keeps of rows without a label: how many, and (as of all rows) what was predicted.
_WAITING = ("pending", "pending_positive", "pending_negative", "unusable")
_ANSWERS = ("scores_predicted_positive", "scores_predicted_negative")
_EMPTY: dict[str, Outcome] = {
    "regression": RegressionOutcome(),
    "binary": BinaryOutcome(),
    "multiclass": MulticlassOutcome(),
}
_NAMES = {type(nothing): name for name, nothing in _EMPTY.items()}
_One = TypeVar("_One", RegressionOutcome, BinaryOutcome, MulticlassOutcome)


def empty(task: Task) -> Outcome:
    """Return the outcome of no rows: the identity of `merge`."""
    if isinstance(task, Regression):
        return RegressionOutcome()
    return BinaryOutcome() if isinstance(task, Binary) else MulticlassOutcome()


def of(batch: Batch, task: Task, *, limit: int) -> Outcome:
    """Return the outcome of a batch's rows; at most `limit` distinct errors or scores per class are kept."""
    if isinstance(task, Binary):
        return of_binary(batch, task, limit=limit)
    if isinstance(task, Multiclass):
        return of_multiclass(batch, task)
    prediction, target = (_numbers(batch, name) for name in (task.prediction, task.target))
    return of_regression(prediction.values, target.values, unparsable=target.unparsable, limit=limit)


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


def task_name(outcome: Outcome) -> str:
    """Return the name of the outcome's task in stored bytes."""
    return _NAMES[type(outcome)]


def empty_of(task: str) -> Outcome:
    """Return the outcome of no rows of the task of that name. Raises KeyError where there is none."""
    return _EMPTY[task]


def encode(outcome: Outcome, arrays: ArrayWriter) -> dict[str, Json]:
    """Return the outcome as JSON."""
    if isinstance(outcome, RegressionOutcome):
        form = encode_regression(outcome, arrays)
    elif isinstance(outcome, BinaryOutcome):
        form = encode_binary(outcome, arrays)
    else:
        form = encode_multiclass(outcome)
    return {"task": task_name(outcome), **form}


def decode(form: Json, arrays: ArrayReader) -> Outcome:
    """Return the outcome that `encode` was given. Raises KeyError where its task is not known."""
    nothing = empty_of(form["task"])
    if isinstance(nothing, RegressionOutcome):
        return decode_regression(form, arrays)
    return decode_binary(form, arrays) if isinstance(nothing, BinaryOutcome) else decode_multiclass(form)


def _alike(parts: Sequence[Outcome], kind: type[_One]) -> list[_One]:
    same = [part for part in parts if isinstance(part, kind)]
    if not same or len(same) < len(parts):
        found = ", ".join(sorted({type(part).__name__ for part in parts})) or "none"
        raise ProfileError(f"merge: expected outcomes of one task, one or more of them; got {found}")
    return same


def _numbers(batch: Batch, name: str) -> Numbers:
    column = batch.columns.get(name)
    return column if isinstance(column, Numbers) else Numbers(np.full(batch.rows, np.nan))


def _empty(schema: Schema, _: ProfileSpec) -> Outcome | None:
    return None if schema.task is None else empty(schema.task)


def _of(batch: Batch, schema: Schema, _: ProfileSpec, limit: int) -> Outcome | None:
    return None if schema.task is None else of(batch, schema.task, limit=limit)


def _late(labelled: Batch, waiting: Batch, schema: Schema, spec: ProfileSpec, limit: int) -> Outcome | None:
    after, before = (_of(batch, schema, spec, limit) for batch in (labelled, waiting))
    return None if after is None or before is None else less(after, before)


def _merge(sides: Sequence[Outcome | None], limit: int) -> Outcome | None:
    outcomes = [side for side in sides if side is not None]
    return merge(outcomes, limit=limit) if outcomes else None


def _encode(outcome: Outcome | None, arrays: ArrayWriter) -> Json:
    return None if outcome is None else encode(outcome, arrays)


def _decode(form: Json, arrays: ArrayReader) -> Outcome | None:
    return None if form is None else decode(form, arrays)


PART: Part[Outcome | None] = Part(
    "outcome", _empty, _of, _merge, _encode, _decode, late=_late
)  # None: the schema has no task
