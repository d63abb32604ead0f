"""What a monitor file may say of where rows come from: the source and the reference."""

from __future__ import annotations

import re
from datetime import datetime  # pydantic reads the annotations
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from service.core.windows.moving_reference import MovingPlan

SECOND = 1_000_000
_UNITS = {"ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
_UNITS["w"] = 7 * _UNITS["d"]


def microseconds(text: object) -> int:
    """Return a duration such as `7d`, `90s` or `250ms` in microseconds.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|w)", str(text).strip())
    if not found:
        raise ValueError(f"expected a duration such as 30s, 15m, 6h, 7d or 2w, got {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def _zoned(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"expected a time with its zone, such as {instant.isoformat()}Z")
    return instant


Duration = Annotated[int, BeforeValidator(microseconds)]
Instant = Annotated[datetime, AfterValidator(_zoned)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


class Part(BaseModel):
    """A part of a monitor file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReplayConfig(Part):
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


class LabelsConfig(Part):
    """Labels that come after their rows, in a file of their own: id, label, and when it became known.

    The columns are named as the monitor's own unless said otherwise. A row waits for as long as `wait`.
    """

    path: str
    timestamp: str = "labelled_at"
    id: str | None = None
    target: str | None = None
    wait: Duration = Field(default=30 * 86_400 * SECOND, gt=0)


class DummyConfig(Part):
    """Random rows, one a cycle, in a table of their own."""

    type: Literal["dummy"]
    seed: int = 0


class RollingReference(Part):
    """The windows right before the measured one, as many as `windows`."""

    type: Literal["rolling"]
    windows: int = Field(ge=1, le=1_000)

    def plan(self) -> MovingPlan:
        """Return the core's form."""
        return MovingPlan(self.windows)


class ExpandingReference(Part):
    """Everything before the measured window."""

    type: Literal["expanding"]

    def plan(self) -> MovingPlan:
        """Return the core's form."""
        return MovingPlan()


Moving = Annotated[RollingReference | ExpandingReference, Field(discriminator="type")]


class FileReference(Part):
    """Rows of a Parquet or CSV file, all of them or those from `start` to `end` (half-open).

    They are what windows are compared with; where it is `moving`, until enough windows came before.
    """

    type: Literal["file"] = "file"
    path: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    moving: Moving | None = None


class DummyReference(Part):
    """Rows drawn as the dummy source draws them."""

    type: Literal["dummy"]
    rows: int = Field(default=2_000, ge=2)
    moving: Moving | None = None
