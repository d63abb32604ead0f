"""The evidence against a tolerance: what it promises, how it is counted, and how it ends."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.exact.sums import exact_sum
from service.core.rows.task import Regression
from service.methods.performance.block_spread import Spread
from service.methods.performance.evidence import measure_evidence, tolerance_tests_of
from service.methods.performance.reference_limits import ReferenceLimits
from service.methods.performance.registry import OF_ERRORS, OF_LABELS
from service.methods.performance.tolerance import (
    DAYS_REMEMBERED,
    Evidence,
    Tolerance,
    ToleranceTest,
    follow,
    level_of,
)

MAE, ACCURACY = OF_ERRORS[0], OF_LABELS[0]
TEST = ToleranceTest(MAE, 0, Tolerance(0.1, relative=True), alpha=0.01, level=2.0)


def days_of(losses: list[float], first: int = 0, rows: int = 10) -> dict[int, tuple[int, ...]]:
    """Return the losses of some days, each of so many rows with this mean."""
    return {first + day: (rows, exact_sum(np.full(rows, loss))) for day, loss in enumerate(losses)}


def after(losses: list[float], test: ToleranceTest = TEST) -> Evidence:
    """Return the evidence once all of these days are over."""
    return follow(test, Evidence(), [days_of(losses)], len(losses) - 1)


def test_the_evidence_is_the_product_of_what_the_stakes_gained() -> None:
    """Each stake rests on the days before it alone; good times cost nothing."""
    losses, wealth = [3.0, 3.5, 1.5, 4.0, 3.0], 1.0
    for day, loss in enumerate(losses):
        wealth *= 1.0 + after(losses[:day]).stake * (loss / 2.0 - 1.0)
    assert after(losses).wealth == pytest.approx(wealth)
    assert after(losses).wealth > 1.0
    assert after([1.0] * 50).value == 0.0


def test_a_model_that_is_worse_is_found_and_its_beginning_named() -> None:
    """Half as much again as tolerated is found within some days, and the onset lies near the change."""
    found = after([1.6] * 30 + [3.0] * 25)
    raised = [day for day, _, mark in found.history if mark]
    assert 30 < raised[0] < 52
    assert found.onset is not None
    assert found.onset == 30


def test_one_day_of_nonsense_raises_nothing() -> None:
    """However large a day's loss is, it counts as five times the level."""
    assert after([3.0, 1e200]).value == after([3.0, 10.0]).value < 0.7


def test_an_alarm_ends_with_seven_days_within_the_tolerance() -> None:
    """A new episode begins with evidence of 1."""
    found = after([6.0] * 12 + [1.0] * 30)
    marks = [mark for _, _, mark in found.history]
    assert marks.index(True) < 12
    assert marks[-1] is False
    assert found.value == pytest.approx(0.0, abs=1e-9)
    ended = next(day for day in range(12, 42) if not marks[day])
    assert found.history[ended][1] == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("noise", ["exponential", "few rows"])
def test_a_false_alarm_ever_is_as_rare_as_asked(noise: str) -> None:
    """With the mean loss exactly at the level, about 1 of 100 runs of 60 days ever alarms."""
    draw, alarms, runs = np.random.default_rng(1), 0, 400
    for _ in range(runs):
        losses = (
            draw.exponential(2.0, DAYS_REMEMBERED)
            if noise == "exponential"
            else draw.binomial(2, 0.5, DAYS_REMEMBERED) * 2.0
        )
        found = follow(TEST, Evidence(), [days_of(losses.tolist(), rows=1)], DAYS_REMEMBERED - 1)
        alarms += found.raised or any(mark for _, _, mark in found.history)
    assert alarms <= 9


