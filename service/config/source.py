"""What a monitor file may say of where rows come from: the source and the reference."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from service.config.base import _UNITS, Duration, Instant, Section
from service.core.time_units import SECOND

_UNITS["w"] = 7 * _UNITS["d"]


class ReplayConfig(Section):
    """Rows of a Parquet or CSV file, in the order of their event time."""

    type: Literal["replay"]
    path: str
    timestamp: str
    step: Duration | None = None
    rows: int | None = Field(default=None, ge=1)
    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _one_pace(self) -> ReplayConfig:
        if (self.step is None) == (self.rows is None):
            raise ValueError("expected one of step (event time a cycle takes) and rows (rows a cycle takes)")
        return self


class LabelsConfig(Section):
    """Labels that come after their rows, in a file of their own: id, label, and when it became known.

    The columns are named as the monitor's own unless said otherwise. A row waits for as long as `wait`.
    """

    path: str
    timestamp: str = "labelled_at"
    id: str | None = None
    target: str | None = None
    wait: Duration = Field(default=30 * 86_400 * SECOND, gt=0)


class DummyConfig(Section):
    """Random rows, one a cycle, in a table of their own."""

    type: Literal["dummy"]
    seed: int = 0
