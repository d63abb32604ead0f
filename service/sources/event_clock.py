"""The event time of a stream of rows: how far it has come, and which rows come too late.

The watermark is the latest event time seen, but never ahead of the arrival of the rows that brought it: a
sender's clock that is wrong closes no window early. While nothing comes, time goes on at the pace of the wall
clock, so that windows close; that moves no row's lateness, which is counted from rows alone: rows that waited
at their sender while a connection was down are late by no more than the rows after them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class EventClock:
    """How far a stream has come; UTC microseconds, None before the first row.

    - `watermark`: by the rows that came
    - `arrived`: when the last of them came
    """

    watermark: int | None = None
    arrived: int | None = None

    def too_late(self, times: NDArray[np.int64], allowed_us: int) -> NDArray[np.bool_]:
        """Mark the rows whose times lie more than `allowed_us` before the watermark, shape (n,)."""
        if self.watermark is None:
            return np.zeros(len(times), dtype=np.bool_)
        return times < self.watermark - allowed_us

    def after(self, times: NDArray[np.int64], received: int) -> EventClock:
        """Return the clock after rows of these times that came at `received`."""
        if not len(times):
            return self
        newest = min(int(times.max()), received)
        arrived = received if self.arrived is None else max(self.arrived, received)
        return EventClock(newest if self.watermark is None else max(self.watermark, newest), arrived)

    def idle_watermark(self, now: int, patience_us: int) -> int | None:
        """Return the watermark where nothing waits at `now`: it goes on after `patience_us` of silence."""
        if self.watermark is None or self.arrived is None:
            return self.watermark
        return self.watermark + max(0, now - self.arrived - patience_us)

    def as_json(self) -> dict[str, Any]:
        """Return what `of_json` reads."""
        return {"watermark": self.watermark, "arrived": self.arrived}


def of_json(content: dict[str, Any]) -> EventClock:
    """Return the clock that a source's position holds."""
    return replace(EventClock(), watermark=content.get("watermark"), arrived=content.get("arrived"))
