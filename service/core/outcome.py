"""How a regression model's predictions turned out: counts and exact sums of its errors.

An error is prediction minus target. Sums are kept as integers (`exact.py`), so that outcomes merge in any
order to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact import exact_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class RegressionOutcome:
    """Rows by what is known of them, and the labelled rows' error sums in units of 2**-1074.

    `pending` rows have a prediction and no label yet; `unusable` ones have no finite prediction, or an error
    whose square is beyond a double.
    """

    labelled: int = 0
    pending: int = 0
    unusable: int = 0
    error: int = 0
    absolute_error: int = 0
    squared_error: int = 0


def of_regression(prediction: NDArray[np.float64], target: NDArray[np.float64]) -> RegressionOutcome:
    """Sum the errors of `prediction` against `target` (float64, shape (n,); NaN target: no label yet)."""
    predicted = np.isfinite(prediction)
    pending = predicted & np.isnan(target)
    with np.errstate(over="ignore", invalid="ignore"):
        error = prediction - target
        squared = error * error
    usable = np.isfinite(squared)  # finite only where both sides were
    labelled = int(usable.sum())
    waiting = int(pending.sum())
    error = error[usable]
    return RegressionOutcome(
        labelled=labelled,
        pending=waiting,
        unusable=len(prediction) - labelled - waiting,
        error=exact_sum(error),
        absolute_error=exact_sum(np.abs(error)),
        squared_error=exact_sum(squared[usable]),
    )


def merge_regression(parts: Sequence[RegressionOutcome]) -> RegressionOutcome:
    """Return the outcome of all rows of `parts`; of none, the empty outcome."""
    return RegressionOutcome(
        labelled=sum(part.labelled for part in parts),
        pending=sum(part.pending for part in parts),
        unusable=sum(part.unusable for part in parts),
        error=sum(part.error for part in parts),
        absolute_error=sum(part.absolute_error for part in parts),
        squared_error=sum(part.squared_error for part in parts),
    )
