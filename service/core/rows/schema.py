"""Which columns a monitor watches, what kind each is and what part it plays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from service.core.rows.task import Regression, Task

if TYPE_CHECKING:
    from service.core.rows.number_format import NumberFormat


class Kind(StrEnum):
    """How a column's values are compared: by size, by equality, or as texts by their lengths and words."""

    NUMERICAL = "numerical"
    CATEGORICAL = "categorical"
    TEXT = "text"

    @property
    def counted(self) -> Kind:
        """As what its values are counted: a text's length is a number."""
        return Kind.NUMERICAL if self is Kind.TEXT else self

    @property
    def is_category(self) -> bool:
        """Whether values are labels."""
        return self is Kind.CATEGORICAL


class Role(StrEnum):
    """What part a column plays for the model that is watched."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    TARGET = "target"
    SERVICE = "service"  # what the model's server says of itself: its quality is measured, no drift

    @property
    def is_answer(self) -> bool:
        """Whether the column holds what was predicted or came true."""
        return self in {Role.PREDICTION, Role.TARGET}


@dataclass(frozen=True, slots=True)
class Column:
    """One watched column.

    - `low`, `high`: the declared range; None where the reference's holds.
    - `number`: how its numbers are written where they come as texts; None is plainly.
    - `mask`: changes with the key by which a sensitive column's values are hashed; empty where they are not.
    - `missing_words`: the words that stand for no value; None where those of its kind and role do
      (`missing_words.py`).
    - `unit`: of its numbers, for people; empty where none is declared.
    """

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    low: float | None = None
    high: float | None = None
    number: NumberFormat | None = None
    mask: str = ""
    missing_words: tuple[str, ...] | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Schema:
    """The watched columns in the monitor file's order, names unique, and what the model was asked for.

    Without a `task` it is a regression where the columns have a prediction and a target. `identity` is the
    column that tells rows apart; its values are compared with each other and never with the reference's.
    `exact_ids` asks for a second hash of each id, so that rows that come again are found without an error.
    """

    columns: tuple[Column, ...]
    task: Task | None = None
    identity: str | None = None
    exact_ids: bool = False

    def __post_init__(self) -> None:
        """Complete the task from the columns' roles."""
        prediction, target = self.with_role(Role.PREDICTION), self.with_role(Role.TARGET)
        if self.task is None and prediction is not None and target is not None:
            object.__setattr__(self, "task", Regression(prediction.name, target.name))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def compared(self) -> Schema:
        """The columns whose drift is measured: all but what the model's server says of itself."""
        if not any(column.role is Role.SERVICE for column in self.columns):
            return self
        kept = tuple(column for column in self.columns if column.role is not Role.SERVICE)
        return Schema(kept, self.task, self.identity, exact_ids=self.exact_ids)

    def with_role(self, role: Role) -> Column | None:
        """Return the first column that plays `role`, None where there is none."""
        return next((column for column in self.columns if column.role is role), None)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits of what a profile depends on: names, kinds, roles, missing words; the task."""
        text = "\n".join(f"{column.name}\t{column.kind}\t{column.role}" for column in self.columns)
        text += "".join(f"\nmask\t{column.name}\t{column.mask}" for column in self.columns if column.mask)
        for column in self.columns:
            if column.missing_words is not None:
                text += f"\nmissing\t{column.name}\t{sorted(column.missing_words)!r}"
        if self.task is not None and self.task.mark:
            text += f"\n{self.task.mark}"
        if self.identity is not None:
            text += f"\nid\t{self.identity}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]
