"""Counted distinct values: the exact, mergeable form of a column.

Guarantee: a distribution of n rows gives every univariate statistic that the n rows give. Merging is
associative, commutative, has an identity, and does not depend on how rows were split: counts are integers and
the kept values are the rows' own.

Above a limit of distinct numbers it is compressed: the lowest bits of every value's mantissa are dropped (the
value moves towards zero by less than 2**(bits - 52) of its size), as few as bring the number of distinct
values under the limit. Truncation nests and a whole has at least as many distinct values as any part, so
compress-then-merge equals merge-then-compress; `dropped_bits` says what was lost, and `displacement` and
`rank_displacement` bound it. The buckets are the log-linear ones of HdrHistogram and DDSketch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.label_text import of_float
from service.core.rows.schema import Kind
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Values

MANTISSA_BITS = 52
LARGEST_WHOLE = 2.0**53  # whole numbers up to here are doubles, and so are their differences
PLACES_PER_ROW = 4  # counting by place pays while the range has no more places than that
NO_COUNTS = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """The values of a column, sorted, and how many rows have each; arrays are read-only.

    Attributes:
        values: The distinct values (float64 or str, shape (k,)), without missing ones and infinities.
        counts: The rows of each value (int64, shape (k,), all positive).
        missing: Rows without a value: NaN or None.
        positive_infinite: Rows with plus infinity.
        negative_infinite: Rows with minus infinity.
        dropped_bits: How many bits of each mantissa compression dropped; 0 for exact values.
        finite: Rows with a value, neither missing nor infinite.

    """

    values: Values
    counts: NDArray[np.int64]
    missing: int = 0
    positive_infinite: int = 0
    negative_infinite: int = 0
    dropped_bits: int = 0
    finite: int = field(init=False)

    def __post_init__(self) -> None:
        """Make the arrays read-only, so that a merge can share them, and count the rows once."""
        self.values.flags.writeable = False
        self.counts.flags.writeable = False
        object.__setattr__(self, "finite", int(self.counts.sum()))

    def __eq__(self, other: object) -> bool:
        """Compare bit by bit."""
        if not isinstance(other, Distribution):
            return NotImplemented
        return (
            self.missing == other.missing
            and self.positive_infinite == other.positive_infinite
            and self.negative_infinite == other.negative_infinite
            and self.dropped_bits == other.dropped_bits
            and np.array_equal(self.values, other.values)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared, never hashed

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers rather than labels."""
        return self.values.dtype.kind == "f"

    @property
    def infinite(self) -> int:
        """Rows with plus or minus infinity."""
        return self.positive_infinite + self.negative_infinite

    @property
    def rows(self) -> int:
        """All rows, missing and infinite ones included."""
        return self.finite + self.missing + self.infinite

    @property
    def distinct(self) -> int:
        """How many distinct values are kept."""
        return len(self.values)

    @property
    def displacement(self) -> float:
        """The most that compression moved the values by, on average over the rows, in the values' unit."""
        if not self.dropped_bits or not self.finite:
            return 0.0
        relative = 2.0 ** (self.dropped_bits - MANTISSA_BITS)
        return float(np.dot(np.abs(self.values), self.counts)) * relative / self.finite

    @property
    def rank_displacement(self) -> float:
        """The most that compression moved the cumulative share by at any point."""
        if not self.dropped_bits or not self.finite:
            return 0.0
        return float(self.counts.max()) / self.finite


