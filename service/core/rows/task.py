"""What a model was asked for, and which columns hold its answers and the truth.

Part of the schema: what is kept of rows depends on it. A label is compared as text: a number as its shortest
17 digits (1.0 and 1 are `1`), a truth value as `True` or `False`.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from enum import StrEnum

TRUE_LIKE = ("1", "True", "true")
FALSE_LIKE = ("0", "False", "false")
HALF = 0.5


class TaskName(StrEnum):
    """The tasks by their names in a monitor file."""

    REGRESSION = "regression"
    BINARY = "binary"
    MULTICLASS = "multiclass"


@dataclass(frozen=True, slots=True)
class Regression:
    """Numbers were predicted; both columns are numerical."""

    prediction: str
    target: str

    @property
    def mark(self) -> str:
        """Nothing: the columns' roles say it all."""
        return ""


@dataclass(frozen=True, slots=True)
class Binary:
    """One of two classes was predicted, as a label, as the positive class's probability `score`, or both.

    A label is positive where it is one of `positive`, any other is negative. Without a `prediction` column a
    row is predicted positive where its score is at least `threshold`.
    """

    target: str
    prediction: str | None = None
    score: str | None = None
    positive: tuple[str, ...] = TRUE_LIKE
    threshold: float = HALF

    @property
    def mark(self) -> str:
        """A text that changes with everything that the kept state depends on."""
        return f"{TaskName.BINARY}\t{astuple(self)!r}"


@dataclass(frozen=True, slots=True)
class Multiclass:
    """One of several classes was predicted as a label; `scores` are (label, its probability's column)."""

    target: str
    prediction: str
    scores: tuple[tuple[str, str], ...] = ()

    @property
    def mark(self) -> str:
        """A text that changes with everything that the kept state depends on."""
        return f"{TaskName.MULTICLASS}\t{astuple(self)!r}"


Task = Regression | Binary | Multiclass


def columns_of(task: Task) -> tuple[str, ...]:
    """Return the columns that an outcome of the task is made of, each once."""
    named: tuple[str | None, ...] = (task.prediction, task.target)
    if isinstance(task, Binary):
        named = (*named, task.score)
    if isinstance(task, Multiclass):
        named = (*named, *(column for _, column in task.scores))
    return tuple(dict.fromkeys(name for name in named if name is not None))


def label_text(label: str | float | bool) -> str:
    """Return the text as which a label is compared."""
    return label if isinstance(label, str) else str(label) if isinstance(label, bool) else f"{label:.17g}"


def positive_labels(label: str | float | bool | None) -> tuple[str, ...]:
    """Return the texts of a declared positive label; None and a truth value stand for all their spellings."""
    if label is None or label is True:
        return TRUE_LIKE
    return FALSE_LIKE if label is False else (label_text(label),)
