"""What a model was asked for, and which columns hold its answers and the truth.

Part of the schema: what is kept of rows depends on it. Labels are compared by their text in the column's form
(`label_form.py`).
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

    A label is positive where it is one of `positive`, any other is negative; `otherwise` takes its place
    where the reference has none of them. With `is_guessed` nobody named it, and the reference's labels may
    be another obvious pair. Without a `prediction` column a row is predicted positive where its score is at
    least `threshold`.
    """

    target: str
    prediction: str | None = None
    score: str | None = None
    positive: tuple[str, ...] = TRUE_LIKE
    threshold: float = HALF
    otherwise: tuple[str, ...] = ()
    is_guessed: bool = False

    @property
    def mark(self) -> str:
        """A text that changes with everything that the kept state depends on."""
        kept = self.target, self.prediction, self.score, self.positive, self.threshold
        return f"{TaskName.BINARY}\t{kept!r}"


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
