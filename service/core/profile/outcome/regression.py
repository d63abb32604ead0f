"""The outcome of a regression model: counts and exact sums of its errors.

An error is prediction minus target. Sums are integers in units of 2**-1074 (`exact/sums.py`), of terms that
each row gives by itself, so that outcomes merge in any order to the same bits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.sums import exact_sums
from service.core.profile import distribution
from service.core.profile.stored_arrays import distribution_form, distribution_of, sums_form, sums_of
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json

    Doubles = NDArray[np.float64]
    Marks = NDArray[np.bool_]

# A target closer to zero has no relative error; scikit-learn divides by this number instead.
NEAR_ZERO = float(np.finfo(np.float64).eps)
LARGEST = 2.0**250  # the fourth power of up to here is a double
_SPLITTER = 2.0**27 + 1.0


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Exact sums over the labelled rows: e an error, r its size relative to the target y.

    The relative ones are over targets from `NEAR_ZERO` on, all but the first four over rows that are not
    `beyond`. `weighted` sums are of e**2 * y and e**2 * y**2.
    """

    error: int = 0
    absolute: int = 0
    squared: int = 0
    relative: int = 0
    relative_squared: int = 0
    target: int = 0
    target_2: int = 0
    target_3: int = 0
    target_4: int = 0
    weighted: int = 0
    weighted_2: int = 0


_EACH_SUM = attrgetter(*ErrorSums.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class RegressionOutcome:
    """Rows by what is known of them, and what is kept of the labelled rows' errors.

    Attributes:
        labelled: Rows with a finite prediction and a finite label, and an error whose square is a double.
        pending: Rows with a prediction and no label yet.
        unusable: All other rows.
        near_zero: Labelled rows whose target is too small for a relative error.
        beyond: Labelled rows with a target or an error of more than 2**250.
        largest: The largest absolute error.
        sums: Exact sums over the labelled rows.
        sizes: The absolute errors, counted.

    """

    labelled: int = 0
    pending: int = 0
    unusable: int = 0
    near_zero: int = 0
    beyond: int = 0
    largest: float = 0.0
    sums: ErrorSums = ErrorSums()
    sizes: Distribution = field(default_factory=lambda: distribution.empty(Kind.NUMERICAL))

    @property
    def rows(self) -> int:
        """All of them."""
        return self.labelled + self.pending + self.unusable


def of_regression(
    prediction: Doubles, target: Doubles, *, unparsable: Marks | None = None, limit: int
) -> RegressionOutcome:
    """Sum the errors of `prediction` against `target` (float64, shape (n,); NaN target: no label yet).

    `unparsable` marks targets that are no number at all; at most `limit` distinct error sizes are kept.
    """
    waiting = np.isfinite(prediction) & np.isnan(target)
    if unparsable is not None:
        waiting &= ~unparsable
    with np.errstate(over="ignore", invalid="ignore"):
        error = prediction - target
        usable = np.isfinite(error * error)  # finite only where both sides were
    pending = int(waiting.sum())
    if not usable.all():
        error, target = error[usable], target[usable]
    if not len(error):
        return RegressionOutcome(pending=pending, unusable=len(prediction) - pending)
    size = np.abs(error)
    largest = float(size.max())
    sums, near_zero, beyond = _sums(error, size, target, largest)
    return RegressionOutcome(
        labelled=len(error),
        pending=pending,
        unusable=len(prediction) - len(error) - pending,
        near_zero=near_zero,
        beyond=beyond,
        largest=largest,
        sums=sums,
        sizes=distribution.compress(distribution.of_numbers(size), limit),
    )


def merge_regression(parts: Sequence[RegressionOutcome], limit: int) -> RegressionOutcome:
    """Return the outcome of all rows of `parts` (one or more)."""
    return RegressionOutcome(
        labelled=sum(part.labelled for part in parts),
        pending=sum(part.pending for part in parts),
        unusable=sum(part.unusable for part in parts),
        near_zero=sum(part.near_zero for part in parts),
        beyond=sum(part.beyond for part in parts),
        largest=max(part.largest for part in parts),
        sums=ErrorSums(*map(sum, zip(*(_EACH_SUM(part.sums) for part in parts), strict=True))),
        sizes=distribution.compress(distribution.merge([part.sizes for part in parts]), limit),
    )


def encode_regression(outcome: RegressionOutcome, arrays: ArrayWriter) -> dict[str, Json]:
    """Return the outcome as JSON."""
    return {
        "rows": [outcome.labelled, outcome.pending, outcome.unusable, outcome.near_zero, outcome.beyond],
        "largest": outcome.largest,
        "sums": sums_form(_EACH_SUM(outcome.sums)),
        "sizes": distribution_form(outcome.sizes, arrays),
    }


def decode_regression(form: Json, arrays: ArrayReader) -> RegressionOutcome:
    """Return the outcome that `encode_regression` was given."""
    sums, sizes = ErrorSums(*sums_of(form["sums"])), distribution_of(form["sizes"], arrays)
    return RegressionOutcome(*[*form["rows"], form["largest"], sums, sizes])


def _sums(error: Doubles, size: Doubles, target: Doubles, largest: float) -> tuple[ErrorSums, int, int]:
    # One table, one row per sum; squares of targets in two rows, because they are exact.
    table = np.zeros((12, len(error)))
    table[0], table[1] = error, size
    squared = np.multiply(error, error, out=table[2])
    magnitude = np.abs(target)
    far = magnitude >= NEAR_ZERO
    relative = np.divide(size, magnitude, out=table[3], where=far)
    near_zero, beyond = len(far) - int(far.sum()), 0
    if max(largest, float(magnitude.max())) > LARGEST:
        tame = (size <= LARGEST) & (magnitude <= LARGEST)
        beyond = len(tame) - int(tame.sum())
        squared, relative, target = (np.where(tame, row, 0.0) for row in (squared, relative, target))
    np.multiply(relative, relative, out=table[4])
    table[5] = target
    high, _ = _square(target, table[6], table[7])
    np.multiply(high, target, out=table[8])
    np.multiply(high, high, out=table[9])
    np.multiply(squared, target, out=table[10])
    np.multiply(squared, high, out=table[11])
    sums = exact_sums(table)
    sums[6:8] = [sums[6] + sums[7]]
    return ErrorSums(*sums), near_zero, beyond


def _square(values: Doubles, high: Doubles, low: Doubles) -> tuple[Doubles, Doubles]:
    # values**2 as the exact sum of two doubles: T. J. Dekker, "A floating-point technique for extending the
    # available precision" (1971), so that a variance far below the squared mean keeps its digits.
    np.multiply(values, values, out=high)
    scaled = values * _SPLITTER
    upper = scaled - (scaled - values)
    lower = values - upper
    np.multiply(upper, upper, out=low)
    low -= high
    low += 2.0 * upper * lower
    low += lower * lower
    return high, low
