"""The state of alarms between windows, and its text form in a checkpoint.

The database reads both texts too: the view `tidegauge.alarms` and the function `tidegauge.alarm_of`.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.measurement import Aspect

_BREACHED, _CLEAR, _RAISED = "x", ".", "!"
_SEPARATOR = "|"
_PARTS = 4  # behind the aspect, where the alarm is one series'


@dataclass(frozen=True, slots=True)
class AlarmHistory:
    """One alarm's last windows, oldest first, True where breached, and whether it is raised.

    >>> AlarmHistory((True, False, True), raised=True).encode()
    'x.x!'
    """

    windows: tuple[bool, ...] = ()
    raised: bool = False

    @property
    def breached(self) -> bool:
        """Whether the newest window was breached."""
        return bool(self.windows) and self.windows[-1]

    def encode(self) -> str:
        """Return `x` for each breached and `.` for each clear window, then `!` while the alarm is raised."""
        marks = "".join(_BREACHED if breached else _CLEAR for breached in self.windows)
        return marks + (_RAISED if self.raised else "")

    @classmethod
    def decode(cls, text: str) -> AlarmHistory:
        """Return the history that `encode` wrote."""
        marks = text.removesuffix(_RAISED)
        return cls(tuple(mark == _BREACHED for mark in marks), raised=text.endswith(_RAISED))


@dataclass(frozen=True, slots=True)
class AlarmName:
    """Which alarm: one series', or one column's drift whichever of its methods sees it.

    Of a column's drift `segment`, `metric` and `definition` say which method speaks for it, where that is
    known; they are no part of the alarm's identity.
    """

    aspect: Aspect
    column: str
    segment: str = ""
    metric: str = ""
    definition: str = ""

    def encode(self) -> str:
        """Return the name that the alarm has in a checkpoint."""
        if self.aspect is Aspect.DRIFT and self.column:
            return _SEPARATOR.join((self.aspect, self.column))
        return _SEPARATOR.join((self.aspect, self.column, self.segment, self.metric, self.definition))

    @classmethod
    def decode(cls, text: str) -> AlarmName:
        """Return the name that `encode` wrote. A column's name may hold the separator."""
        aspect, rest = text.split(_SEPARATOR, 1)
        parts = rest.rsplit(_SEPARATOR, _PARTS - 1)
        if len(parts) < _PARTS or (aspect == Aspect.DRIFT and parts[0]):
            parts = [rest]
        return cls(Aspect(aspect), *parts)