@given(
    st.lists(st.floats(0.0, 50.0), min_size=1, max_size=12),
    st.lists(st.integers(0, 12), max_size=4),
    st.data(),
)
def test_any_split_into_cycles_gives_the_same_bits(
    losses: list[float], cuts: list[int], data: st.DataObject
) -> None:
    """However the rows of a day come, and whatever is stored in between, the evidence is the same text."""
    whole = after(losses)
    halves = [(day, row) for day, loss in enumerate(losses) for row in (loss, loss, loss)]
    edges = [0, *sorted(min(cut * 3, len(halves)) for cut in cuts), len(halves)]
    found = Evidence()
    for first, last in pairwise(edges):
        fresh = [{day: (1, exact_sum(np.array([loss])))} for day, loss in halves[first:last]]
        order = data.draw(st.permutations(fresh))
        until = halves[last - 1][0] - 1 if last else None
        found = Evidence.decode(follow(TEST, found, order, until).encode())
    found = follow(TEST, found, [], len(losses) - 1)
    thirds = follow(TEST, Evidence(), [days_of(losses, rows=3)], len(losses) - 1)
    assert found.encode() == thirds.encode()
    assert found.raised == whole.raised


def test_late_rows_are_left_out_and_counted() -> None:
    """A row of a day that was counted changes no evidence, and is said."""
    before = after([3.0, 3.0])
    found = follow(TEST, before, [days_of([500.0], first=1)], 5)
    assert (found.wealth, found.late_rows) == (before.wealth, 10)
    measured = measure_evidence(TEST, found, 1)
    assert measured.reason == "through 1970-01-02; 10 rows came later and are left out"


def test_another_level_begins_again() -> None:
    """Evidence against another tolerance or reference is void."""
    other = ToleranceTest(MAE, 0, Tolerance(0.2, relative=True), alpha=0.01, level=2.2)
    found = follow(other, after([6.0] * 3), [], 3)
    assert (found.value, found.through) == (0.0, 2)


def test_a_window_shows_the_evidence_of_its_end() -> None:
    """Windows that close in one cycle each have their own; of old ones the first revision keeps it."""
    found = after([3.0] * 4)
    values = [measure_evidence(TEST, found, day).value for day in range(4)]
    assert values == [value for _, value, _ in found.history]
    early = measure_evidence(TEST, found, -1)
    assert (early.value, early.breached, early.reason) == (0.0, False, "no day with labels is over yet")
    long = after([2.0] * (DAYS_REMEMBERED + 5))
    assert measure_evidence(TEST, long, 1).value is None


def test_a_raised_alarm_is_beyond_its_threshold() -> None:
    """While it is raised the value never lies below the threshold, and the reason says when it ends."""
    found = after([9.0] * 9 + [1.9] * 3)
    measured = measure_evidence(TEST, found, 12)
    assert measured.breached is True
    assert measured.value is not None
    assert measured.threshold == pytest.approx(2.0)
    assert measured.value >= measured.threshold
    assert measured.reason == (
        "through 1970-01-12; an alarm until the mean of 7 days lies within the tolerance; "
        "probably worse since 1970-01-01"
    )


def test_the_level_is_the_bound_of_the_reference_and_the_tolerance() -> None:
    """Of an error it lies above the reference's bound, of an accuracy it is a share of errors."""
    error = Spread(MAE, 8.0, 1_000, 0.0, 0.0, 0.01, 0.0, 30.0)
    _, high = error.own_bounds()
    assert level_of(error, Tolerance(0.1, relative=True)) == pytest.approx(high + 0.8)
    assert level_of(error, Tolerance(2.5)) == pytest.approx(high + 2.5)
    right = Spread(ACCURACY, 0.9, 1_000, 0.0, 0.0, 0.01, 0.0, 30.0)
    low, _ = right.own_bounds()
    assert level_of(right, Tolerance(0.05)) == pytest.approx(1.0 - low + 0.05)


def test_a_reference_of_few_days_gives_a_reason() -> None:
    """Without a bound of the reference's figure nothing is tested, and the measurement says why."""
    limits = ReferenceLimits({"mae": "the reference has 3 days with labels, and 8 are needed"})
    (test,) = tolerance_tests_of({"mae": Tolerance(0.1)}, limits, Regression("guess", "truth"), 0.01)
    found = measure_evidence(test, follow(test, Evidence(), [days_of([9.0])], 3), 3)
    assert (found.value, found.breached) == (None, None)
    assert found.reason == ("no evidence is counted: the reference has 3 days with labels, and 8 are needed")
    assert found.series.metric == "mae_worse_by"
