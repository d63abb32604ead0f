"""A frame's timestamp column of any type as event times.

Guarantee: the answer for a row depends on that row alone, never on its neighbours, the clock or the machine's
time zone.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.sources.table_format import PLAIN_TIME, TimeFormat
from service.sources.tables.cell import content_of, is_missing
from service.sources.tables.event_time import (
    MISSING,
    NARROW,
    NUMBER,
    OUTSIDE,
    UNREADABLE,
    USABLE,
    EventTimes,
    local_to_utc,
    of_floats,
    of_instant,
    of_number,
    of_raw,
)
from service.sources.tables.time_text import has_offset, normal, number_in, of_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOCK_WORDS = ["now", "today"]  # pandas reads the clock for these
YEAR_LENGTH = 4
NARROW_BYTES = (2, 4)  # of a float that holds no time to the second
LARGEST_INTEGER = np.iinfo(np.int64).max


def event_times(column: pd.Series[Any], form: TimeFormat = PLAIN_TIME) -> EventTimes:
    """Return the column's times; a value of any type is either a time or has a reason, nothing raises."""
    dtype = column.dtype
    if isinstance(dtype, pd.DatetimeTZDtype) or (isinstance(dtype, np.dtype) and dtype.kind == "M"):
        return _of_datetimes(pd.DatetimeIndex(column), form.zone)
    if pd.api.types.is_bool_dtype(dtype):
        return _refused(column, NUMBER)
    if pd.api.types.is_numeric_dtype(dtype):
        if form.pattern is None:
            return _of_numbers(column, form.unit) if form.unit else _refused(column, NUMBER)
        return _by_pattern(np.array([_digits(value) for value in column], dtype=object), form)
    values = np.asarray(column, dtype=object)
    return _of_objects(values, form) if form.pattern is None else _by_pattern(values, form)


def _refused(column: pd.Series[Any], reason: int) -> EventTimes:
    missing = column.isna().to_numpy(dtype=np.bool_)
    reasons = np.where(missing, MISSING, reason).astype(np.int8)
    return EventTimes(np.zeros(len(column), dtype=np.int64), reasons)


def _of_datetimes(times: pd.DatetimeIndex, zone: str | None = None) -> EventTimes:
    # `asi8` counts in the index's own unit, from 1970 UTC also where it has a zone.
    local = zone if times.tz is None else None
    return of_raw(times.asi8, times.unit, np.asarray(times.isna()), zone=local)


def _of_numbers(column: pd.Series[Any], unit: str) -> EventTimes:
    missing = column.isna().to_numpy(dtype=np.bool_)
    if pd.api.types.is_integer_dtype(column.dtype):
        whole = column.fillna(0).to_numpy()
        clipped = np.minimum(whole, LARGEST_INTEGER) if whole.dtype.kind == "u" else whole
        return of_raw(clipped.astype(np.int64), unit, missing)
    if pd.api.types.is_float_dtype(column.dtype):
        if getattr(column.dtype, "itemsize", None) in NARROW_BYTES:
            return _refused(column, NARROW)
        return of_floats(column.to_numpy(dtype=np.float64, na_value=np.nan), unit, missing)
    return _of_objects(np.asarray(column, dtype=object), TimeFormat(unit))  # decimals


def _of_objects(values: NDArray[np.object_], form: TimeFormat) -> EventTimes:
    times = _parsed(_readable(values, form), form.zone)
    micros, reasons = times.micros.copy(), times.reasons.copy()
    others = np.flatnonzero(~times.usable)
    spelled = [place for place in others.tolist() if isinstance(values[place], str)]
    if spelled and form.unit is None:  # all at once, what is ISO 8601 but for its spelling
        again = _parsed(_readable(_texts([normal(values[row]) for row in spelled]), form), form.zone)
        micros[spelled], reasons[spelled] = again.micros, again.reasons
    for row in np.flatnonzero(reasons != USABLE).tolist():
        micros[row], reasons[row] = _single(values[row], form)
    return EventTimes(micros, reasons)


