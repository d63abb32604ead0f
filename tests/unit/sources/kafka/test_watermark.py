"""Event time over partitions: what is late, and what holds windows open."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.sources.event_clock import EventClock
from service.sources.kafka.watermark import late_rows, watermark_of


def _late(times: list[int], clock: EventClock, allowed: int = 10) -> list[bool]:
    return late_rows(np.array(times, dtype=np.int64), clock, 1_000, allowed).tolist()


def test_a_row_is_late_by_the_rows_before_it() -> None:
    """Neither by those after it, nor by a time that has not come yet."""
    assert _late([100, 89, 90, 200, 189, 95], EventClock()) == [False, True, False, False, True, True]
    assert _late([89, 90], EventClock(100, 5)) == [True, False]
    assert _late([5_000, 989, 990], EventClock()) == [False, True, False]


@given(st.lists(st.integers(0, 100), max_size=30), st.integers(0, 30))
def test_it_does_not_matter_how_many_rows_are_read_at_once(times: list[int], cut: int) -> None:
    """Read in two lots, the same rows are late."""
    first, second = times[:cut], times[cut:]
    late = _late(first, EventClock())
    kept = np.array([time for time, is_late in zip(first, late, strict=True) if not is_late], dtype=np.int64)
    assert late + _late(second, EventClock().after(kept, 1_000)) == _late(times, EventClock())


def _watermark(clocks: dict[int, EventClock], waiting: set[int], now: int) -> int | None:
    return watermark_of(clocks, waiting, now=now, idle_after_us=60, earliest=3)


def test_the_partition_that_is_furthest_behind_decides() -> None:
    """As long as it has more to read, or was heard of lately."""
    clocks = {0: EventClock(500, 100), 1: EventClock(20, 100)}
    assert _watermark(clocks, set(), 150) == 20
    assert _watermark(clocks, {1}, 100_000) == 20


def test_a_silent_partition_holds_nothing_back() -> None:
    """Once it has nothing to read and no row came for a while."""
    clocks = {0: EventClock(500, 190), 1: EventClock(20, 100)}
    assert _watermark(clocks, set(), 200) == 500


def test_the_clock_goes_on_where_all_are_silent() -> None:
    """From the latest time seen, by the time since the last row without the patience."""
    clocks = {0: EventClock(500, 190), 1: EventClock(20, 100)}
    assert _watermark(clocks, set(), 300) == 500 + (300 - 190 - 60)


def test_an_unread_partition_holds_windows_open() -> None:
    """Nothing is known of it, so no window that the rows of this take are in is closed."""
    assert _watermark({0: EventClock(500, 100)}, {1}, 110) == 3
    assert _watermark({}, {1}, 110) == 3
