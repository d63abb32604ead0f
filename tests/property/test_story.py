"""The story of any monitor: it never contradicts the measurements that it is made of."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.core.alarm_state import AlarmHistory
from service.core.measurement import Worse
from service.core.read_models import WindowValue
from service.core.story.story import StoryState, tell
from service.status.monitor_state import Verdict, monitor_state
from tests.unit.api.doors import cycle_status
from tests.unit.core.story.facts import facts
from tests.unit.status.values import WINDOW, window_value

MAX_STORY = 2_500  # characters, whatever the names are
STATES = {
    Verdict.ALARM: StoryState.ALARM,
    Verdict.BREACH: StoryState.BREACH,
    Verdict.FINE: StoryState.FINE,
    Verdict.UNJUDGED: StoryState.WAITING,
    Verdict.UNMEASURED: StoryState.WAITING,
    Verdict.WAITING: StoryState.WAITING,
}
BEGINNINGS = {
    StoryState.ALARM: ("Worse", "Changed", "Performance", "Quality", "Drift", "Health"),
    StoryState.BREACH: ("In the newest window, not yet an alarm: ",),
    StoryState.FINE: ("Healthy: ",),
    StoryState.WAITING: ("Waiting: ", "Not judged: "),
}
numbers = st.floats(-1e12, 1e12) | st.floats(0.0, 20.0) | st.sampled_from([0.0, 1e-9, 1.0, 12.0, 1e300])
maybe = st.none() | numbers
rises = st.floats(-2.0, 10.0)
reasons = st.sampled_from(["no labels yet", "few rows"])
severities = {True: st.floats(1.0, 100.0), False: st.floats(0.0, 1.0)}
histories = st.sampled_from(["", ".x", "x.", "xx!", "xx.!"])
SIDES = re.compile(r"is ([^,;]+), (?:above|below) its threshold of ([^,;.]+(?:\.\d+)?(?: %)?)")
METRICS = {
    "performance": ["mae", "rmse", "accuracy", "estimated_mae", "positive_rate", "pending_rows"],
    "quality": ["missing_share", "rows", "out_of_range_share"],
    "drift": ["psi", "wasserstein", "drift_share"],
    "health": ["latency_p95", "error_share"],
}


@st.composite
def values(draw: st.DrawFn, columns: list[str]) -> tuple[WindowValue, str]:
    """Draw a value of the newest window as the store reads it, and the history of its alarm."""
    aspect = draw(st.sampled_from(list(METRICS)))
    metric = draw(st.sampled_from(METRICS[aspect]))
    history = draw(histories)
    value = draw(maybe)
    # The newest window's own mark, where it has a verdict at all.
    breached = AlarmHistory.decode(history).breached if value is not None and draw(st.booleans()) else None
    given_: dict[str, Any] = {
        "column_name": draw(st.sampled_from(["", *columns])) if aspect != "performance" else "",
        "segment": draw(st.sampled_from(["", "", "place=A", "place=B"])) if aspect == "performance" else "",
        "unit": draw(st.sampled_from(["", "share", "rows", "minutes"])),
        "worse": draw(st.sampled_from(list(Worse))),
        "threshold": None if breached is None else draw(numbers),
        "breached": breached,
        "severity": None if breached is None else draw(severities[breached]),
        "reference": draw(maybe),
        "reason": draw(reasons if value is None else st.none() | reasons),
    }  # fmt: skip
    return window_value(aspect, metric, value, **given_), history


@st.composite
def splits(draw: st.DrawFn, columns: list[str]) -> list[WindowValue]:
    """Draw the parts of the error's change, of all rows and of some columns."""
    found = []
    for part in ("", "_concept", "_data", "_unseen"):
        for column in ["", *draw(st.lists(st.sampled_from(columns), unique=True, max_size=3))]:
            part_of = {"column_name": column, "low": draw(st.none() | rises), "reason": "no labels yet"}
            found.append(window_value("drift", f"error_change{part}", draw(st.none() | rises), **part_of))
    return found


