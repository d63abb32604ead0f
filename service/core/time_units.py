"""Convert between datetimes and UTC microseconds since 1970, the form in which instants are computed with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000  # microseconds
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    """Return UTC microseconds since 1970 as a datetime, exactly.

    Raises OverflowError outside the years 1 to 9999.
    """
    return EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(when: datetime) -> int:
    """Return a datetime with a time zone as UTC microseconds since 1970, exactly."""
    return (when - EPOCH) // MICROSECOND
