from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.methods import alarm
from service.status.monitor_state import NAMES, key_of, monitor_state, newest_of, raised_series

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
WINDOW = {"window_start": WHEN, "window_end": WHEN, "revision": 1, "rows": 9, "computed_at": WHEN, "id": 4}
CYCLES = {"name": "shop", "cycles": 3}


def row(aspect: str, value: float | None = 0.3, **more: Any) -> dict[str, Any]:
    given = {
        "aspect": aspect, "column_name": "size", "segment": "", "metric": "ks", "definition": "",
        "value": value, "breached": None, "severity": None, "reference": None, "reason": None,
    }  # fmt: skip
    return given | more


def state(
    rows: list[dict[str, Any]], alarms: dict[str, str] | None = None, trouble: str | None = None, **more: Any
) -> dict[str, Any]:
    newest = newest_of(more.get("window", WINDOW), rows, alarms or {})
    raised = [{**one, "since": WHEN, "message": "m"} for one in raised_series(newest)]
    return monitor_state(CYCLES, newest, raised, trouble)


def verdict(found: dict[str, Any], aspect: str) -> str:
    (one,) = (one for one in found["aspects"] if one["aspect"] == aspect)
    return str(one["verdict"])


@pytest.mark.parametrize(
    ("seen", "breached", "wanted"),
    [("xx!", True, "alarm"), ("xx.!", False, "alarm"), (".x", True, "breach"), ("x.", False, "fine")],
)
def test_alarms_decide_what_an_aspect_is(seen: str, breached: bool, wanted: str) -> None:
    """A raised alarm is one although the newest window was clear; one breach alone is no alarm."""
    one = row("quality", breached=breached, severity=2.0)
    found = state([one], {key_of(one): seen})
    assert verdict(found, "quality") == found["verdict"] == wanted
    assert found["since"] == (WHEN if wanted == "alarm" else None)


def test_a_second_methods_breach_is_no_verdict() -> None:
    """A number beyond its threshold that no alarm knows of leaves its column fine."""
    found = state([row("drift", breached=True, severity=9.0, definition="robust")])
    assert verdict(found, "drift") == "fine"


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ([row("performance")], "unjudged"),
        ([row("performance", None, reason="no labels yet")], "unmeasured"),
        ([], "absent"),
    ],
)
def test_what_cannot_be_judged_says_so(rows: list[dict[str, Any]], wanted: str) -> None:
    """No threshold, no value and no measuring at all are told apart; none of them is fine."""
    assert verdict(state(rows), "performance") == wanted


def test_the_reason_of_an_aspect_without_numbers_is_given() -> None:
    """Of several reasons the most common one is said."""
    rows = [row("performance", None, reason=reason) for reason in ("no labels yet", "no labels yet", "other")]
    (one,) = (one for one in state(rows)["aspects"] if one["aspect"] == "performance")
    assert (one["reason"], one["numbers"], one["gaps"]) == ("no labels yet", 0, 3)


def test_before_the_first_window_everything_waits() -> None:
    """Cycles that run are no verdict about a model of which no window was measured."""
    found = state([row("health", metric="cycle_ms")], window=None)
    assert (found["verdict"], verdict(found, "drift"), verdict(found, "health")) == (
        "waiting",
        "waiting",
        "fine",
    )


def test_cycles_in_trouble_are_an_alarm_of_health() -> None:
    """A model may look fine while nothing is measured any more."""
    one = row("drift", breached=False, severity=0.1)
    found = state([one], trouble="its last 3 cycles failed")
    (health,) = (one for one in found["aspects"] if one["aspect"] == "health")
    assert (found["verdict"], health["verdict"], health["reason"]) == (
        "alarm", "alarm", "its last 3 cycles failed",
    )  # fmt: skip


def test_the_headline_is_what_is_wrong() -> None:
    """An alarm comes before a more severe number that does not decide."""
    worse = row("drift", 0.9, breached=True, severity=50.0, definition="robust", id=2)
    deciding = row("drift", 0.3, breached=True, severity=3.0, id=1)
    found = state([worse, deciding], {"drift|size": "xx!"})
    (drift,) = (one for one in found["aspects"] if one["aspect"] == "drift")
    assert (drift["headline"]["value"], drift["headline"]["alarm"]) == (0.3, True)
    within = row("drift", 0.1, breached=False, severity=0.5)
    (drift,) = (one for one in state([worse, within])["aspects"] if one["aspect"] == "drift")
    assert (drift["verdict"], drift["headline"]["value"]) == ("fine", 0.1)


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("quality|a|b||ks|evidently", ("quality", "a|b", "", "ks", "evidently")),
        ("drift|a|b", ("drift", "a|b", "", "", "")),
    ],
)
def test_an_alarm_of_a_series_that_is_gone_is_still_shown(name: str, series: tuple[str, ...]) -> None:
    """What the newest window lacks is named as far as it is known, separators in a column's name included."""
    found = state([], {name: "xx!"})
    (raised,) = found["alarms"]
    assert tuple(raised[part] for part in NAMES) == series
    assert verdict(found, series[0]) == "alarm"


@pytest.mark.parametrize(
    ("first", "second", "stands"), [(True, True, 0), (False, True, 1), (False, False, 0), (None, True, 1)]
)
def test_one_method_stands_for_a_columns_drift(first: bool | None, second: bool | None, stands: int) -> None:
    """The first of its methods that is breached, or else the first, as it is where alarms are raised."""
    rows = [
        row("drift", definition="a", breached=first, id=7),
        row("drift", definition="b", breached=second, id=9),
    ]
    newest = newest_of(WINDOW, rows, {"drift|size": "xx!"})
    assert [one["alarm"] for one in newest.rows] == [place == stands for place in range(2)]
    assert [one["decides"] for one in newest.rows] == [place == stands for place in range(2)]
    assert [one["definition"] for one in raised_series(newest)] == ["ab"[stands]]
    assert not any("id" in one for one in newest.rows)


def test_a_monitor_is_in_alarm_since_its_earliest_one() -> None:
    """Of alarms raised at different times the earliest counts, for an aspect as for the monitor."""
    hours = {"size": 5, "place": 2, "colour": 9}
    rows = [row("drift", column_name=name) for name in hours] + [row("quality"), row("performance")]
    newest = newest_of(WINDOW, rows, {_alarm_of(one): "xx!" for one in rows})
    since = [*(WHEN + timedelta(hours=hour) for hour in hours.values()), WHEN + timedelta(hours=4), None]
    by_row = dict(zip(map(key_of, rows), since, strict=True))
    raised = [{**one, "since": by_row[key_of(one)]} for one in raised_series(newest)]
    found = monitor_state(CYCLES, newest, raised, None)
    assert {one["aspect"]: one["since"] for one in found["aspects"] if one["alarms"]} == {
        "drift": WHEN + timedelta(hours=2), "quality": WHEN + timedelta(hours=4), "performance": None,
    }  # fmt: skip
    assert found["since"] == WHEN + timedelta(hours=2)
    assert [one["since"] for one in found["alarms"]] == [since[1], since[3], since[0], since[2], None]


def _alarm_of(one: dict[str, Any]) -> str:
    return alarm.name_of(*(str(one[name]) for name in NAMES))
