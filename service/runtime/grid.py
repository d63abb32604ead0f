"""The points of time at which a monitor's cycles start: by the event loop's clock, and by the wall clock."""

from __future__ import annotations

import math
from dataclasses import dataclass

from service.core.time_units import SECOND

CLOCK_SLACK_SECONDS = 1.0  # by which slots may be off the wall clock, which is steered as it goes


@dataclass(slots=True)
class Grid:
    """A grid of times, start + k x interval.

    - `interval_seconds`: between two points
    - `origin`: the point 0 by the event loop's clock, which nobody sets
    - `start`: the same point by the wall clock, in UTC microseconds; it moves where that clock is set
    """

    interval_seconds: float
    origin: float
    start: int

    @classmethod
    def going_on(cls, interval_seconds: float, after: int, *, clock: float, wall: int) -> Grid:
        """Return the grid of which another process used the point `after`, by the wall clock.

        `clock` and `wall` are the same instant by the two clocks. A point that lies ahead was kept by a
        clock that was ahead: what counts is the grid.
        """
        interval = round(interval_seconds * SECOND)
        start = after - max(0, -((wall - after) // interval)) * interval
        return cls(interval_seconds, clock - (wall - start) / SECOND, start)

    def at(self, index: int) -> float:
        """Return a point by the event loop's clock."""
        return self.origin + index * self.interval_seconds

    def last_before(self, clock: float) -> int:
        """Return the index of the newest point that has passed, by the event loop's clock."""
        return math.floor((clock - self.origin) / self.interval_seconds)

    def next_from(self, clock: float) -> int:
        """Return the index of the first point that is still to come, by the event loop's clock."""
        return math.ceil((clock - self.origin) / self.interval_seconds)

    def slot(self, index: int, *, clock: float, wall: int) -> int:
        """Return a point by the wall clock, in UTC microseconds; `clock` and `wall` are the present.

        Where the wall clock was set, or the machine slept, the grid moves with it.
        """
        slot = self.start + round(index * self.interval_seconds * SECOND)
        moved = wall - round((clock - self.at(index)) * SECOND) - slot
        if abs(moved) > CLOCK_SLACK_SECONDS * SECOND:
            self.start += moved
            slot += moved
        return slot