def _parsed(readable: NDArray[np.object_], zone: str | None) -> EventTimes:
    parsed = pd.to_datetime(pd.Series(readable, dtype=object), format="ISO8601", utc=True, errors="coerce")
    times = _of_datetimes(pd.DatetimeIndex(parsed))
    micros, reasons = times.micros.copy(), times.reasons.copy()
    starts = micros.astype("datetime64[us]")
    for row in np.flatnonzero(times.usable & (starts == starts.astype("datetime64[Y]"))).tolist():
        text = readable[row]
        if isinstance(text, str) and text.strip().isdigit() and len(text.strip()) == YEAR_LENGTH:
            micros[row], reasons[row] = 0, NUMBER  # 2024 may be a year and may be a count
    if zone is not None:
        naive = np.flatnonzero((reasons == USABLE) & [_is_naive(value) for value in readable])
        micros[naive] = local_to_utc(micros[naive], zone)
    return EventTimes(micros, reasons)


def _is_naive(value: object) -> bool:
    if isinstance(value, str):
        return not has_offset(value.strip())
    return not (isinstance(value, dt.datetime) and value.tzinfo is not None)


def _by_pattern(values: NDArray[np.object_], form: TimeFormat) -> EventTimes:
    pattern = form.pattern or ""
    digits = [_digits(value) if _is_plain_number(value) else value for value in values]
    texts = [value.strip() if isinstance(value, str) else None for value in digits]
    safe = _texts([None if text in CLOCK_WORDS else text for text in texts])
    has_zone = "%z" in pattern or "%Z" in pattern
    parsed = pd.to_datetime(pd.Series(safe, dtype=object), format=pattern, utc=has_zone, errors="coerce")
    times = _of_datetimes(pd.DatetimeIndex(parsed), form.zone)
    micros, reasons = times.micros.copy(), times.reasons.copy()
    for row in np.flatnonzero(~times.usable).tolist():
        reasons[row] = UNREADABLE if texts[row] else MISSING
    typed = [row for row, text in enumerate(texts) if text is None]
    if typed:  # times of another type need no pattern
        found = _of_objects(values[typed], TimeFormat(zone=form.zone))
        micros[typed], reasons[typed] = found.micros, found.reasons
    return EventTimes(micros, reasons)


def _digits(value: Any) -> str | None:
    # 20240301, which a gap in its column has made 20240301.0, as it was written.
    if is_missing(value):
        return None
    return str(int(value)) if value == np.floor(float(value)) and abs(value) < LARGEST_INTEGER else str(value)


def _is_plain_number(value: object) -> bool:
    return isinstance(value, int | float | Decimal | np.number) and not isinstance(value, bool)


def _texts(values: list[Any]) -> NDArray[np.object_]:
    cells = np.empty(len(values), dtype=object)
    cells[:] = values
    return cells


def _readable(values: NDArray[np.object_], form: TimeFormat) -> NDArray[np.object_]:
    # What pandas may parse: it would take an integer for nanoseconds and "now" for the present.
    if form.unit is not None:
        unsafe = np.array([not _is_time_or_text(v) or _is_digits(v) for v in values], dtype=np.bool_)
    elif content_of(values) == "string":
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


def _is_digits(value: object) -> bool:
    # With a unit, 20240301 is an epoch number and no date.
    return isinstance(value, str) and value.strip().isdigit()


def _single(value: Any, form: TimeFormat) -> tuple[int, int]:
    # Rows that pandas did not read, one by one: what is wrong, or a form that only we know.
    if isinstance(value, str):
        number = None if form.unit is None else number_in(value.strip())
        return of_text(value, form.zone) if number is None else of_number(number, form.unit or "s")
    if is_missing(value):
        return 0, MISSING
    if isinstance(value, bool | complex | np.bool_ | np.complexfloating):
        return 0, NUMBER
    if isinstance(value, int | float | Decimal | np.number):
        return (0, NUMBER) if form.unit is None else of_number(_plain(value), form.unit)
    if isinstance(value, dt.datetime):
        return of_instant(value, form.zone)
    is_calendar = isinstance(value, dt.date | np.datetime64)  # pandas reads every one that is in its range
    return 0, OUTSIDE if is_calendar else UNREADABLE


def _plain(value: float | Decimal | np.number[Any]) -> float | Decimal:
    if isinstance(value, np.integer):
        return int(value)
    return value if isinstance(value, int | float | Decimal) else float(value.item().real)
