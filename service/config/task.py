"""What a monitor file says of its model's task, checked and in the core's form."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

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
from service.methods.performance.estimated.estimate import estimated_metrics_of
from service.methods.performance.performance import metrics_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from service.config.written import WrittenLabel
    from service.core.rows.task import Task

# Which keys, beside prediction and target, belong to which task.
_OWN_KEYS = {
    "score": TaskName.BINARY,
    "positive": TaskName.BINARY,
    "threshold": TaskName.BINARY,
    "scores": TaskName.MULTICLASS,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """The keys of a monitor file that make its task; None where the file does not have them."""

    task: TaskName | None = None
    prediction: str | None = None
    target: str | None = None
    score: str | None = None
    scores: Mapping[WrittenLabel, str] = field(default_factory=dict)
    positive: WrittenLabel | None = None
    threshold: float | None = None

    @property
    def predicted_columns(self) -> tuple[str, ...]:
        """The columns that hold what the model says."""
        named = (self.prediction, self.score, *self.scores.values())
        return tuple(column for column in named if column is not None)


def task_from(asked: Asked, kinds: Mapping[str, Kind]) -> Task | None:
    """Return the task, None where a regression is neither named nor has both columns.

    `kinds` go by column. Raises ValueError that begins with the key that is wrong.
    """
    name = asked.task or TaskName.REGRESSION
    for key, owner in _OWN_KEYS.items():
        if getattr(asked, key) not in (None, {}) and owner is not name:
            raise ValueError(f"{key}: belongs to task: {owner}; this monitor's task is {name}")
    numerical = {"score": asked.score, **{f"scores.{label.text}": c for label, c in asked.scores.items()}}
    labelled = {"prediction": asked.prediction, "target": asked.target}
    if name is TaskName.REGRESSION:
        numerical |= labelled
    for key, column in (labelled | numerical).items():
        if column is not None:
            _check(key, column, kinds, numerical=key in numerical)
    if asked.task is None and (asked.prediction is None or asked.target is None):
        return None
    return _built(name, asked)


def check_performance(thresholds: Collection[str], task: Task | None, *, estimate: bool = True) -> None:
    """Raise ValueError where a threshold's metric is not measured of the task, or not estimated."""
    estimated = [] if task is None else [metric.name for metric in estimated_metrics_of(task)]
    _check_metrics("performance", thresholds, task, estimated)
    for name in thresholds:
        if name in estimated and not estimate:
            raise ValueError(f"performance.{name}: is not measured, since this monitor says estimate: false")


def _check_metrics(key: str, thresholds: Iterable[str], task: Task | None, more: Iterable[str] = ()) -> None:
    known = [] if task is None else [*(metric.name for metric in metrics_of(task)), *more]
    for name in thresholds:
        if not known:
            raise ValueError(f"{key}: needs a prediction and a target, which this monitor does not name")
        if name not in known:
            nearest = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {nearest[0]!r}?" if nearest else f"expected one of: {', '.join(known)}"
            raise ValueError(f"{key}.{name}: no such metric of this monitor's task; {hint}")


def check_segments(
    by: Sequence[str], thresholds: Collection[str], kinds: Mapping[str, Kind], task: Task | None
) -> None:
    """Raise ValueError where rows cannot be segmented `by` a column; `thresholds` are the segments' own."""
    for index, column in enumerate(by):
        if column not in kinds:
            nearest = difflib.get_close_matches(column, kinds, n=1, cutoff=0.0)[0]
            raise ValueError(f"by.{index}: {column!r} is not among the columns; the nearest is {nearest!r}")
        if kinds[column] is not Kind.CATEGORICAL:
            raise ValueError(f"by.{index}: {column!r} is {kinds[column]}; expected a categorical column")
        if column in by[:index]:
            raise ValueError(f"by.{index}: {column!r} stands twice")
    if by and task is None:
        raise ValueError("by: needs a prediction and a target, which this monitor does not name")
    _check_metrics("segment_performance", thresholds, task)
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


def _built(name: TaskName, asked: Asked) -> Task:
    if asked.target is None:
        raise ValueError(f"target: is missing; task: {name} needs the column with the truth")
    if name is TaskName.BINARY:
        return _binary(asked, asked.target)
    if asked.prediction is None:
        raise ValueError(f"prediction: is missing; task: {name} needs the column with the model's answer")
    if name is TaskName.REGRESSION:
        return Regression(asked.prediction, asked.target)
    scores = tuple(sorted((label.texts[0], column) for label, column in asked.scores.items()))
    return Multiclass(asked.target, asked.prediction, scores)


def _binary(asked: Asked, target: str) -> Binary:
    if asked.prediction is None and asked.score is None:
        raise ValueError("prediction: is missing; task: binary needs prediction (labels), score, or both")
    if asked.prediction is not None and asked.threshold is not None:
        raise ValueError(
            "threshold: has no effect beside prediction; expected one of them, which says what is positive"
        )
    threshold = HALF if asked.threshold is None else asked.threshold
    task = Binary(target, asked.prediction, asked.score, threshold=threshold, is_guessed=True)
    return task if asked.positive is None else _with_positive(task, asked.positive)


def _with_positive(task: Binary, label: WrittenLabel) -> Binary:
    # A truth value stands for all its spellings, after what is written where that is no `true` or `false`.
    if isinstance(label.value, bool):
        alike = TRUE_LIKE if label.value else FALSE_LIKE
        if label.text.lower() == str(label.value).lower():
            return replace(task, positive=alike, is_guessed=label.value)
        return replace(task, positive=(label.text,), otherwise=alike, is_guessed=label.value)
    first, *others = label.texts
    return replace(task, positive=(first,), otherwise=tuple(others), is_guessed=False)
