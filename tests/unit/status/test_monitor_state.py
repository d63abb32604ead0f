from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

import pytest

from service.core.read_models import AlarmStart, WindowValue
from service.core.story.newest import newest_window, raised_alarm, raised_names
from service.status.monitor_state import (
    AspectState,
    MonitorState,
    monitor_state,
)
from tests.unit.api.doors import cycle_status
from tests.unit.status.values import WHEN, WINDOW, latest, window_value


def state(
    *values: WindowValue,
    alarms: dict[str, str] | None = None,
    trouble: str | None = None,
    waiting: bool = False,
    since: dict[str, datetime | None] | None = None,
    **cycles: Any,
) -> MonitorState:
    """Judge a monitor by its newest window; `since` is when the alarm of a column was raised."""
    found = latest(*values, alarms=alarms, window=None if waiting else WINDOW)
    newest = newest_window(found)
    raised = []
    for name in raised_names(found, newest):
        at = (since or {}).get(name.column, WHEN)
        raised.append(raised_alarm(name, None if at is None else AlarmStart(at=at, message="m")))
    return monitor_state(cycle_status(**cycles), newest, raised, trouble)


def aspect_of(found: MonitorState, aspect: str) -> AspectState:
    (one,) = (one for one in found.aspects if one.aspect == aspect)
    return one


@pytest.mark.parametrize(
    ("history", "breached", "wanted"),
    [("xx!", True, "alarm"), ("xx.!", False, "alarm"), (".x", True, "breach"), ("x.", False, "fine")],
)
def test_alarms_decide_what_an_aspect_is(history: str, breached: bool, wanted: str) -> None:
    """A raised alarm is one although the newest window was clear; one breach alone is no alarm."""
    one = window_value("quality", column_name="size", breached=breached, severity=2.0)
    found = state(one, alarms={one.alarm_name.encode(): history})
    assert aspect_of(found, "quality").verdict == found.verdict == wanted
    assert found.since == (WHEN if wanted == "alarm" else None)


def test_a_monitor_is_in_alarm_since_its_earliest_one() -> None:
    """Of alarms raised at different times the earliest counts, for an aspect as for the monitor."""
    hours = {"size": 5, "place": 2, "colour": 9}
    since: dict[str, datetime | None] = {name: WHEN + timedelta(hours=hour) for name, hour in hours.items()}
    since |= {"price": WHEN + timedelta(hours=4), "": None}
    names = [*(f"drift|{column}" for column in hours), "quality|price||missing_share|", "performance|||mae|"]
    found = state(alarms=dict.fromkeys(names, "xx!"), since=since)
    assert {one.aspect: one.since for one in found.aspects if one.alarms} == {
        "drift": since["place"], "quality": since["price"], "performance": None,
    }  # fmt: skip
    assert found.since == since["place"]
    wanted = [since[column] for column in ("place", "price", "size", "colour", "")]
    assert [alarm.since for alarm in found.alarms] == wanted


def test_a_second_methods_breach_is_no_verdict() -> None:
    """A value beyond its threshold that no alarm knows of leaves its column fine."""
    value = window_value("drift", column_name="size", breached=True, severity=9.0, definition="robust")
    assert aspect_of(state(value), "drift").verdict == "fine"


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([window_value("performance")], "unjudged"),
        ([window_value("performance", value=None, reason="no labels yet")], "unmeasured"),
        ([], "absent"),
    ],
)
def test_what_cannot_be_judged_says_so(values: list[WindowValue], wanted: str) -> None:
    """No threshold, no value and no measurement at all are told apart; none of them is fine."""
    assert aspect_of(state(*values), "performance").verdict == wanted


def test_the_reason_of_an_aspect_without_values_is_given() -> None:
    """Of several reasons the most common one is given."""
    reasons = ("no labels yet", "no labels yet", "other")
    values = [window_value("performance", value=None, reason=reason) for reason in reasons]
    one = aspect_of(state(*values), "performance")
    assert (one.reason, one.numbers, one.gaps) == ("no labels yet", 0, 3)


