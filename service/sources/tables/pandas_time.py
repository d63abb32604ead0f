"""When did each row of a frame happen? A timestamp column of any type as event times.

Guarantee: the answer for a row depends on that row alone, never on its neighbours, the clock or the machine's
time zone.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.sources.tables.cell import content_of, is_missing
from service.sources.tables.event_time import (
    MISSING,
    NUMBER,
    OUTSIDE,
    UNREADABLE,
    EventTimes,
    of_instant,
    of_raw,
    of_text,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOCK_WORDS = ["now", "today"]  # pandas reads the clock for these


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
    # `asi8` counts in the index's own unit, from 1970 UTC also where it has a zone.
    return of_raw(times.asi8, times.unit, np.asarray(times.isna()))


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
    if content_of(values) == "string":
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
        return of_text(value.strip())
    if is_missing(value):
        return 0, MISSING
    if isinstance(value, bool | int | float | complex | Decimal | np.number | np.bool_):
        return 0, NUMBER
    if isinstance(value, dt.datetime):
        return of_instant(value)
    is_calendar = isinstance(value, dt.date | np.datetime64)  # pandas reads every one that is in its range
    return 0, OUTSIDE if is_calendar else UNREADABLE
