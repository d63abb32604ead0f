"""When did each row happen? Times as UTC microseconds, and the reason where a row has none.

A naive time is UTC. A plain number is refused, because its unit (seconds, milliseconds ...) cannot be known.
The years 1678 to 2261 are accepted, what a nanosecond timestamp holds: this also refuses the stand-ins
0001-01-01 and 9999-12-31 for "unknown" and "never".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.time_units import EPOCH, MICROSECOND, SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARLIEST = (dt.datetime(1678, 1, 1, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
LATEST = (dt.datetime(2262, 1, 1, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
MICROSECONDS_A_UNIT = {"s": SECOND, "ms": 1_000, "us": 1}

USABLE, MISSING, NUMBER, UNREADABLE, OUTSIDE = range(5)
REASONS = (
    "",
    "is missing",
    "is a number without a unit: expected a time such as 2013-02-01T05:00:00Z",
    "is not a time: expected ISO 8601 such as 2013-02-01T05:00:00Z",
    "is outside the years 1678 to 2261",
)


@dataclass(frozen=True, slots=True)
class EventTimes:
    """`micros` int64 UTC microseconds, shape (n,); `reasons` int8, shape (n,), an index into REASONS.

    Where a reason is not USABLE the row's time is 0 and means nothing.
    """

    micros: NDArray[np.int64]
    reasons: NDArray[np.int8]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows have a time, shape (n,)."""
        return np.equal(self.reasons, USABLE)


def of_raw(raw: NDArray[np.int64], unit: str, missing: NDArray[np.bool_]) -> EventTimes:
    """Return times counted from 1970 in `unit` (s, ms, us or ns; UTC) as microseconds; shapes (n,)."""
    scale = MICROSECONDS_A_UNIT.get(unit)
    if scale is None:
        low, high, micros = EARLIEST * 1_000, LATEST * 1_000, raw // 1_000
    else:
        low, high = EARLIEST // scale, LATEST // scale
        micros = raw * scale  # wraps round beyond int64, where the time is refused
    reasons = np.where((raw < low) | (raw >= high), OUTSIDE, USABLE)
    reasons = np.where(missing, MISSING, reasons).astype(np.int8)
    return EventTimes(np.where(reasons == USABLE, micros, 0), reasons)


def of_text(text: str) -> tuple[int, int]:
    """Return a text's time in any form of ISO 8601 that Python reads, and what is wrong with it."""
    if not text:
        return 0, MISSING
    try:
        return of_instant(dt.datetime.fromisoformat(text))
    except ValueError:
        return 0, UNREADABLE


def of_instant(instant: dt.datetime) -> tuple[int, int]:
    """Return an instant's time and whether it can be used."""
    try:
        aware = instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant
        micros = (aware - EPOCH) // MICROSECOND
    except OverflowError:  # an offset that leads out of the years 1 to 9999
        return 0, OUTSIDE
    return (micros, USABLE) if EARLIEST <= micros < LATEST else (0, OUTSIDE)
