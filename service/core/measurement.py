"""Measurements: a value, or the reason why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.worker_call import Question


TWO_SIDED_95 = 1.959963984540054  # standard errors to either side of a 95 % band: the normal's 97.5 % point


class Aspect(StrEnum):
    """The four aspects of a monitored model."""

    DRIFT = "drift"
    QUALITY = "quality"
    PERFORMANCE = "performance"
    HEALTH = "health"


class Worse(StrEnum):
    """The direction in which a value gets worse: distances upwards, p-values downwards, a mean error both."""

    HIGHER = "higher"
    LOWER = "lower"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Series:
    """What is measured; the same in every window.

    `aspect`: the aspect it belongs to.
    `metric`: the metric's name.
    `column`: the column; empty for a metric of the whole window.
    `segment`: the segment; empty for all rows.
    `definition`: whose it follows where there are several (`evidently`, `robust`, `own`), else empty.
    `unit`: the unit of its values; empty for none.
    `worse`: the direction in which it gets worse.
    `headline`: its rank, from 1, among the series that represent a monitor on an overview; None for others.
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
    """One value of one window: finite, or None with the reason.

    `series`: what is measured.
    `value`: the value; None where it could not be measured.
    `rows`: how many rows it rests on.
    `reason`: why there is no value; with a value, what limits it.
    `threshold`: the value from which it is a breach; None where there is none.
    `breached`: whether it is beyond the threshold; None where that cannot be said.
    `reference`: the same metric measured on the reference, where that makes sense.
    `error_bound`: how far a value computed from compressed data can lie from the exact one.
    `low`, `high`: its confidence band.
    `decides`: False for a second opinion, whose breach is shown and raises no alarm.
    `question`: what the worker process has still to answer; until then the reason says so.
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
        """Refuse NaN and infinities, and a missing value without a reason."""
        if self.value is None and not self.reason:
            raise ValueError(f"{self.series}: a measurement without a value needs a reason")
        if self.value is not None and not math.isfinite(self.value):
            raise ValueError(f"{self.series}: {self.value} is not finite; give None and a reason")