def inexact(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mark the finite numbers (float64, shape (n,)) that share their double with other whole numbers."""
    found: NDArray[np.bool_] = np.isfinite(values) & (np.abs(values) > LARGEST_WHOLE)
    return found


def empty(kind: Kind) -> Distribution:
    """Return the distribution of no rows: merging it changes nothing."""
    values: Values = (
        np.zeros(0, dtype=np.float64) if kind.counted is Kind.NUMERICAL else np.zeros(0, dtype=np.str_)
    )
    return Distribution(values, NO_COUNTS.copy())


def of_numbers(numbers: NDArray[np.float64]) -> Distribution:
    """Count `numbers` (float64, shape (n,)); NaN is missing, infinities are counted apart."""
    return _of_whole_numbers(numbers) or _of_any_numbers(numbers)


def _of_whole_numbers(numbers: NDArray[np.float64]) -> Distribution | None:
    # Minutes, cents, codes, hours: counted by place in a third of the time that sorting takes.
    finite = np.isfinite(numbers)
    usable = numbers if finite.all() else numbers[finite]
    if not len(usable):
        return None
    low, high = float(usable.min()), float(usable.max())
    if not low.is_integer() or max(-low, high) > LARGEST_WHOLE or high - low > PLACES_PER_ROW * len(usable):
        return None
    places = (usable - low).astype(np.intp)
    if (places + low != usable).any():
        return None
    tally = np.bincount(places)
    seen = tally.nonzero()[0]
    lost = len(numbers) - len(usable)
    positive, negative = (int((numbers == end).sum()) if lost else 0 for end in (np.inf, -np.inf))
    return Distribution(
        seen.astype(np.float64) + low,
        tally[seen],
        missing=lost - positive - negative,
        positive_infinite=positive,
        negative_infinite=negative,
    )


def _of_any_numbers(numbers: NDArray[np.float64]) -> Distribution:
    ordered = np.sort(numbers)  # NaN last, infinities at the ends
    stop = int(np.searchsorted(ordered, np.inf, side="left"))
    start = int(np.searchsorted(ordered, -np.inf, side="right"))
    last = int(np.searchsorted(ordered, np.nan, side="left"))
    values, counts = _counted(ordered[start:stop])
    return Distribution(
        values + 0.0,  # one zero: -0.0 becomes 0.0
        counts,
        missing=len(ordered) - last,
        positive_infinite=last - stop,
        negative_infinite=start,
    )


def of_codes(codes: NDArray[np.integer], labels: Values) -> Distribution:
    """Count `codes` (integers, shape (n,), -1 where missing) into sorted distinct `labels` (shape (k,))."""
    tally = np.bincount(codes + 1, minlength=len(labels) + 1).astype(np.int64, copy=False)
    seen = np.flatnonzero(tally[1:])
    return Distribution(labels[seen], tally[1:][seen], missing=int(tally[0]))


def merge(parts: Sequence[Distribution]) -> Distribution:
    """Return the distribution of all rows of `parts` (one or more of them); the parts stay as they are.

    Numbers merged with labels (of a column whose type changed) become labels.
    Raises ProfileError where there is no part.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one distribution, it may be empty")
    if len(parts) == 1:
        return parts[0]
    dropped = max(part.dropped_bits for part in parts)
    filled = [part for part in parts if part.distinct]
    if filled and not all(part.is_numeric for part in filled):
        filled = [labelled(part) for part in filled]
    if len(filled) == 1 and filled[0].dropped_bits == dropped:
        values, counts = filled[0].values, filled[0].counts
    elif filled:
        together: Values = np.concatenate([_truncated(part, dropped).values for part in filled])
        values, counts = _summed(together, np.concatenate([part.counts for part in filled]))
    else:
        values, counts = parts[0].values, parts[0].counts
    return Distribution(
        values,
        counts,
        missing=sum(part.missing for part in parts),
        positive_infinite=sum(part.positive_infinite for part in parts),
        negative_infinite=sum(part.negative_infinite for part in parts),
        dropped_bits=dropped,
    )


def compress(distribution: Distribution, limit: int) -> Distribution:
    """Drop as few mantissa bits as leave at most `limit` distinct numbers; labels stay as they are.

    A `limit` below what one value per sign and binary exponent needs drops the whole mantissa and no more.
    """
    if not distribution.is_numeric or distribution.distinct <= limit:
        return distribution
    low, high = distribution.dropped_bits, MANTISSA_BITS
    while low < high:
        middle = (low + high) // 2
        if np.count_nonzero(np.diff(_bits(distribution, middle))) < limit:
            high = middle
        else:
            low = middle + 1
    return _recounted(_truncated(distribution, low))


def quantile(distribution: Distribution, share: float) -> float:
    """Return the smallest value at or below which at least `share` of the rows with a value lie.

    Raises ProfileError for labels and where there is no value.
    """
    if not distribution.is_numeric or not distribution.distinct:
        raise ProfileError("quantile: needs a distribution with at least one number")
    cumulative = np.cumsum(distribution.counts)
    index = int(np.searchsorted(cumulative, share * cumulative[-1], side="left"))
    return float(distribution.values[min(index, distribution.distinct - 1)])


def labelled(part: Distribution) -> Distribution:
    """Return numbers as labels, each by its canonical text: different numbers stay different."""
    if not part.is_numeric:
        return part
    labels = np.array([of_float(value) for value in part.values.tolist()], dtype=np.str_)
    order = np.argsort(labels, kind="stable")
    return Distribution(labels[order], part.counts[order], part.missing)


def _counted(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    if not len(ordered):
        return ordered.copy(), NO_COUNTS.copy()
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    return ordered[starts], np.diff(starts, append=len(ordered))


def _summed(values: Values, counts: NDArray[np.int64]) -> tuple[Values, NDArray[np.int64]]:
    order = np.argsort(values, kind="stable")
    values, counts = values[order], counts[order]
    starts = np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1])))
    return values[starts], np.add.reduceat(counts, starts)


def _bits(distribution: Distribution, dropped: int) -> NDArray[np.int64]:
    # The bits of a double without its lowest ones: equal for values that truncation makes equal.
    return distribution.values.view(np.int64) >> dropped


def _truncated(part: Distribution, dropped: int) -> Distribution:
    if not part.is_numeric or part.dropped_bits == dropped:
        return part
    values = (_bits(part, dropped) << dropped).view(np.float64) + 0.0
    return Distribution(
        values, part.counts, part.missing, part.positive_infinite, part.negative_infinite, dropped
    )


def _recounted(part: Distribution) -> Distribution:
    values, counts = _summed(part.values, part.counts)
    return Distribution(
        values, counts, part.missing, part.positive_infinite, part.negative_infinite, part.dropped_bits
    )
