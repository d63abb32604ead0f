"""Checks the keys of a monitor file that make the model's task, and builds the task in the core's form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.config.nearest import nearest
from service.core.measurement import Worse
from service.core.rows.schema import Kind
from service.core.rows.task import (
    FALSE_LIKE,
    HALF,
    TRUE_LIKE,
    Binary,
    Multiclass,
    Regression,
    TaskName,
)
from service.methods.performance.registry import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.config.written import WrittenLabel
    from service.core.rows.task import Task
    from service.methods.performance.metric import AnyMetric

# The task of each key that not every task has.
_OWN_KEYS = {
    "score": TaskName.BINARY,
    "positive": TaskName.BINARY,
    "threshold": TaskName.BINARY,
    "scores": TaskName.MULTICLASS,
}


@dataclass(frozen=True, slots=True)
class TaskKeys:
    """The keys of a monitor file that make its task; None for a key that the file does not have."""

    task: TaskName | None = None
    prediction: str | None = None
    target: str | None = None
    score: str | None = None
    scores: Mapping[WrittenLabel, str] = field(default_factory=dict)
    positive: WrittenLabel | None = None
    threshold: float | None = None

    @property
    def predicted_columns(self) -> tuple[str, ...]:
        """The columns of the model's output."""
        named = (self.prediction, self.score, *self.scores.values())
        return tuple(column for column in named if column is not None)


def task_from(keys: TaskKeys, kinds: Mapping[str, Kind]) -> Task | None:
    """Return the task; None where none is named and there are not both columns of a regression.

    `kinds` is the kind of each column. Raises ValueError that begins with the wrong key.
    """
    name = keys.task or TaskName.REGRESSION
    for key, owner in _OWN_KEYS.items():
        if getattr(keys, key) not in (None, {}) and owner is not name:
            raise ValueError(f"{key}: belongs to task: {owner}; this monitor's task is {name}")
    numerical = {"score": keys.score, **{f"scores.{label.text}": c for label, c in keys.scores.items()}}
    labelled = {"prediction": keys.prediction, "target": keys.target}
    is_alone = keys.task is None and (keys.prediction is None or keys.target is None)
    if name is TaskName.REGRESSION and not is_alone:  # one alone is only compared, of whichever kind
        numerical |= labelled
    for key, column in (labelled | numerical).items():
        if column is not None:
            _check(key, column, kinds, numerical=key in numerical)
    twice = [column for column in keys.scores.values() if list(keys.scores.values()).count(column) > 1]
    if twice:
        raise ValueError(
            f"scores: {twice[0]!r} is the column of two labels; expected a column for each label"
        )
    if is_alone:
        return None
    for key, column in ({"prediction": keys.prediction} | numerical).items():
        if column is not None and column == keys.target and key != "target":
            raise ValueError(
                f"{key}: {column!r} is the target, so that every row would be right; expected the column of "
                "what the model said"
            )
    return _built(name, keys)


def find_metric(key: str, name: str, task: Task | None, more: Iterable[AnyMetric] = ()) -> AnyMetric:
    """Return the metric of that name, of a task or among `more`. Raises ValueError where there is none."""
    known = {} if task is None else {metric.name: metric for metric in (*metrics_of(task), *more)}
    if not known:
        raise ValueError(f"{key}: needs a prediction and a target, which this monitor does not name")
    if name not in known:
        close = nearest(name, known)
        hint = f"expected one of: {', '.join(known)}" if close is None else f"did you mean {close!r}?"
        raise ValueError(f"{key}.{name}: no such metric of this monitor's task; {hint}")
    return known[name]


def check_metric_threshold(key: str, threshold: float, metric: AnyMetric) -> None:
    """Raise ValueError, which begins with `key`, where a metric cannot have that value."""
    low, high = metric.threshold_within
    if low <= threshold <= high:
        return
    expected = f"{low:g} to {high:g}"
    if math.isinf(low) or math.isinf(high):
        expected = f"{high:g} or less" if math.isinf(low) else f"{low:g} or more"
    what = "distance" if metric.worse is Worse.BOTH else "value"
    raise ValueError(f"{key}: {threshold:g} is no {what} that {metric.name} can have; expected {expected}")


