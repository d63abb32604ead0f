"""Thresholds of window sizes that were not calibrated, interpolated between those that were.

Windows by time vary in size. Calibrate on a grid of sizes; between two of them thresholds are interpolated
linearly in the logarithm of both. With sizes a factor of two apart that is right on average, within 1 % of
the thresholds calibrated in between (measured on one series, in short blocks of one length), where another
seed moves those by 1 to 3 %. Where it would be too narrow it is not used: of p-values the stricter
neighbour's holds, and where the larger size has the wider threshold (longer blocks), that one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from service.core.measurement import Worse
from service.errors import ConfigurationError
from service.methods.drift.registry import METHODS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.methods.calibration.calibration import Calibration, Test

STEP = 2.0  # neighbouring sizes are at most this factor apart
_WORSE = {method.full_name: method.worse for method in METHODS.values()}


def grid(smallest: int, largest: int) -> tuple[int, ...]:
    """Return the window sizes to calibrate for windows of `smallest` to `largest` rows, ascending.

    Raises ConfigurationError unless 1 <= smallest <= largest.
    """
    if not 1 <= smallest <= largest:
        raise ConfigurationError(
            f"calibration: window sizes from {smallest} to {largest}; expected 1 or more, the smaller first"
        )
    parts = math.ceil(round(math.log(largest / smallest, STEP), 9))
    ratio = (largest / smallest) ** (1.0 / parts) if parts else 1.0
    return tuple(sorted({round(smallest * ratio**part) for part in range(parts + 1)}))


def thresholds_for(calibrations: Sequence[Calibration], rows: int) -> Mapping[Test, float] | None:
    """Return the thresholds of a window of `rows` rows, by column and full method name.

    `calibrations` are of one reference, plan and rate. Beyond the largest size its thresholds hold, which are
    too wide rather than too narrow; below the smallest there is none: None.
    """
    ordered = sorted(calibrations, key=lambda calibration: calibration.rows)
    if not ordered or rows < ordered[0].rows:
        return None
    below = max((c for c in ordered if c.rows <= rows), key=lambda c: c.rows)
    above = min((c for c in ordered if c.rows >= rows), key=lambda c: c.rows, default=below)
    if above.rows == below.rows:
        return below.thresholds
    weight = math.log(rows / below.rows) / math.log(above.rows / below.rows)
    return {
        test: _between(test[1], value, above.thresholds[test], weight)
        for test, value in below.thresholds.items()
        if test in above.thresholds
    }


def _between(method: str, below: float, above: float, weight: float) -> float:
    if _WORSE.get(method) is Worse.LOWER:  # measures over all columns are none: they get worse upwards
        return min(below, above)
    if above >= below or min(below, above) <= 0.0:
        return max(below, above)
    return math.exp((1.0 - weight) * math.log(below) + weight * math.log(above))
