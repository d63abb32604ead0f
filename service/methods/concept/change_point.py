"""Change-point detectors that take one value at a time; the seventh, ADWIN, is in `adwin.py`.

The fields that a constructor takes are a detector's parameters (river's names and defaults), the others its
whole state. After a detection a new detector starts. The order of the arithmetic is river's, so that
detections are the same.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from service.methods.stats.p_values import kolmogorov_smirnov

MIN_KS_DISTANCE = 0.1  # river's: up to it nothing counts as a change, however many rows


@dataclass(slots=True)
class PageHinkley:
    """Detects a change of the mean by the largest rise and fall of the summed deviations from it.

    E. S. Page, "Continuous inspection schemes" (1954). `mode`: up, down or both.
    """

    min_instances: int = 30
    delta: float = 0.005
    threshold: float = 50.0
    alpha: float = 0.9999
    mode: str = "both"
    rows: int = field(default=0, init=False)
    mean: float = field(default=0.0, init=False)
    rising: float = field(default=0.0, init=False)
    falling: float = field(default=0.0, init=False)
    lowest: float | None = field(default=None, init=False)
    highest: float = field(default=-1.0, init=False)

    def update(self, value: float) -> bool:
        """Take one value; return whether the mean has changed."""
        self.rows += 1
        self.mean += (1.0 / self.rows) * (value - self.mean)
        deviation = value - self.mean
        self.rising = self.alpha * self.rising + deviation - self.delta
        self.falling = self.alpha * self.falling + deviation + self.delta
        self.lowest = self.rising if self.lowest is None else min(self.lowest, self.rising)
        self.highest = max(self.highest, self.falling)
        if self.rows < self.min_instances:
            return False
        rose = self.rising - self.lowest > self.threshold
        fell = self.highest - self.falling > self.threshold
        return (rose and self.mode != "down") or (fell and self.mode != "up")


@dataclass(slots=True)
class Ddm:
    """Detects a rise of the error rate by so many standard deviations above its lowest.

    J. Gama and others, "Learning with drift detection" (2004). A stream without any error in its first
    `warm_start` rows makes the first one a change.
    """

    warm_start: int = 30
    drift_threshold: float = 3.0
    rows: int = field(default=0, init=False)
    rate: float = field(default=0.0, init=False)
    lowest_rate: float | None = field(default=None, init=False)
    lowest_deviation: float = field(default=0.0, init=False)

    def update(self, wrong: float) -> bool:
        """Take 1 for an error, else 0; return whether errors have become more frequent."""
        self.rows += 1
        self.rate += (1.0 / self.rows) * (wrong - self.rate)
        if self.rows <= self.warm_start:
            return False
        deviation = math.sqrt(self.rate * (1.0 - self.rate) / self.rows)
        level = self.rate + deviation
        if self.lowest_rate is None or level <= self.lowest_rate + self.lowest_deviation:
            self.lowest_rate, self.lowest_deviation = self.rate, deviation
        return level > self.lowest_rate + self.drift_threshold * self.lowest_deviation


@dataclass(slots=True)
class Eddm:
    """Detects that errors follow each other more closely than when they were rarest.

    M. Baena-García and others, "Early drift detection method" (2006).
    """

    warm_start: int = 30
    beta: float = 0.9
    rows: int = field(default=0, init=False)
    errors: int = field(default=0, init=False)
    last_error: int = field(default=0, init=False)
    mean: float = field(default=0.0, init=False)
    squares: float = field(default=0.0, init=False)
    widest: float = field(default=-1.0, init=False)

    def update(self, wrong: float) -> bool:
        """Take 1 for an error, else 0; return whether errors have become more frequent."""
        self.rows += 1
        if wrong != 1.0:
            return False
        self.errors += 1
        before, between = self.mean, self.rows - self.last_error
        self.last_error = self.rows
        self.mean += (1.0 / self.errors) * (between - before)
        self.squares += (between - before) * (between - self.mean)
        if self.rows <= self.warm_start:
            return False
        deviation = (self.squares / (self.errors - 1)) ** 0.5 if self.errors > 1 else 0.0
        reach = self.mean + 2 * deviation
        if reach > self.widest:
            self.widest = reach
            return False
        return self.errors > self.warm_start and reach / self.widest < self.beta


@dataclass(slots=True)
class HddmA:
    """Detects a change of the error rate since its lowest (and its highest) by Hoeffding's bound.

    I. Frías-Blanco and others, "Online and non-parametric drift detection methods based on Hoeffding's
    bounds" (2015), the test of averages.
    """

    drift_confidence: float = 0.001
    two_sided_test: bool = False
    rows: int = field(default=0, init=False)
    mean: float = field(default=0.0, init=False)
    low_rows: int = field(default=0, init=False)
    low_mean: float = field(default=0.0, init=False)
    high_rows: int = field(default=0, init=False)
    high_mean: float = field(default=0.0, init=False)

    def update(self, wrong: float) -> bool:
        """Take 1 for an error, else 0; return whether the error rate has changed."""
        self.rows += 1
        self.mean += (1.0 / self.rows) * (wrong - self.mean)
        bound = self._bound(self.rows)
        if not self.low_rows or self.low_mean + self._bound(self.low_rows) >= self.mean + bound:
            self.low_rows, self.low_mean = self.rows, self.mean
        if not self.high_rows or self.high_mean - self._bound(self.high_rows) <= self.mean - bound:
            self.high_rows, self.high_mean = self.rows, self.mean
        if self._apart(self.low_rows, self.mean - self.low_mean):
            return True
        return self.two_sided_test and self._apart(self.high_rows, self.high_mean - self.mean)

    def _bound(self, rows: int) -> float:
        return math.sqrt(1.0 / (2 * rows) * math.log(1.0 / self.drift_confidence))

    def _apart(self, rows: int, gap: float) -> bool:
        if rows == self.rows:
            return False
        inverse = (self.rows - rows) / rows * (1.0 / self.rows)
        return gap >= math.sqrt(inverse / 2 * math.log(2.0 / self.drift_confidence))


@dataclass(slots=True)
class HddmW:
    """Detects a change of the error rate's moving average by McDiarmid's bound.

    The weighted test of the paper named at `HddmA`. Each average is [mean, its bound's factor, rows] of the
    values since it began; `lambda_val` is the newest value's weight.
    """

    drift_confidence: float = 0.001
    lambda_val: float = 0.05
    two_sided_test: bool = False
    whole: list[float] = field(default_factory=lambda: [0.0, 1.0, 0], init=False)
    low: list[float] = field(default_factory=lambda: [0.0, 1.0, 0], init=False)
    since_low: list[float] = field(default_factory=lambda: [0.0, 1.0, 0], init=False)
    high: list[float] = field(default_factory=lambda: [0.0, 1.0, 0], init=False)
    since_high: list[float] = field(default_factory=lambda: [0.0, 1.0, 0], init=False)
    low_cut: float | None = field(default=None, init=False)
    high_cut: float | None = field(default=None, init=False)

    def update(self, wrong: float) -> bool:
        """Take 1 for an error, else 0; return whether the error rate has changed."""
        self._add(self.whole, wrong)
        bound = self._bound(self.whole[1])
        if self.low_cut is None or self.whole[0] + bound < self.low_cut:
            self.low_cut, self.low, self.since_low = self.whole[0] + bound, [*self.whole], [0.0, 1.0, 0]
        else:
            self._add(self.since_low, wrong)
        if self.high_cut is None or self.whole[0] - bound > self.high_cut:
            self.high_cut, self.high, self.since_high = self.whole[0] - bound, [*self.whole], [0.0, 1.0, 0]
        else:
            self._add(self.since_high, wrong)
        if self._rose(self.low, self.since_low):
            return True
        return self.two_sided_test and self._rose(self.since_high, self.high)

    def _add(self, average: list[float], value: float) -> None:
        weight = self.lambda_val
        average[0] = weight * value + (1.0 - weight) * average[0] if average[2] else value
        average[1] = weight * weight + (1 - weight) ** 2 * average[1]
        average[2] += 1

    def _bound(self, factor: float) -> float:
        return math.sqrt(factor * math.log(1 / self.drift_confidence) / 2)

    def _rose(self, before: list[float], after: list[float]) -> bool:
        filled = before[2] and after[2]
        return bool(filled) and after[0] - before[0] > self._bound(before[1] + after[1])


@dataclass(slots=True)
class Kswin:
    """Detects that the newest values differ in distribution from as many drawn of those before them.

    C. Raab, M. Heusinger and F.-M. Schleif, "Reactive soft prototype computing for concept drift streams"
    (2020). `generator` is the state of Python's Mersenne twister, which draws as river's does. One test per
    row at the level `alpha`: on a long stream false alarms are the rule.
    """

    alpha: float = 0.005
    window_size: int = 100
    stat_size: int = 30
    seed: int = 0
    window: list[float] = field(default_factory=list, init=False)
    generator: list[int] = field(default_factory=list, init=False)

    def update(self, value: float) -> bool:
        """Take one value; return whether the newest ones differ."""
        self.window.append(value)
        del self.window[: -self.window_size]
        if len(self.window) < self.window_size:
            return False
        before = self.window_size - self.stat_size
        drawn = np.sort([self.window[place] for place in self._draw(before)])
        newest = np.sort(self.window[before:])
        both = np.concatenate((drawn, newest))
        gap = int(np.abs(drawn.searchsorted(both, "right") - newest.searchsorted(both, "right")).max())
        return gap >= _smallest_gap(self.stat_size, self.alpha)

    def _draw(self, before: int) -> list[int]:
        draw = random.Random(self.seed)  # noqa: S311 - a sample to test, no secret
        if self.generator:
            draw.setstate((3, tuple(self.generator), None))
        places = draw.sample(range(before), self.stat_size)
        self.generator = list(draw.getstate()[1])
        return places


@lru_cache(maxsize=64)
def _smallest_gap(rows: int, alpha: float) -> int:
    # The smallest gap between two ECDFs of `rows` rows, in rows, that is a change at the level `alpha`.
    for gap in range(1, rows + 1):
        if gap / rows > MIN_KS_DISTANCE and kolmogorov_smirnov(rows, rows, gap * rows) <= alpha:
            return gap
    return rows + 1