def check_segments(
    by: Sequence[str], thresholds: Mapping[str, float], kinds: Mapping[str, Kind], task: Task | None
) -> None:
    """Raise ValueError where rows cannot be segmented `by` a column; `thresholds` are the segments' own."""
    for index, column in enumerate(by):
        if column not in kinds:
            close = nearest(column, kinds)
            hint = f"expected one of: {', '.join(kinds)}" if close is None else f"the nearest is {close!r}"
            raise ValueError(f"by.{index}: {column!r} is not among the columns; {hint}")
        if kinds[column] is not Kind.CATEGORICAL:
            raise ValueError(f"by.{index}: {column!r} is {kinds[column]}; expected a categorical column")
        if column in by[:index]:
            raise ValueError(f"by.{index}: {column!r} is listed twice")
    if by and task is None:
        raise ValueError("by: needs a prediction and a target, which this monitor does not name")
    for name, threshold in thresholds.items():
        metric = find_metric("segment_performance", name, task)
        check_metric_threshold(f"segment_performance.{name}", threshold, metric)
    if thresholds and not by:
        raise ValueError("segment_performance: needs by, the columns whose values are measured separately")


def _check(key: str, column: str, kinds: Mapping[str, Kind], *, numerical: bool) -> None:
    if column not in kinds:
        raise ValueError(f"{key}: {column!r} is not among the columns: {', '.join(kinds)}")
    if kinds[column] is Kind.TEXT:
        raise ValueError(f"{key}: {column!r} is text; expected categorical for labels, or numerical")
    if numerical and kinds[column] is not Kind.NUMERICAL:
        hint = "; for labels say task: binary or task: multiclass" if key in {"prediction", "target"} else ""
        raise ValueError(f"{key}: {column!r} is {kinds[column]}; expected numerical{hint}")


def _built(name: TaskName, keys: TaskKeys) -> Task:
    if keys.target is None:
        raise ValueError(f"target: is missing; task: {name} needs the column of the true values")
    if name is TaskName.BINARY:
        return _binary(keys, keys.target)
    if keys.prediction is None:
        raise ValueError(f"prediction: is missing; task: {name} needs the column of the model's predictions")
    if name is TaskName.REGRESSION:
        return Regression(keys.prediction, keys.target)
    scores = tuple(sorted((label.texts[0], column) for label, column in keys.scores.items()))
    return Multiclass(keys.target, keys.prediction, scores)


def _binary(keys: TaskKeys, target: str) -> Binary:
    if keys.prediction is None and keys.score is None:
        raise ValueError("prediction: is missing; task: binary needs prediction (labels), score, or both")
    if keys.prediction is not None and keys.threshold is not None:
        raise ValueError(
            "threshold: has no effect next to prediction; expected one of the two to decide what is positive"
        )
    threshold = HALF if keys.threshold is None else keys.threshold
    if not 0.0 <= threshold <= 1.0:
        raise ValueError(
            f"threshold: {threshold:g} is no probability; expected 0 to 1. For a score of another "
            "scale leave threshold out and name the column of predicted labels as prediction"
        )
    task = Binary(target, keys.prediction, keys.score, threshold=threshold, is_guessed=True)
    return task if keys.positive is None else _with_positive(task, keys.positive)


def _with_positive(task: Binary, label: WrittenLabel) -> Binary:
    # A truth value stands for all its spellings, after what is written where that is no `true` or `false`.
    if isinstance(label.value, bool):
        alike = TRUE_LIKE if label.value else FALSE_LIKE
        if label.text.lower() == str(label.value).lower():
            return replace(task, positive=alike, is_guessed=label.value)
        return replace(task, positive=(label.text,), otherwise=alike, is_guessed=label.value)
    first, *others = label.texts
    return replace(task, positive=(first,), otherwise=tuple(others), is_guessed=False)
