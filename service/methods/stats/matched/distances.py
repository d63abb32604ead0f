"""Distances of a window from a season-matched reference, by the robust definitions (`robust.py`)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.methods.stats.matched.cells import quantile_cells
from service.methods.stats.matched.sides import Sides, numbers_together
from service.methods.stats.robust import smoothed
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.profile.distribution import Distribution
    from service.core.reference.seasonal.weighted import Weighted
    from service.methods.stats.matched.cells import Cells
    from service.methods.stats.matched.sides import Doubles


def wasserstein(reference: Weighted, current: Distribution) -> float:
    """Return the distance within the matched reference's range, in its standard deviations.

    A constant one has no scale: the share of rows that differ from it.
    """
    both = numbers_together(reference, current)
    if len(reference.values) == 1:
        same = float(quantile_cells(reference, current).current[1])
        return 1.0 - same / (current.finite + current.infinite)
    return _area(_winsorised(both, reference, current)) / scale_of(reference)


def scale_of(reference: Weighted) -> float:
    """Return the matched reference's standard deviation.

    Raises Unmeasurable where it is zero or beyond a number.
    """
    scale = math.sqrt(moments(reference.values, reference.counts)[1])
    if not math.isfinite(scale):
        raise Unmeasurable("the reference's standard deviation is larger than a number can hold")
    if scale == 0.0:
        raise Unmeasurable("the reference's values differ by less than a number can hold")
    return scale


def moments(values: object, counts: Doubles) -> tuple[float, float]:
    """Return the mean and the variance (ddof 0) of counted numbers."""
    numbers, rows = np.asarray(values, dtype=np.float64), float(counts.sum())
    if len(numbers) == 1:
        return float(numbers[0]), 0.0
    mean = float(numbers @ counts) / rows
    centred = numbers - mean
    left = float(centred @ counts) / rows
    return mean, max(float((centred * centred) @ counts) / rows - left * left, 0.0)


def energy_distance(reference: Weighted, current: Distribution) -> float:
    """Return sqrt(2 * integral of (F - G)^2), in the root of the values' unit."""
    both = numbers_together(reference, current)
    values = np.asarray(both.values, dtype=np.float64)
    return math.sqrt(2.0 * float(both.gap[:-1] ** 2 @ np.diff(values)))


def over(
    cells: Callable[[Weighted, Distribution], Cells], divergence: Callable[[Doubles, Doubles], float]
) -> Callable[[Weighted, Distribution], float]:
    """Return the method that measures `divergence` between smoothed shares of rows in `cells`."""

    def measured(reference: Weighted, current: Distribution) -> float:
        both = cells(reference, current)
        return divergence(smoothed(both.reference), smoothed(both.current))

    return measured


def _winsorised(both: Sides, reference: Weighted, current: Distribution) -> Sides:
    low, high = np.asarray(reference.values, dtype=np.float64)[[0, -1]]
    values = np.asarray(both.values, dtype=np.float64).clip(low, high)
    if not (reference.infinite or current.infinite):
        return Sides(values, both.reference, both.current)
    sides = [
        np.concatenate(([part.negative_infinite], counts, [part.positive_infinite]))
        for part, counts in ((reference, both.reference), (current, both.current))
    ]
    return Sides(np.concatenate(([low], values, [high])), sides[0], sides[1])


def _area(both: Sides) -> float:
    return float(np.abs(both.gap[:-1]) @ np.diff(np.asarray(both.values, dtype=np.float64)))
