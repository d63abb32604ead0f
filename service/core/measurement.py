"""One number that was measured, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.worker_call import Question


TWO_SIDED_95 = 1.959963984540054  # standard errors to either side of a 95 % band: the normal's 97.5 % point


class Aspect(StrEnum):
    """The four sides of a watched model's state."""

    DRIFT = "drift"
    QUALITY = "quality"
    PERFORMANCE = "performance"
    HEALTH = "health"


class Worse(StrEnum):
    """Which way a number gets worse: a distance upwards, a p-value downwards, a mean error both ways."""

    HIGHER = "higher"
    LOWER = "lower"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Series:
    """What a number is; the same in every window.

    `column` is empty for a number about the whole window; `definition` says whose definition it follows
    where there is more than one (`evidently`, `robust`), else empty. `headline` is its rank, from 1, among
    the series that represent a monitor on an overview; None for all others.
    """

    aspect: Aspect
    metric: str
    column: str = ""
    segment: str = ""
    definition: str = ""
    unit: str = ""
    worse: Worse = Worse.HIGHER
    headline: int | None = None


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number of one window: finite, or None with the reason.

    `reference` is the same number measured on the reference, where that makes sense; `error_bound` is how
    far a number computed from compressed values can lie from the exact one; `low` and `high` are its
    confidence band; `rows` is how many rows it rests on. `decides` is False for a second opinion: its breach
    is shown and raises no alarm. With a `question` the worker process has still to be asked, and until then
    the reason says so.
    """

    series: Series
    value: float | None
    rows: int
    reason: str | None = None
    threshold: float | None = None
    breached: bool | None = None
    reference: float | None = None
    error_bound: float | None = None
    low: float | None = None
    high: float | None = None
    decides: bool = True
    question: Question | None = None

    def __post_init__(self) -> None:
        """Refuse a number that is no number, and a gap without its reason."""
        if self.value is None and not self.reason:
            raise ValueError(f"{self.series}: a measurement without a value needs a reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.series}: {self.value} is not finite; give None and a reason")
