"""ADWIN: a window that grows until some cut shows that its older and newer rows have different means.

After A. Bifet and R. Gavaldà, "Learning from time-changing data with adaptive windowing" (2007): rows are
kept as sums of 1, 2, 4, 8 ... rows, so n rows take O(log n) numbers. The paper's window then drops its oldest
rows; here as in river a new detector starts after a change, so nothing is ever dropped. The order of the
arithmetic is river's, so that detections are the same.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(slots=True)
class Adwin:
    """Detects a change of the mean of values between 0 and 1.

    The fields up to `grace_period` are river's parameters, the others its whole state:

    total: the sum of the window's values.
    variance: their sum of squared deviations.
    width: how many they are.
    totals: `totals[i]` are the sums of buckets of 2**i rows, oldest first.
    """

    delta: float = 0.002
    clock: int = 32
    max_buckets: int = 5
    min_window_length: int = 5
    grace_period: int = 10
    total: float = field(default=0.0, init=False)
    variance: float = field(default=0.0, init=False)
    width: int = field(default=0, init=False)
    totals: list[list[float]] = field(default_factory=lambda: [[]], init=False)

    def update(self, value: float) -> bool:
        """Take one value; return whether the mean has changed."""
        self._insert(value)
        if self.width % self.clock or self.width <= self.grace_period:
            return False
        return self._has_cut()

    def _insert(self, value: float) -> None:
        self.totals[0].append(value)
        self.width += 1
        if self.width > 1:
            step = value - self.total / (self.width - 1.0)
            self.variance += (self.width - 1.0) * step * step / self.width
        self.total += value
        place = 0
        while len(self.totals[place]) > self.max_buckets:
            self._join_oldest(place)
            place += 1

    def _join_oldest(self, place: int) -> None:
        # The two oldest buckets of a size become one of twice the size.
        totals = self.totals[place]
        if place + 1 == len(self.totals):
            self.totals.append([])
        self.totals[place + 1].append(totals[0] + totals[1])
        del totals[:2]

    def _has_cut(self) -> bool:
        limit = math.log(2.0 * math.log(self.width) / self.delta)
        spread = self.variance / self.width
        old_rows, new_rows, old, new = 0.0, float(self.width), 0.0, self.total
        for place in range(len(self.totals) - 1, -1, -1):
            size = float(2**place)
            for total in self.totals[place]:
                old_rows += size
                new_rows -= size
                old += total
                new -= total
                if min(old_rows, new_rows) < self.min_window_length:
                    continue
                inverse = 1.0 / (old_rows - self.min_window_length + 1.0)
                inverse += 1.0 / (new_rows - self.min_window_length + 1.0)
                smallest = math.sqrt(2.0 * inverse * spread * limit) + 2.0 / 3.0 * limit * inverse
                if abs(old / old_rows - new / new_rows) > smallest:
                    return True
        return False
