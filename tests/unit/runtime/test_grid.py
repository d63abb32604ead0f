"""The points of a grid by two clocks, of which one is set now and then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.time_units import SECOND
from service.runtime.grid import Grid

DAY = 86_400 * SECOND
START = 1_785_000_000 * SECOND


@given(
    st.sampled_from([0.05, 0.3, 1.0, 10.0, 3_600.0]),
    st.integers(0, 10**6),
    st.floats(0.0, 0.999),
)
def test_slots_are_exact_while_nobody_sets_the_clock(interval: float, index: int, part: float) -> None:
    """A point's slot is start + k x interval, whenever within a second of drift it is asked for."""
    grid = Grid(interval, 500.0, START)
    clock = grid.at(index) + part * interval
    wall = START + round((clock - grid.origin) * SECOND) + 400_000
    assert grid.slot(index, clock=clock, wall=wall) == START + round(index * interval * SECOND)


@pytest.mark.parametrize("moved", [-DAY, -90 * SECOND, 2 * SECOND, DAY])
def test_slots_follow_a_clock_that_was_set(moved: int) -> None:
    """The next slot is that of the new time, and those after it are on a grid with it."""
    grid = Grid(10.0, 500.0, START)
    assert grid.slot(1, clock=510.0, wall=START + 10 * SECOND) == START + 10 * SECOND
    assert grid.slot(2, clock=520.0, wall=START + 20 * SECOND + moved) == START + 20 * SECOND + moved
    assert grid.slot(3, clock=530.0, wall=START + 30 * SECOND + moved) == START + 30 * SECOND + moved


@given(st.integers(-3 * DAY, 3 * DAY), st.sampled_from([1.0, 10.0, 60.0]))
def test_a_grid_goes_on_where_it_was_kept(ago: int, interval: float) -> None:
    """By a clock that was ahead or not: its points are those of the other process; one has just passed."""
    after = START - ago
    grid = Grid.going_on(interval, after, clock=500.0, wall=START)
    assert (grid.start - after) % round(interval * SECOND) == 0
    assert grid.start <= START
    assert grid.last_before(500.0) >= 0
    if ago >= 0:
        assert grid.start == after
