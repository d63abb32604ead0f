"""Schema of `reference.moving` in a monitor file: how a reference moves with the data."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from service.config.base import Section
from service.core.windows.moving_reference import MovingPlan


class RollingReference(Section):
    """The `windows` windows right before the measured one."""

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
