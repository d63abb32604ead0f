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
from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.windows.records import WindowRecord
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan, follow, is_open, step, verdicts

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


def test_an_alarm_says_what_its_measurement_remarks() -> None:
    """The remark of the measurement that raises an alarm is in its event, and not in the recovery's."""
    alarms: dict[str, str] = {}
    events: list[Event] = []
    for last, flag in enumerate([True, True, False, False]):
        marked = Measurement(MAE, 13.0 if flag else 11.0, 10, "q = 0.002 among 9 verdicts", 12.0, flag)
        window = replace(_window(last), measurements=(marked,))
        alarms, found = step(alarms, window, AlarmPlan())
        events += found
    raised, ended = events
    assert raised.message == "mae: 13, above 12 in 2 of the last 2 windows; q = 0.002 among 9 verdicts"
    assert raised.details["reason"] == "q = 0.002 among 9 verdicts"
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


@pytest.mark.parametrize(
    ("plan", "flags", "expected"),
    [
        (AlarmPlan(1, 3), "x...", [("breach", 100), ("recovery", 400)]),
        (AlarmPlan(3, 3), "xxx...", [("breach", 300), ("recovery", 600)]),
        (AlarmPlan(2, 5), "xx....", [("breach", 200), ("recovery", 600)]),
    ],
)
def test_an_alarm_ends_when_enough_windows_are_clear(
    plan: AlarmPlan, flags: str, expected: list[tuple[str, int]]
) -> None:
    """As many clear windows as breached ones raised it, and more where few breached ones do."""
    assert [(event.kind, event.at) for event in _run(flags, plan)] == expected


@pytest.mark.parametrize(
    ("worse", "word"), [(Worse.HIGHER, "above"), (Worse.LOWER, "below"), (Worse.BOTH, "beyond")]
)
def test_an_event_says_everything_about_its_breach(worse: Worse, word: str) -> None:
    """The message names the side of the threshold, and the details hold every value in it."""
    series = Series(Aspect.QUALITY, "mean", "temp", "north", definition="robust", worse=worse)
    measured = Measurement(series, 12345.678, 10, "a remark", 0.98765, True)
    window = WindowRecord(4, 6, 100, 200, 3, 10, (measured,))
    _, (event,) = step({}, window, EVERY_WINDOW)
    assert (event.at, event.column, event.metric) == (200, "temp", "mean")
    assert event.message == (f"temp north mean: 12,346, {word} 0.9877 in the last window; a remark")
    assert event.details == {
        "aspect": "quality", "segment": "north", "definition": "robust", "value": 12345.678,
        "threshold": 0.98765, "reason": "a remark", "window_first": 4, "window_last": 6,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (0.5, "drift_share: 0.5, at or above 0.5 in the last window"),
        (0.50001, "drift_share: 0.50001, above 0.5 in the last window"),
        (0.5000000001, "drift_share: 0.5, at or above 0.5 in the last window"),
    ],
)
def test_a_threshold_that_is_reached_is_not_said_to_be_exceeded(value: float, wanted: str) -> None:
    """Drift is breached at its threshold; a value that only rounding makes equal has more digits."""
    one = Measurement(Series(Aspect.DRIFT, "drift_share"), value, 10, threshold=0.5, breached=True)
    _, (event,) = step({}, replace(_window(1), measurements=(one,)), EVERY_WINDOW)
    assert event.message == wanted


def test_a_recovery_counts_the_clear_windows() -> None:
    """Of the last three windows one was breached: the message says two."""
    assert _run("xx..", AlarmPlan())[-1].message == (
        "temp wasserstein: 0.3, no longer above 0.1 in 2 of the last 3 windows"
    )


def test_a_verdict_may_have_neither_value_nor_threshold() -> None:
    """A breach that is no comparison of a value is an event nevertheless."""
    bare = Measurement(MAE, None, 10, "no row came", None, True)
    _, (event,) = step({}, replace(_window(1), measurements=(bare,)), EVERY_WINDOW)
    assert event.message == ("mae: no value, above its threshold in the last window; no row came")


def test_each_quality_metric_of_a_column_has_its_own_alarm() -> None:
    """Drift methods share one alarm per column; its other metrics say different things."""
    missing, mean = (
        Measurement(Series(Aspect.QUALITY, name, "temp"), 0.3, 10, None, 0.1, True)
        for name in ("missing_share", "mean")
    )
    assert list(verdicts((missing, MOVED, mean))) == [missing, mean, MOVED]


def test_a_series_without_a_verdict_silences_no_other() -> None:
    """What follows a measurement without a verdict is looked at all the same."""
    unmeasured = Measurement(MAE, None, 10, "few")
    assert list(verdicts((unmeasured, MOVED))) == [MOVED]


def test_the_last_closed_window_measured_again_counts_no_second_time() -> None:
    """A revision of the newest window that was measured before changes no alarm."""
    state, events = follow(Checkpoint(closed=4), [_measured(4, 0, 10)], EVERY_WINDOW, DAYS)
    assert (state, events) == (Checkpoint(closed=4), ())


def test_a_window_that_chance_may_explain_neither_raises_nor_clears() -> None:
    """A value beyond its threshold whose band reaches back across it leaves the alarm as it is."""
    mae = Series(Aspect.PERFORMANCE, "mae")

    def events_of(*windows: tuple[float, bool]) -> list[str]:
        alarms: dict[str, str] = {}
        kinds = []
        for last, (value, breached) in enumerate(windows):
            found = Measurement(mae, value, 10, "chance may explain it", 10.0, breached)
            alarms, events = step(alarms, replace(_window(last), measurements=(found,)), AlarmPlan())
            kinds += [event.kind for event in events]
        return kinds

    bad, open_, good = (15.0, True), (11.0, False), (9.0, False)
    assert events_of(bad, bad, open_, open_, open_) == ["breach"]
    assert events_of(bad, bad, open_, good, good) == ["breach", "recovery"]
    assert events_of(open_, open_, open_, open_) == []
    assert events_of(bad, open_, open_, bad) == ["breach"]
    rate = Measurement(
        Series(Aspect.PERFORMANCE, "positive_rate", worse=Worse.BOTH), 0.5, 9, None, 0.2, False, 0.4
    )
    assert not is_open(rate)
    assert is_open(replace(rate, reference=0.1))
