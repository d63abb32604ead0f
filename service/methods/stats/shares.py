"""A share of rows as a measurement, and counts of the values beyond a range.

`error_bound` is the share that compression may have moved across the line that was drawn.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import Measurement
from service.core.profile import distribution
from service.methods.stats.alignment import alike, numbers

if TYPE_CHECKING:
    from service.core.measurement import Series
    from service.core.profile.distribution import Distribution

NO_ROWS = "no rows in the window"
NO_VALUES = "no value in the window"


class Share(NamedTuple):
    """`found` of `rows` rows; from compressed values up to `doubtful` more or fewer, None where exact."""

    found: int
    rows: int
    doubtful: int | None = None


class End(IntEnum):
    """Which end of a range."""

    LOW = 0
    HIGH = 1


def measured_share(
    series: Series, reference: Share, current: Share, *, empty: str = NO_ROWS, threshold: float | None = None
) -> Measurement:
    """Return the window's share with the reference's; breached above `threshold`, `empty` without rows."""
    baseline = reference.found / reference.rows if reference.rows else None
    if not current.rows:
        return Measurement(series, None, 0, empty, threshold=threshold, reference=baseline)
    value = current.found / current.rows
    return Measurement(
        series,
        value,
        current.rows,
        threshold=threshold,
        breached=None if threshold is None else value > threshold,
        reference=baseline,
        error_bound=None if current.doubtful is None else current.doubtful / current.rows,
    )


def beyond(part: Distribution, limit: Distribution, end: End) -> Share:
    """Return how many of the rows with a value (infinities are values) lie beyond `limit`, a single number.

    The limit is a distribution, so that it carries the bits that compression has dropped from it.
    """
    kept, edge = alike(part, limit)
    values, at = numbers(kept), numbers(edge)[0]
    # Truncation keeps the order: what is beyond when truncated is beyond.
    past = values < at if end is End.LOW else values > at
    found = part.negative_infinite if end is End.LOW else part.positive_infinite
    doubtful = int(kept.counts[values == at].sum()) if kept.dropped_bits else None
    return Share(found + int(kept.counts[past].sum()), part.finite + part.infinite, doubtful)


def single(value: float) -> Distribution:
    """Return a finite number as a limit for `beyond`."""
    return distribution.of_numbers(np.array([value]))
