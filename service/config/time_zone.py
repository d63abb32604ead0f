"""Resolve a time zone's name to the table of offsets that the core computes with."""

from __future__ import annotations

from datetime import UTC as UTC_CLOCK
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import numpy as np

from service.core.season.zone import Zone
from service.core.time_units import MICROSECOND, to_microseconds

# The event times that sources accept. No zone changed its offset before 1800, nor ever twice within a day.
FIRST, LAST = datetime(1800, 1, 1, tzinfo=UTC_CLOCK), datetime(2262, 1, 1, tzinfo=UTC_CLOCK)
STEP = timedelta(days=1)
PRECISION = timedelta(seconds=1)


@lru_cache(maxsize=32)
def zone_of(name: str) -> Zone:
    """Return the zone called `name`, as the machine's time zone database has it; a third of a second once.

    Its offset is asked for day by day, and between two days with different ones, where the clock changed.
    Raises ZoneInfoNotFoundError for an unknown name.
    """
    clock = ZoneInfo(name)
    before, now = clock.fromutc(FIRST.replace(tzinfo=clock)).utcoffset(), FIRST
    starts, offsets = [FIRST], [before]
    while now < LAST:
        then = now + STEP
        after = _offset(then, clock)
        if after != before:
            starts.append(_changed(now, then, clock))
            offsets.append(after)
            before = after
        now = then
    return Zone(
        name,
        np.array([to_microseconds(start) for start in starts], dtype=np.int64),
        np.array([(offset or timedelta(0)) // MICROSECOND for offset in offsets], dtype=np.int64),
    )


def _offset(instant: datetime, clock: ZoneInfo) -> timedelta | None:
    return instant.astimezone(clock).utcoffset()


def _changed(low: datetime, high: datetime, clock: ZoneInfo) -> datetime:
    # The first instant after `low` with the offset of `high`, by halves.
    after = _offset(high, clock)
    while high - low > PRECISION:
        middle = low + (high - low) // PRECISION // 2 * PRECISION
        if _offset(middle, clock) == after:
            high = middle
        else:
            low = middle
    return high
