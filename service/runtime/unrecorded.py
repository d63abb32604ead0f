"""Points of a monitor's grid that are not on record: they passed unused, or their cycles left no trace."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Unrecorded:
    """Ranges of grid points, first to last, ascending."""

    ranges: list[tuple[int, int]] = field(default_factory=list)

    def add(self, first: int, last: int) -> None:
        """Add the points from `first` to `last`, which follow all others."""
        if self.ranges and self.ranges[-1][1] == first - 1:
            first, _ = self.ranges.pop()
        self.ranges.append((first, last))

    def take_back(self, index: int) -> None:
        """Leave the newest point out, where it is `index`: its cycle runs once more."""
        if self.ranges and self.ranges[-1][1] == index:
            first, last = self.ranges.pop()
            if first < last:
                self.ranges.append((first, last - 1))