def test_before_the_first_window_everything_waits() -> None:
    """Cycles that run are no verdict about a model of which no window was measured."""
    found = state(window_value("health", "cycle_ms"), waiting=True)
    assert found.verdict == "waiting"
    assert aspect_of(found, "drift").verdict == "waiting"
    assert aspect_of(found, "health").verdict == "fine"


def test_finished_cycles_wait_for_nothing() -> None:
    """A monitor whose cycles are done without a window says so: nothing will follow."""
    found = state(window_value("health", "cycle_ms"), waiting=True, finished=True)
    drift = aspect_of(found, "drift")
    assert (found.verdict, drift.verdict) == ("unmeasured", "unmeasured")
    assert drift.reason == "its 3 cycles are done, and no window was complete by then"
    assert "waiting" not in {one.verdict for one in found.aspects}


def test_cycles_in_trouble_are_an_alarm_of_health() -> None:
    """A model may look fine while nothing is measured any more."""
    one = window_value("drift", breached=False, severity=0.1)
    found = state(one, trouble="its last 3 cycles failed")
    health = aspect_of(found, "health")
    assert (found.verdict, health.verdict, health.reason) == (
        "alarm", "alarm", "its last 3 cycles failed",
    )  # fmt: skip


def test_the_headline_is_what_is_wrong() -> None:
    """An alarm comes before a more severe value that does not decide."""
    worse = window_value(
        "drift", value=0.9, column_name="size", breached=True, severity=50.0, definition="r", series_id=2
    )
    alarm = window_value("drift", column_name="size", breached=True, severity=3.0, series_id=1)
    headline = aspect_of(state(worse, alarm, alarms={"drift|size": "xx!"}), "drift").headline
    assert headline is not None
    assert (headline.value, headline.alarm) == (0.3, True)
    within = window_value("drift", value=0.1, column_name="size", breached=False, severity=0.5)
    drift = aspect_of(state(worse, within), "drift")
    assert drift.headline is not None
    assert (drift.verdict, drift.headline.value) == ("fine", 0.1)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("quality|a|b||ks|evidently", ("quality", "a|b", "", "ks", "evidently")),
        ("drift|a|b", ("drift", "a|b", "", "", "")),
    ],
)
def test_an_alarm_of_a_series_that_is_gone_is_still_shown(name: str, series: tuple[str, ...]) -> None:
    """What the newest window lacks is named as far as it is known, separators in a column's name included."""
    found = state(alarms={name: "xx!"})
    (alarm,) = found.alarms
    assert (
        alarm.aspect, alarm.column_name, alarm.segment, alarm.metric, alarm.definition,
    ) == series  # fmt: skip
    assert aspect_of(found, series[0]).verdict == "alarm"


@pytest.mark.parametrize(
    ("first", "second", "chosen"), [(True, True, 0), (False, True, 1), (False, False, 0), (None, True, 1)]
)
def test_one_method_represents_a_columns_drift(first: bool | None, second: bool | None, chosen: int) -> None:
    """The first of its methods that is breached, or else the first, as it is where alarms are raised."""
    values = [
        window_value("drift", column_name="size", definition="a", breached=first, series_id=7),
        window_value("drift", column_name="size", definition="b", breached=second, series_id=9),
    ]
    found = latest(*values, alarms={"drift|size": "xx!"})
    newest = newest_window(found)
    assert [each.definition for each in newest.measurements if each.alarm] == ["ab"[chosen]]
    assert [each.definition for each in newest.measurements if each.decides] == (
        ["ab"[chosen]] if first or second else []
    )
    assert [name.definition for name in raised_names(found, newest)] == ["ab"[chosen]]
    assert "series_id" not in {field.name for field in fields(newest.measurements[0])}
