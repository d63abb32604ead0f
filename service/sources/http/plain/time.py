"""The time of a single cell, spelled as programs mostly do; every other spelling is left to pandas.

Guarantee: a time that is read here is what `pandas_time.event_times` gives for the same cell, to the
microsecond.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from service.core.time_units import to_microseconds
from service.sources.tables.event_time import EARLIEST, LATEST, MICROSECONDS_PER_UNIT

if TYPE_CHECKING:
    from service.sources.table_format import TimeFormat

MICROSECOND_DIGITS = 6
_NANOSECONDS_PER_MICROSECOND = 1_000
_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):(\d\d))?", re.ASCII
)


def micros_of(cell: object, form: TimeFormat) -> int | None:
    """Return the UTC microseconds of a text or an epoch number; None where this reader cannot say."""
    if form.pattern is not None:
        return None
    if type(cell) is str:
        found = _of_text(cell, form)
    elif type(cell) is int:
        found = _of_whole(cell, form.unit)
    elif type(cell) is float:
        found = _of_fraction(cell, form.unit)
    else:
        return None
    return found if found is not None and EARLIEST <= found < LATEST else None


def _of_text(text: str, form: TimeFormat) -> int | None:
    found = _ISO.fullmatch(text)
    if found is None or form.unit is not None:
        return None
    year, month, day, hour, minute, second, fraction, is_utc, sign, ahead, ahead_minutes = found.groups()
    if is_utc is None and sign is None and form.zone is not None:
        return None  # a local time
    try:
        instant = dt.datetime(
            int(year), int(month), int(day), int(hour), int(minute), int(second), tzinfo=dt.UTC
        )
    except ValueError:
        return None
    micros = to_microseconds(instant)
    if fraction is not None:
        micros += int(fraction[:MICROSECOND_DIGITS].ljust(MICROSECOND_DIGITS, "0"))
    if sign is None:
        return micros
    if int(ahead) > 23 or int(ahead_minutes) > 59:  # noqa: PLR2004 - hours and minutes
        return None
    offset = (int(ahead) * 60 + int(ahead_minutes)) * 60_000_000
    return micros - offset if sign == "+" else micros + offset


def _of_whole(value: int, unit: str | None) -> int | None:
    if unit is None:
        return None
    scale = MICROSECONDS_PER_UNIT.get(unit)
    return value // _NANOSECONDS_PER_MICROSECOND if scale is None else value * scale


def _of_fraction(value: float, unit: str | None) -> int | None:
    if unit is None or value - value != 0.0:  # infinite, or not a number
        return None
    return round(value * MICROSECONDS_PER_UNIT.get(unit, 1e-3))
