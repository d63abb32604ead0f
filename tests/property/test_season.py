"""Local days and season cells equal what the time zone database gives instant by instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.config.time_zone import zone_of
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.core.time_units import EPOCH, to_datetime, to_microseconds

# Half-hour and quarter-hour offsets, half an hour of daylight saving, either hemisphere, clocks put back in
# Ramadan, a day that never was (Apia, 2011), and no change at all.
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Africa/Casablanca",
    "Pacific/Apia",
    "UTC",
)
SINCE, UNTIL = (to_microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1970, 2100))
instants = st.lists(st.integers(SINCE, UNTIL), max_size=40)


def naive(times: list[int], zone: str) -> list[datetime]:
    """Return what the zone's clock shows, one instant at a time."""
    return [to_datetime(time).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for time in times]


def check(times: list[int], zone: str) -> None:
    """Compare every kind of season with the naive one."""
    array = np.array(times, dtype=np.int64)
    local = naive(times, zone)
    naive_day = [(one - EPOCH.replace(tzinfo=None)).days for one in local]
    weekend = [int(one.weekday() in {5, 6}) for one in local]
    expected = {
        SeasonKind.NONE: [0 for _ in local],
        SeasonKind.WEEKEND: weekend,
        SeasonKind.WEEKDAY: [one.weekday() for one in local],
        SeasonKind.HOUR: [one.hour for one in local],
        SeasonKind.HOUR_WEEKEND: [24 * day + one.hour for day, one in zip(weekend, local, strict=True)],
        SeasonKind.HOUR_OF_WEEK: [24 * one.weekday() + one.hour for one in local],
    }
    assert expected.keys() == set(SeasonKind)
    for kind, cells in expected.items():
        season = Season(kind, zone_of(zone))
        assert season.cells(array).tolist() == cells
        assert season.days(array).tolist() == naive_day


@given(times=instants, zone=st.sampled_from(ZONES))
def test_random_instants(times: list[int], zone: str) -> None:
    """Any instants of 1970 to 2100, in any order, have the database's day and hour."""
    check(times, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_each_change_of_the_clock(zone: str) -> None:
    """The instants around every gap and fold of 1970 to 2100 have the database's day and hour."""
    changes = [one for one in zone_of(zone).starts.tolist() if SINCE <= one < UNTIL]
    check([one + delta for one in changes for delta in (-HOUR, -1, 0, 1, HOUR)], zone)


@pytest.mark.parametrize("zone", ZONES)
def test_no_change_of_the_clock_is_left_out(zone: str) -> None:
    """Every sixth hour of 1970 to 2100 has the database's offset."""
    times = np.arange(SINCE, UNTIL, DAY // 4, dtype=np.int64)
    clock = ZoneInfo(zone)
    offsets = (zone_of(zone).local(times) - times).tolist()
    expected = [
        (to_datetime(time).astimezone(clock).utcoffset() or timedelta(0)) // timedelta(microseconds=1)
        for time in times.tolist()
    ]
    assert offsets == expected
