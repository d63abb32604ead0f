"""When did each row happen? A timestamp column as UTC microseconds, and the reason where a row has none.

Guarantee: the answer for a row depends on that row alone, never on its neighbours, the clock or the machine's
time zone. A naive time is UTC. A plain number is refused, because its unit (seconds, milliseconds ...) cannot
be known. The years 1678 to 2261 are accepted, what a nanosecond timestamp holds: this also refuses the
stand-ins 0001-01-01 and 9999-12-31 for "unknown" and "never".
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
MICROSECOND = dt.timedelta(microseconds=1)
EARLIEST = (dt.datetime(1678, 1, 1, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
LATEST = (dt.datetime(2262, 1, 1, tzinfo=dt.UTC) - EPOCH) // MICROSECOND
MICROSECONDS_A_UNIT = {"s": 1_000_000, "ms": 1_000, "us": 1}
CLOCK_WORDS = ["now", "today"]  # pandas reads the clock for these

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


def event_times(column: pd.Series[Any]) -> EventTimes:
    """Return the column's times; a value of any type is either a time or has a reason, nothing raises."""
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype) or (isinstance(dtype, np.dtype) and dtype.kind == "M"):
        return _of_datetimes(pd.DatetimeIndex(column))
    if pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype):
        missing = column.isna().to_numpy(dtype=np.bool_)
        reasons = np.where(missing, MISSING, NUMBER).astype(np.int8)
        return EventTimes(np.zeros(len(column), dtype=np.int64), reasons)
    return _of_objects(np.asarray(column, dtype=object))


def _of_datetimes(times: pd.DatetimeIndex) -> EventTimes:
    raw = times.asi8  # in the index's own unit, UTC also where it has a zone
    scale = MICROSECONDS_A_UNIT.get(times.unit)
    if scale is None:
        low, high, micros = EARLIEST * 1_000, LATEST * 1_000, raw // 1_000
    else:
        low, high = EARLIEST // scale, LATEST // scale
        micros = np.clip(raw, low, high) * scale  # clipped first: a product beyond int64 would wrap round
    reasons = np.where((raw < low) | (raw >= high), OUTSIDE, USABLE)
    reasons = np.where(times.isna(), MISSING, reasons).astype(np.int8)
    return EventTimes(np.where(reasons == USABLE, micros, 0), reasons)


def _of_objects(values: NDArray[np.object_]) -> EventTimes:
    readable = _readable(values)
    parsed = pd.to_datetime(pd.Series(readable, dtype=object), format="ISO8601", utc=True, errors="coerce")
    times = _of_datetimes(pd.DatetimeIndex(parsed))
    micros, reasons = times.micros.copy(), times.reasons.copy()
    for row in np.flatnonzero(~times.usable).tolist():
        micros[row], reasons[row] = _single(values[row])
    return EventTimes(micros, reasons)


def _readable(values: NDArray[np.object_]) -> NDArray[np.object_]:
    # What pandas may parse: it would take an integer for nanoseconds and "now" for the present.
    if pd.api.types.infer_dtype(values, skipna=True) == "string":
        unsafe = pd.Series(values, dtype=object).isin(CLOCK_WORDS).to_numpy(dtype=np.bool_)
    else:
        unsafe = np.array([not _is_time_or_text(value) for value in values], dtype=np.bool_)
    if not unsafe.any():
        return values
    readable = values.copy()
    readable[unsafe] = None
    return readable


def _is_time_or_text(value: object) -> bool:
    if isinstance(value, str):
        return value not in CLOCK_WORDS
    return isinstance(value, dt.date | np.datetime64)


def _single(value: Any) -> tuple[int, int]:
    # Rows that pandas did not read, one by one: what is wrong, or a form of ISO 8601 that only Python knows.
    if isinstance(value, str):
        return _of_text(value.strip())
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return 0, MISSING
    if isinstance(value, bool | int | float | complex | np.number | np.bool_):
        return 0, NUMBER
    if isinstance(value, dt.datetime):
        return _of_instant(value)
    is_calendar = isinstance(value, dt.date | np.datetime64)  # pandas reads every one that is in its range
    return 0, OUTSIDE if is_calendar else UNREADABLE


def _of_text(text: str) -> tuple[int, int]:
    if not text:
        return 0, MISSING
    try:
        return _of_instant(dt.datetime.fromisoformat(text))
    except ValueError:
        return 0, UNREADABLE


def _of_instant(instant: dt.datetime) -> tuple[int, int]:
    try:
        aware = instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant
        micros = (aware - EPOCH) // MICROSECOND
    except OverflowError:  # an offset that leads out of the years 1 to 9999
        return 0, OUTSIDE
    return (micros, USABLE) if EARLIEST <= micros < LATEST else (0, OUTSIDE)
