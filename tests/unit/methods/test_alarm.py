"""Alarms: k of n windows raise, k of n clear, and one noisy window does neither."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.checkpoint import Checkpoint
from service.core.event import Event
from service.core.labels.remeasure import LabelProgress
from service.core.measurement import Aspect, Measurement, Series
from service.core.windows.records import WindowRecord
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan, follow, step, verdicts

SERIES = Series(Aspect.DRIFT, "wasserstein", "temp", definition="evidently")


def _window(last: int, *breached: bool | None, series: Series = SERIES) -> WindowRecord:
    measurements = tuple(
        Measurement(
            series, 0.3 if flag is not None else None, 10, None if flag is not None else "few", 0.1, flag
        )
        for flag in breached
    )
    return WindowRecord(last, last, last * 100, last * 100 + 100, 1, 10, measurements)


def _run(flags: str, plan: AlarmPlan) -> list[Event]:
    """Step through windows, `x` breached, `.` clear, `-` without a value."""
    alarms: dict[str, str] = {}
    events: list[Event] = []
    for last, flag in enumerate(flags):
        alarms, fresh = step(alarms, _window(last, {"x": True, ".": False, "-": None}[flag]), plan)
        events += fresh
    return events


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("x..x..x..", []),  # one noisy window raises nothing
        ("xx", [("breach", 200)]),
        ("x.x", [("breach", 300)]),
        ("xx.xx.xx", [("breach", 200)]),  # one clear window clears nothing
        ("xx..", [("breach", 200), ("recovery", 400)]),
        ("xx-..", [("breach", 200), ("recovery", 500)]),  # a window without a value says nothing
        ("xx..xx..", [("breach", 200), ("recovery", 400), ("breach", 600), ("recovery", 800)]),
        ("........", []),
    ],
)
def test_two_of_three(flags: str, expected: list[tuple[str, int]]) -> None:
    """The default: events with the ends of the windows that raised and ended the alarm."""
    assert [(event.kind, event.at) for event in _run(flags, AlarmPlan())] == expected


@given(st.text("x.-", max_size=60), st.integers(1, 6), st.integers(0, 6))
def test_breach_and_recovery_alternate(flags: str, breaches: int, more: int) -> None:
    """Whatever k and n, an alarm that is raised is raised once and ended once."""
    kinds = [event.kind for event in _run(flags, AlarmPlan(breaches, breaches + more))]
    assert kinds == (["breach", "recovery"] * len(kinds))[: len(kinds)]


def test_a_quiet_series_leaves_no_trace() -> None:
    """What is kept does not grow with series that never breach."""
    alarms, _ = step({}, _window(1, False), AlarmPlan())
    assert alarms == {}
    for last in range(5):
        alarms, _ = step(alarms, _window(last, last == 0), AlarmPlan())
    assert alarms == {}


def test_the_state_before_is_left_alone() -> None:
    """A cycle that is not committed can be done again from the same state."""
    before = {"drift|temp": "x"}
    after, events = step(before, _window(1, True), AlarmPlan())
    assert before == {"drift|temp": "x"}
    assert after == {"drift|temp": "xx!"}
    assert events[0].message == "temp wasserstein: 0.3, above 0.1 in 2 of the last 2 windows"


PSI = Series(Aspect.DRIFT, "psi", "temp", definition="robust")
CALM = Measurement(SERIES, 0.05, 10, threshold=0.1, breached=False)
MOVED = Measurement(PSI, 0.5, 10, threshold=0.1, breached=True)


def test_a_column_has_one_verdict() -> None:
    """Whichever of the methods that decide is beyond its threshold speaks for the column."""
    assert list(verdicts((CALM, MOVED))) == [MOVED]
    assert list(verdicts((CALM, replace(MOVED, breached=False)))) == [CALM]


def test_a_second_opinion_does_not_alarm() -> None:
    """A method that does not decide must not add false alarms."""
    assert list(verdicts((CALM, replace(MOVED, decides=False)))) == [CALM]


def test_two_methods_raise_one_alarm_together() -> None:
    """A shift that one method sees now and another then is the same alarm."""
    windows = [
        replace(_window(last), measurements=seen) for last, seen in enumerate(((CALM, MOVED), (MOVED,)))
    ]
    alarms, _ = step({}, windows[0], AlarmPlan())
    alarms, events = step(alarms, windows[1], AlarmPlan())
    assert (alarms, [event.metric for event in events]) == ({"drift|temp": "xx!"}, ["psi"])


MAE = Series(Aspect.PERFORMANCE, "mae")


def test_an_alarm_says_what_chance_may_explain() -> None:
    """The remark of the measurement that raises an alarm is in its event, and not in the recovery's."""
    alarms: dict[str, str] = {}
    events: list[Event] = []
    for last, flag in enumerate([True, True, False, False]):
        marked = Measurement(MAE, 13.0, 10, "chance may explain the breach", 12.0, flag)
        window = replace(_window(last), measurements=(marked,))
        alarms, found = step(alarms, window, AlarmPlan())
        events += found
    raised, ended = events
    assert raised.message == "mae: 13, above 12 in 2 of the last 2 windows; chance may explain the breach"
    assert raised.details["reason"] == "chance may explain the breach"
    assert ended.message.endswith("windows")