@st.composite
def monitors(draw: st.DrawFn, name: st.SearchStrategy[str]) -> tuple[list[WindowValue], dict[str, Any]]:
    """Draw a newest window, its alarms and when they were raised."""
    columns = draw(st.lists(name, min_size=1, max_size=8, unique=True))
    drawn = draw(st.lists(values(columns), max_size=12, unique_by=lambda pair: pair[0].alarm_name.encode()))
    window = [value for value, _ in drawn]
    alarms = {value.alarm_name.encode(): history for value, history in drawn if history}
    if draw(st.booleans()):  # what most of the rules are about: an error that rose, and why
        worse = {"value": 15.0, "threshold": 12.0, "breached": True, "severity": 1.2, "reference": 8.0}
        error = window_value("performance", "mae", **worse)
        window = [error, *(value for value in window if value.alarm_name != error.alarm_name)]
        alarms[error.alarm_name.encode()] = "xx!"
        window += draw(splits(columns))
    when = st.integers(-20_000, 60_000).map(lambda days: WINDOW.window_end + timedelta(days=days))
    since = draw(st.dictionaries(st.sampled_from(["", *columns]), when))
    more: dict[str, Any] = {"alarms": alarms, "since": since}
    if not window and draw(st.booleans()):
        more |= {"window": None, "ended": draw(st.booleans()), "started": draw(st.booleans())}
    return window, more


distinct = st.integers(0, 99).map(lambda number: f"k{number:02}z")
any_text = st.text(min_size=1, max_size=40) | st.text(min_size=1, max_size=3).map(lambda text: text * 2_000)


@given(monitors(distinct))
def test_no_column_is_named_that_is_not_breached(drawn: tuple[list[WindowValue], dict[str, Any]]) -> None:
    """Every column in the text has a raised alarm, or a breach of the newest window that counts."""
    window, more = drawn
    found = facts(*window, **more)
    named = set(re.findall(r"k\d\dz", tell(found).text))
    counted = {each.column_name for each in found.newest.measurements if each.decides}
    assert named <= counted | {alarm.column_name for alarm in found.alarms}


@given(monitors(distinct))
def test_the_story_is_of_the_state(drawn: tuple[list[WindowValue], dict[str, Any]]) -> None:
    """What the page calls the state is what the text tells, in the words of that state alone."""
    window, more = drawn
    found = facts(*window, **more)
    told = tell(found)
    state = monitor_state(cycle_status(), found.newest, found.alarms, None)
    assert told.state is STATES[state.verdict]
    assert state.story == told.text
    assert told.text.startswith(BEGINNINGS[told.state])
    assert ("Healthy" in told.text) == (told.state is StoryState.FINE)
    assert not re.search(r"\b(None|nan|inf|True|False)\b", told.text)


@given(monitors(distinct))
def test_a_value_is_on_the_side_that_is_said(drawn: tuple[list[WindowValue], dict[str, Any]]) -> None:
    """No value is above or below what reads the same, and no part of a rise is denied that is large."""
    window, more = drawn
    found = facts(*window, **more)
    said = tell(found).text
    for value, limit in SIDES.findall(said):
        assert value != limit
    rise = sum(each.value or 0.0 for each in found.newest.measurements if _is_whole(each, "error_change"))
    for part, other in (("the relation, not", "_data"), ("the inputs, not", "_concept")):
        values = [each.value or 0.0 for each in window if _is_whole(each, f"error_change{other}")]
        if f"of the rise is {part}" in said:
            assert all(value <= 0.25 * rise for value in values)


def _is_whole(each: Any, metric: str) -> bool:
    return bool(each.metric == metric and not each.column_name and not each.segment)


@given(monitors(any_text))
def test_any_name_gives_a_bounded_line(drawn: tuple[list[WindowValue], dict[str, Any]]) -> None:
    """Names of 6,000 characters, of line breaks or of nothing printable: one line with a full stop."""
    window, more = drawn
    said = tell(facts(*window, **more)).text
    assert len(said) < MAX_STORY
    assert said.endswith(".")
    assert said.isprintable() or not said.isascii()
    assert not set("\n\r\t\x00") & set(said)
