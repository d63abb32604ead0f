from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from service.config.time_zone import zone_of
from service.core.season.season import DAY, HOUR, Season, SeasonKind
from service.core.season.zone import Zone
from service.core.time_units import to_microseconds

BERLIN = zone_of("Europe/Berlin")


def at(*texts: str) -> np.ndarray:
    """Return UTC instants as microseconds."""
    return np.array([to_microseconds(datetime.fromisoformat(text).replace(tzinfo=UTC)) for text in texts])


@pytest.mark.parametrize(
    ("kind", "size", "cells"),
    [
        # Thursday 23:30, Saturday 00:30 and Sunday 12:00 in Berlin, an hour before UTC.
        (SeasonKind.NONE, 1, [0, 0, 0]),
        (SeasonKind.WEEKEND, 2, [0, 1, 1]),
        (SeasonKind.WEEKDAY, 7, [3, 5, 6]),
        (SeasonKind.HOUR, 24, [23, 0, 12]),
        (SeasonKind.HOUR_WEEKEND, 48, [23, 24, 36]),
        (SeasonKind.HOUR_OF_WEEK, 168, [3 * 24 + 23, 5 * 24, 6 * 24 + 12]),
    ],
)
def test_cells_follow_the_local_clock(kind: SeasonKind, size: int, cells: list[int]) -> None:
    """Each kind tells rows apart by the hour and the day that the zone's clock shows."""
    season = Season(kind, BERLIN)
    times = at("2013-01-10T22:30", "2013-01-11T23:30", "2013-01-13T11:00")
    found = season.cells(times)
    assert (season.size, found.tolist(), found.dtype) == (size, cells, np.int16)


def test_days_are_local() -> None:
    """A local day ends at local midnight and has 23 or 25 hours where the clock changes."""
    season = Season(zone=BERLIN)
    hours = np.arange(at("2013-03-30T00:00")[0], at("2013-04-02T00:00")[0], HOUR)
    days, rows = np.unique(season.days(hours), return_counts=True)
    assert rows.tolist() == [23, 23, 24, 2]  # from 01:00 of the 30th on; the 31st has 23 hours
    assert days[1] == at("2013-03-31T00:00")[0] // DAY


def test_the_hour_that_comes_twice_is_one_cell() -> None:
    """Where clocks are put back both passes of the hour fall into its cell; a skipped hour has no rows."""
    hour = Season(SeasonKind.HOUR, BERLIN)
    autumn = at("2013-10-26T23:30", "2013-10-27T00:30", "2013-10-27T01:30", "2013-10-27T02:30")
    assert hour.cells(autumn).tolist() == [1, 2, 2, 3]
    assert hour.cells(at("2013-03-31T00:30", "2013-03-31T01:30")).tolist() == [1, 3]


def test_no_rows() -> None:
    """No rows have no cells and no days."""
    nothing = np.zeros(0, dtype=np.int64)
    for kind in SeasonKind:
        season = Season(kind, BERLIN)
        assert season.cells(nothing).tolist() == season.days(nothing).tolist() == []


def test_every_cell_has_a_name() -> None:
    """Cells have distinct names, which say their day and hour."""
    for kind in SeasonKind:
        season = Season(kind)
        assert len({season.name(cell) for cell in range(season.size)}) == season.size
    assert Season(SeasonKind.HOUR_OF_WEEK).name(29) == "Tuesday 05:00"
    assert Season(SeasonKind.HOUR_WEEKEND).name(29) == "weekend 05:00"
    assert Season(SeasonKind.NONE).name(0) == "all rows"


def test_a_season_is_known_by_its_kind_and_zone() -> None:
    """Seasons are equal where kind and zone are; their fingerprint says both."""
    hour = Season(SeasonKind.HOUR, BERLIN)
    assert hour == Season(SeasonKind.HOUR, Zone("Europe/Berlin", np.array([0]), np.array([HOUR])))
    assert hour != Season(SeasonKind.HOUR)
    assert len({hour, Season(SeasonKind.HOUR, BERLIN), Season(SeasonKind.HOUR)}) == 2
    assert hour.fingerprint == "hour@Europe/Berlin"
    assert BERLIN != "Europe/Berlin"


@pytest.mark.parametrize(("starts", "offsets"), [([], []), ([0, 0], [1, 2]), ([1, 0], [1, 2]), ([0, 1], [1])])
def test_a_table_that_does_not_rise_is_refused(starts: list[int], offsets: list[int]) -> None:
    """Each offset begins later than the one before."""
    with pytest.raises(ValueError, match="expected rising starts"):
        Zone("X", np.array(starts, dtype=np.int64), np.array(offsets, dtype=np.int64))


def test_kinds_are_listed_from_coarse_to_fine() -> None:
    """A later kind never has fewer cells, so that `auto` can fall back to an earlier one."""
    sizes = [Season(kind).size for kind in SeasonKind]
    assert all(one <= other for one, other in pairwise(sizes))