RATE = Series(Aspect.PERFORMANCE, "positive_rate")
EXPECTED = Series(Aspect.PERFORMANCE, "estimated_mae")
OF_TARGET = Series(Aspect.DRIFT, "wasserstein", "truth", definition="evidently")
EVERY_WINDOW = AlarmPlan(breaches=1, windows=1)
DAYS = WindowPlan(Unit.TIME, hop=100, min_rows=1)


def _measured(last: int, labelled: int, pending: int) -> WindowRecord:
    seen = tuple(
        Measurement(series, 0.3, 10, None, 0.1, True) for series in (SERIES, MAE, RATE, EXPECTED, OF_TARGET)
    )
    window = WindowRecord(last, last, last * 100, last * 100 + 100, 1, 10, seen)
    return replace(window, labelled=labelled, pending=pending)


def _told(events: Sequence[Event]) -> list[str]:
    return [f"{event.column or event.metric} {event.at}" for event in events]


def test_what_rests_on_labels_waits_for_them() -> None:
    """Drift counts when a window is first measured, performance and the target with its labels."""
    state, events = follow(Checkpoint(closed=3), [_measured(4, 0, 10)], EVERY_WINDOW, DAYS, late="truth")
    assert _told(events) == ["positive_rate 500", "estimated_mae 500", "temp 500"]
    state = replace(state, closed=4)
    again = [_measured(4, 5, 5), _measured(4, 9, 1), _measured(4, 10, 0)]
    told = []
    for window in again:
        state, events = follow(state, [window], EVERY_WINDOW, DAYS, late="truth")
        told.append(_told(events))
    assert told == [[], ["mae 500", "truth 500"], []]
    assert state.labelling.alarmed_through == 4


def test_late_windows_count_in_their_order() -> None:
    """A window that has its labels after a later one has no say any more."""
    before = Checkpoint(closed=9, labelling=LabelProgress(alarmed_through=6))
    state, events = follow(before, [_measured(5, 10, 0)], EVERY_WINDOW, DAYS, late="truth")
    assert (state, events) == (before, ())
    state, events = follow(
        before, [_measured(7, 10, 0), _measured(8, 10, 0)], EVERY_WINDOW, DAYS, late="truth"
    )
    assert (state.labelling.alarmed_through, _told(events)) == (8, ["mae 800", "truth 800"])


def test_without_late_labels_every_window_counts_at_once() -> None:
    """What is measured again changes no alarm, however many labels there are."""
    state, events = follow(Checkpoint(closed=3), [_measured(4, 1, 9)], EVERY_WINDOW, DAYS)
    assert _told(events) == ["mae 500", "positive_rate 500", "estimated_mae 500", "temp 500", "truth 500"]
    again, events = follow(replace(state, closed=4), [_measured(4, 10, 0)], EVERY_WINDOW, DAYS)
    assert (again.alarms, again.labelling, events) == (state.alarms, LabelProgress(), ())
