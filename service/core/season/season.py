"""Seasons: which rows may be compared with each other because of the hour or the day that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from service.core.season.zone import UTC, Zone
from service.core.time_units import SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

HOUR = 3_600 * SECOND
DAY = 24 * HOUR
HOURS, WEEKDAYS = 24, 7
SATURDAY = 5
FIRST_WEEKDAY = 3  # 1 January 1970 was a Thursday; Monday is 0
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class SeasonKind(StrEnum):
    """What a row's cell is told by, on the local clock; coarser kinds come first."""

    NONE = "none"
    WEEKEND = "weekend"  # Monday to Friday, Saturday and Sunday
    WEEKDAY = "weekday"
    HOUR = "hour"
    HOUR_WEEKEND = "hour_weekend"
    HOUR_OF_WEEK = "hour_of_week"


# How many day types and hours each kind tells apart.
_DAY_TYPES = {
    SeasonKind.NONE: 1,
    SeasonKind.WEEKEND: 2,
    SeasonKind.WEEKDAY: WEEKDAYS,
    SeasonKind.HOUR: 1,
    SeasonKind.HOUR_WEEKEND: 2,
    SeasonKind.HOUR_OF_WEEK: WEEKDAYS,
}
_HOURLY = frozenset({SeasonKind.HOUR, SeasonKind.HOUR_WEEKEND, SeasonKind.HOUR_OF_WEEK})


@dataclass(frozen=True, slots=True)
class Season:
    """A kind of season in a time zone. Cells are numbered by day type, then by hour."""

    kind: SeasonKind = SeasonKind.NONE
    zone: Zone = UTC

    @property
    def size(self) -> int:
        """How many cells there are."""
        return _DAY_TYPES[self.kind] * (HOURS if self.kind in _HOURLY else 1)

    @property
    def fingerprint(self) -> str:
        """A text that is equal for equal seasons, such as `hour@Europe/Berlin`."""
        return f"{self.kind}@{self.zone.name}"

    def days(self, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the local day of each instant (UTC microseconds, shape (n,)), counted from 1970-01-01.

        A day is what the calendar calls one: 23 or 25 hours where the clock changes.
        """
        return self.zone.local(times) // DAY

    def cells(self, times: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the cell of each instant (UTC microseconds, shape (n,)), from 0 to `size` - 1.

        The hour that comes twice when clocks are put back falls into the same cell both times.
        """
        if self.kind is SeasonKind.NONE:
            return np.zeros(len(times), dtype=np.int16)
        local = self.zone.local(times)
        day = local // DAY
        weekday = (day + FIRST_WEEKDAY) % WEEKDAYS
        cell = {1: np.zeros_like(day), 2: (weekday >= SATURDAY).astype(np.int64), WEEKDAYS: weekday}[
            _DAY_TYPES[self.kind]
        ]
        if self.kind in _HOURLY:
            cell = cell * HOURS + (local - day * DAY) // HOUR
        return cell.astype(np.int16)

    def name(self, cell: int) -> str:
        """Return a cell's name for people, such as `Monday 05:00`."""
        day_type, hour = divmod(cell, HOURS) if self.kind in _HOURLY else (cell, None)
        types = _DAY_TYPES[self.kind]
        day = "" if types == 1 else DAY_NAMES[day_type] if types == WEEKDAYS else _type_name(day_type)
        clock = "" if hour is None else f"{hour:02d}:00"
        return " ".join(part for part in (day, clock) if part) or "all rows"


@dataclass(frozen=True, slots=True)
class AutoSeason:
    """A season whose kind is chosen on the reference, in a time zone."""

    zone: Zone = UTC


def _type_name(day_type: int) -> str:
    return "weekend" if day_type else "Monday to Friday"
