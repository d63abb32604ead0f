"""What the story of a monitor is made of: its newest window and its alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from service.core.measurement import Aspect
    from service.core.read_models import NewestMeasurement, NewestWindow, RaisedAlarm


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a monitor.

    `newest` is its newest window, ordered and marked; `alarms` are those that are raised.
    """

    newest: NewestWindow
    alarms: Sequence[RaisedAlarm]

    def of(self, aspect: Aspect) -> list[NewestMeasurement]:
        """Return the measurements of an aspect, in their order."""
        return [each for each in self.newest.measurements if each.aspect is aspect]

    def raised(self, aspect: Aspect) -> list[RaisedAlarm]:
        """Return the raised alarms of an aspect."""
        return [each for each in self.alarms if each.aspect is aspect]

    def since(self, of: NewestMeasurement) -> datetime | None:
        """Return when the alarm that a measurement represents was raised, None where that is not known."""
        mine = of.alarm_name.encode()
        return next((each.since for each in self.alarms if each.alarm_name.encode() == mine), None)

    @property
    def judged(self) -> list[NewestMeasurement]:
        """The measurements of the newest window that have a value and a verdict."""
        return [each for each in self.newest.measurements if is_judged(each)]


def is_judged(of: NewestMeasurement) -> bool:
    """Return whether a measurement has a value, and a verdict on it."""
    return of.value is not None and of.breached is not None
