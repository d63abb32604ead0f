"""Guess which columns are the time, the id, the target and the model's output: by names and contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.rows.task import TaskName
from service.guess.kinds import MOST, has_id_name, is_unique
from service.sources.tables.time_text import formats_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.guess.facts import ColumnFacts

_TIME_NAMES = (
    "timestamp", "event_time", "event_timestamp", "time", "datetime", "date_time", "ts", "predicted_at",
    "created_at", "date", "time_hour", "day",
)  # fmt: skip
_TIME_NAME = re.compile(r"time|date|timestamp|(^|_)(at|ts|on|when)$", re.IGNORECASE)
_TARGETS = (
    "target", "label", "y_true", "true_label", "ground_truth", "truth", "actual", "actuals", "observed",
    "outcome", "y", "class",
)  # fmt: skip
_PREDICTIONS = (
    "prediction", "predictions", "predicted", "predicted_label", "predicted_class", "predict", "pred",
    "preds", "y_pred", "yhat", "y_hat", "forecast", "estimate", "model_output",
)  # fmt: skip
_SCORES = (
    "score", "probability", "proba", "prob", "y_score", "y_prob", "y_proba", "predicted_probability",
    "prediction_score", "confidence",
)  # fmt: skip
_PREDICTION_OF = re.compile(
    r"(?:predicted|prediction|pred|forecast|estimated)_(.+)|(.+)_(?:predicted|prediction|pred|hat|forecast)"
)
_SCORE_OF = re.compile(r"(.+)_(?:score|proba|prob|probability)|(?:score|proba|prob|probability|p)_(.+)")
# The positive one of two labels, in lower case.
_POSITIVE = ("1", "true", "yes", "y", "t", "positive", "pos", "1.0")
TWO = 2  # labels of a binary task
_EPOCHS = ((1e9, 4.2e9, "s"), (1e12, 4.2e12, "ms"), (1e15, 4.2e15, "us"), (1e18, 4.2e18, "ns"))


@dataclass(frozen=True, slots=True)
class Role:
    """A column that plays a part, and why it was taken for that."""

    column: str
    why: str


@dataclass(frozen=True, slots=True)
class TimeGuess(Role):
    """The column of times, and what a monitor file says besides its name."""

    unit: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Roles:
    """Which column plays which part, None where no column looks like it.

    - `time`: when each row happened.
    - `identity`: which tells rows apart.
    - `target`: the true value.
    - `prediction`: the model's.
    - `score`: the probability of the positive label.
    - `scores`: the probability of each label.
    - `task`: what the model was asked for, None without a target and an output.
    - `positive`: the positive label of a binary task, with the reason.
    - `ambiguous_times`: columns of times that could be day or month first.
    """

    time: TimeGuess | None = None
    identity: Role | None = None
    target: Role | None = None
    prediction: Role | None = None
    score: Role | None = None
    scores: Mapping[str, str] = field(default_factory=dict)
    task: TaskName | None = None
    positive: Role | None = None
    ambiguous_times: tuple[str, ...] = ()


def guess_roles(columns: Sequence[ColumnFacts]) -> Roles:
    """Return the parts that columns play."""
    time = guess_time(columns)
    others = [column for column in columns if time is None or column.name != time.column]
    prediction, target = _prediction_and_target(others)
    ambiguous = tuple(column.name for column in columns if len(column.time_formats) > 1)
    roles = Roles(time, _identity(others), ambiguous_times=ambiguous)
    return with_outputs(roles, others, target, prediction)


def with_outputs(
    roles: Roles, columns: Sequence[ColumnFacts], target: Role | None, prediction: Role | None
) -> Roles:
    """Return the roles with this target and prediction, and what follows from them: scores and the task.

    A score that the roles have stays; without one a column is looked for.
    """
    by_name = {column.name: column for column in columns}
    truth = None if target is None else by_name[target.column]
    score = _score(columns, target) if roles.score is None else roles.score
    if truth is not None and prediction is not None and score is None:
        prediction, score = _as_score(by_name[prediction.column], truth, prediction)
    task = None
    if truth is not None and (prediction is not None or score is not None):
        task = _task(truth, None if prediction is None else by_name[prediction.column])
    if task is not TaskName.BINARY and prediction is None:  # a score alone is an output of two labels only
        task = None
    return replace(
        roles,
        target=target,
        prediction=prediction,
        score=score if task is TaskName.BINARY else None,
        scores=_scores(columns, truth) if truth is not None and task is TaskName.MULTICLASS else {},
        task=task,
        positive=_positive(truth) if truth is not None and task is TaskName.BINARY else None,
    )


def guess_time(columns: Sequence[ColumnFacts]) -> TimeGuess | None:
    """Return the column of event times: by its content, the one with the plainest name and most values."""
    found = [(column, guess) for column in columns if (guess := _as_time(column)) is not None]
    if not found:
        return None
    return min(found, key=lambda each: (_name_rank(each[0].name), -each[0].distinct))[1]


def _as_time(column: ColumnFacts) -> TimeGuess | None:
    if column.times >= MOST and column.missing <= (1 - MOST) * column.rows:
        return TimeGuess(column.name, "holds times")
    if len(column.time_formats) == 1:
        return TimeGuess(column.name, "holds times", pattern=column.time_formats[0])
    if column.low is None or column.high is None or not _TIME_NAME.search(column.name):
        return None
    for low, high, unit in _EPOCHS:
        if column.numbers == 1.0 and low <= column.low and column.high < high:
            return TimeGuess(column.name, f"numbers of the size of {unit} since 1970", unit=unit)
    if column.numbers == 1.0 and column.whole:
        patterns = formats_of([f"{column.low:.0f}", f"{column.high:.0f}"])
        return TimeGuess(column.name, "digits of a time", pattern=patterns[0]) if patterns else None
    return None


def _name_rank(name: str) -> int:
    plain = name.lower()
    if plain in _TIME_NAMES:
        return _TIME_NAMES.index(plain)
    return len(_TIME_NAMES) + (0 if _TIME_NAME.search(plain) else 1)


def _identity(columns: Sequence[ColumnFacts]) -> Role | None:
    for column in columns:
        is_label = column.whole or not column.numbers
        if has_id_name(column.name) and is_label and is_unique(column) and not column.nested:
            return Role(column.name, "named like an id, and every row has its own")
    return None


def _named(columns: Sequence[ColumnFacts], names: Sequence[str]) -> ColumnFacts | None:
    by_name = {column.name.lower().replace(" ", "_"): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _prediction_and_target(columns: Sequence[ColumnFacts]) -> tuple[Role | None, Role | None]:
    by_name = {column.name.lower(): column for column in columns}
    for column in columns:
        match = _PREDICTION_OF.fullmatch(column.name.lower())
        of = by_name.get((match[1] or match[2]) if match else "")
        if of is not None:
            return (
                Role(column.name, f"by its name the prediction of {of.name}"),
                Role(of.name, f"by name what {column.name} predicts"),
            )
    target, prediction = _named(columns, _TARGETS), _named(columns, _PREDICTIONS)
    for column in columns:
        match = _SCORE_OF.fullmatch(column.name.lower())
        of = by_name.get((match[1] or match[2]) if match else "")
        if target is None and of is not None and of.distinct == TWO and _is_probability(column):
            target = of
    if prediction is None:
        alike = [c for c in columns if _PREDICTION_OF.fullmatch(c.name.lower()) and c is not target]
        prediction = alike[0] if len(alike) == 1 else None
    return (
        None if prediction is None else Role(prediction.name, "by its name"),
        None if target is None else Role(target.name, "by its name"),
    )


def _is_probability(column: ColumnFacts) -> bool:
    low, high = column.low, column.high
    return column.numbers == 1.0 and low is not None and high is not None and 0.0 <= low <= high <= 1.0


def _score(columns: Sequence[ColumnFacts], target: Role | None) -> Role | None:
    named = _named(columns, _SCORES)
    if named is None and target is not None:
        matches = ((c, _SCORE_OF.fullmatch(c.name.lower())) for c in columns)
        alike = [c for c, m in matches if m and target.column.lower() in {m[1], m[2]}]
        named = alike[0] if alike else None
    if named is None or not _is_probability(named):
        return None
    return Role(named.name, "by its name, and all values are from 0 to 1")


def _as_score(prediction: ColumnFacts, target: ColumnFacts, role: Role) -> tuple[Role | None, Role | None]:
    if target.distinct == TWO and _is_probability(prediction) and not prediction.whole:
        return None, Role(prediction.name, "a prediction by its name, and a probability by its values")
    return role, None


def _scores(columns: Sequence[ColumnFacts], target: ColumnFacts) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in columns:
        match = _SCORE_OF.fullmatch(column.name)
        label = (match[2] or match[1]) if match else None
        if label in target.labels and _is_probability(column):
            found[str(label)] = column.name
    return found if len(found) == target.distinct and len(found) > 1 else {}


def _task(truth: ColumnFacts, predicted: ColumnFacts | None) -> TaskName:
    outputs = [truth] if predicted is None else [truth, predicted]
    if all(column.distinct <= TWO for column in outputs):
        return TaskName.BINARY
    if any(_is_amount(column) for column in outputs):
        return TaskName.REGRESSION
    return TaskName.MULTICLASS


def _is_amount(column: ColumnFacts) -> bool:
    return column.numbers >= MOST and (not column.whole or not column.labels)


def _positive(target: ColumnFacts) -> Role:
    plain = {label.lower(): label for label in target.labels}
    if plain.keys() == {"1", "2"}:
        return Role(plain["1"], "a guess: 1 and 2 do not say which is positive; write the one that is")
    for word in _POSITIVE:
        if word in plain and len(target.labels) == TWO:
            return Role(plain[word], "by its meaning")
    return Role(target.labels[-1] if target.labels else "1", "a guess: the rarer of the two labels")
