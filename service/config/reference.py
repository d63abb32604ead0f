"""Schema of a monitor file's reference section."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.config.base import Instant, Section
from service.core.windows.moving_reference import MovingPlan


class RollingReference(Section):
    """The windows right before the measured one, as many as `windows`."""

    type: Literal["rolling"]
    windows: int = Field(ge=1, le=1_000)

    def plan(self) -> MovingPlan:
        """Return the core's form."""
        return MovingPlan(self.windows)


class ExpandingReference(Section):
    """Everything before the measured window."""

    type: Literal["expanding"]

    def plan(self) -> MovingPlan:
        """Return the core's form."""
        return MovingPlan()


Moving = Annotated[RollingReference | ExpandingReference, Field(discriminator="type")]


class FileReference(Section):
    """Rows of a Parquet or CSV file, all of them or those from `start` to `end` (half-open).

    They are what windows are compared with; where it is `moving`, until enough windows came before.
    """

    type: Literal["file"] = "file"
    path: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    moving: Moving | None = None


class DummyReference(Section):
    """Rows drawn as the dummy source draws them."""

    type: Literal["dummy"]
    rows: int = Field(default=2_000, ge=2)
    moving: Moving | None = None
