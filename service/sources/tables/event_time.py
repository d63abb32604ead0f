"""Event times as UTC microseconds, and the reason where a row has none.

A time without an offset is UTC unless a time zone is declared. A plain number is refused unless its unit is
declared. The years 1678 to 2261 are accepted, what a nanosecond timestamp holds: this also refuses the
stand-ins 0001-01-01 and 9999-12-31 for "unknown" and "never".
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from service.core.time_units import EPOCH, MICROSECOND, SECOND, to_microseconds

if TYPE_CHECKING:
    from numpy.typing import NDArray

EARLIEST = to_microseconds(dt.datetime(1678, 1, 1, tzinfo=dt.UTC))
DAY = 86_400 * SECOND
LATEST = to_microseconds(dt.datetime(2262, 1, 1, tzinfo=dt.UTC))
MICROSECONDS_PER_UNIT = {"s": SECOND, "ms": 1_000, "us": 1}
MAX_DIGITS = 30  # of an epoch number; a longer one is no time in any unit

_EXAMPLE = "2013-02-01T05:00:00Z"
USABLE, MISSING, NUMBER, UNREADABLE, OUTSIDE, NARROW = range(6)
REASONS = (
    "",
    "is missing",
    f"is a number without a unit: expected a time such as {_EXAMPLE}, or timestamp: {{unit: ms}}",
    f"is not a time: expected ISO 8601 such as {_EXAMPLE}, or timestamp: {{format: ...}}",
    "is outside the years 1678 to 2261",
    "is a 32-bit float, which holds a time of today to two minutes at best: write it as an integer or a text",
)


@dataclass(frozen=True, slots=True)
class EventTimes:
    """One time per row, or the reason why there is none.

    micros: int64 UTC microseconds, shape (n,); 0 where there is a reason.
    reasons: int8, shape (n,), an index into REASONS; USABLE where the row has a time.
    """

    micros: NDArray[np.int64]
    reasons: NDArray[np.int8]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Which rows have a time, shape (n,)."""
        return np.equal(self.reasons, USABLE)


def of_raw(
    raw: NDArray[np.int64], unit: str, missing: NDArray[np.bool_], *, zone: str | None = None
) -> EventTimes:
    """Return times counted from 1970 in `unit` (s, ms, us or ns) as microseconds; shapes (n,).

    They are UTC, or local times of `zone`.
    """
    scale = MICROSECONDS_PER_UNIT.get(unit)
    if scale is None:
        low, high, micros = EARLIEST * 1_000, LATEST * 1_000, raw // 1_000
    else:
        low, high = EARLIEST // scale, LATEST // scale
        micros = raw * scale  # wraps round beyond int64, where the time is refused
    reasons = np.where((raw < low) | (raw >= high), OUTSIDE, USABLE)
    reasons = np.where(missing, MISSING, reasons).astype(np.int8)
    kept = np.where(reasons == USABLE, micros, 0)
    if zone is not None:
        kept = np.where(reasons == USABLE, local_to_utc(kept, zone), 0)
    return EventTimes(kept, reasons)


def of_floats(values: NDArray[np.float64], unit: str, missing: NDArray[np.bool_]) -> EventTimes:
    """Return epoch numbers with a fraction, NaN where missing, to the nearest microsecond; shapes (n,)."""
    empty = missing | np.isnan(values)
    per_unit = MICROSECONDS_PER_UNIT.get(unit, 1e-3)
    with np.errstate(over="ignore", invalid="ignore"):
        micros = np.round(np.where(empty, 0.0, values) * per_unit)
    outside = (micros < EARLIEST) | (micros >= LATEST)
    reasons = np.where(empty, MISSING, np.where(outside, OUTSIDE, USABLE)).astype(np.int8)
    return EventTimes(np.where(reasons == USABLE, micros, 0.0).astype(np.int64), reasons)


def local_to_utc(micros: NDArray[np.int64], zone: str) -> NDArray[np.int64]:
    """Return a zone's local times (microseconds on its clock from 1970) as UTC; shapes (n,).

    A time that comes twice, when clocks are put back, is the first of the two. A time that clocks skip, when
    they are put forward, is read as if they had not been: 02:30 is 03:30.
    """
    clock = ZoneInfo(zone)
    days, places = np.unique(micros // DAY, return_inverse=True)
    ends = [(_offset(day * DAY, clock), _offset((day + 1) * DAY, clock)) for day in days.tolist()]
    shifts = np.array([first for first, _ in ends], dtype=np.int64)[places]
    for place in (place for place, (first, following) in enumerate(ends) if first != following):
        rows = np.flatnonzero(places == place)
        distinct, which = np.unique(micros[rows], return_inverse=True)
        shifts[rows] = np.array([_offset(one, clock) for one in distinct.tolist()], dtype=np.int64)[which]
    return micros - shifts


def _offset(micros: int, clock: ZoneInfo) -> int:
    local = EPOCH.replace(tzinfo=None) + dt.timedelta(microseconds=micros)
    return (clock.utcoffset(local) or dt.timedelta(0)) // MICROSECOND


def of_instant(instant: dt.datetime, zone: str | None = None) -> tuple[int, int]:
    """Return an instant's time and whether it can be used; without an offset it is UTC or of `zone`."""
    try:
        aware = instant
        if instant.tzinfo is None:
            aware = instant.replace(tzinfo=dt.UTC if zone is None else ZoneInfo(zone))
        micros = to_microseconds(aware)
    except OverflowError:  # an offset that leads out of the years 1 to 9999
        return 0, OUTSIDE
    return (micros, USABLE) if EARLIEST <= micros < LATEST else (0, OUTSIDE)


def of_number(value: float | Decimal, unit: str) -> tuple[int, int]:
    """Return an epoch number's time to the nearest microsecond, and whether it can be used."""
    if not isinstance(value, int):
        if not math.isfinite(value):
            return 0, MISSING if value != value else OUTSIDE  # noqa: PLR0124 - true of NaN alone
        value = Decimal(value)
        if value.adjusted() > MAX_DIGITS:
            return 0, OUTSIDE
    per_unit = MICROSECONDS_PER_UNIT.get(unit)
    if isinstance(value, int):
        micros = value // 1_000 if per_unit is None else value * per_unit
    else:
        micros = round(value / 1_000 if per_unit is None else value * per_unit)
    return (micros, USABLE) if EARLIEST <= micros < LATEST else (0, OUTSIDE)


def reason_text(reason: int, *, pattern: str | None = None) -> str:
    """Return what is wrong with a time, for people; `pattern` is the declared one."""
    if reason == UNREADABLE and pattern is not None:
        return f"does not match the format {pattern!r}"
    return REASONS[reason]
