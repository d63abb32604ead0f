"""Which columns a monitor watches, what kind each is and what part it plays."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a column's values are compared: by size or by equality."""

    NUMERICAL = "numerical"
    CATEGORICAL = "categorical"


class Role(StrEnum):
    """What part a column plays for the model that is watched."""

    FEATURE = "feature"
    PREDICTION = "prediction"
    TARGET = "target"


@dataclass(frozen=True, slots=True)
class Column:
    """One watched column; `low` and `high` are the declared range, None where the reference's holds."""

    name: str
    kind: Kind
    role: Role = Role.FEATURE
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Schema:
    """The watched columns in the monitor file's order; names are unique."""

    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    def with_role(self, role: Role) -> Column | None:
        """Return the first column that plays `role`, None where there is none."""
        return next((column for column in self.columns if column.role is role), None)

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any column's name, kind or role: what a profile depends on."""
        text = "\n".join(f"{column.name}\t{column.kind}\t{column.role}" for column in self.columns)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
