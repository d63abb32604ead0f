from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from service.core.measurement import Worse
from service.core.read_models import WindowValue
from service.core.story import aspects, story, words
from service.methods.performance import registry
from tests.unit.core.story.facts import MAY, facts, text
from tests.unit.core.story.facts import story as story_of
from tests.unit.status.values import window_value

MAE_ALARM = "performance|||mae|"
_MOSTLY_RELATION = "90 % of the rise is the relation, 60 % the inputs."
LABELS = "no labels yet"
ONE = "Healthy: the one measurement with a threshold is within it."


def mae(value: float | None = 15.3, **more: Any) -> WindowValue:
    given: dict[str, Any] = {"threshold": 12.0, "breached": True, "severity": 1.3, "reference": 8.0}
    return window_value("performance", "mae", value, **{**given, **more})


def drift(column: str, severity: float = 2.0, **more: Any) -> WindowValue:
    given: dict[str, Any] = {"threshold": 0.2, "breached": severity > 1.0, "severity": severity}
    return window_value("drift", "psi", 0.2 * severity, column_name=column, **{**given, **more})


def change(part: str, value: float, column: str = "", low: float | None = None) -> WindowValue:
    metric = f"error_change_{part}" if part else "error_change"
    return window_value("drift", metric, value, column_name=column, low=low)


def segment(name: str, value: float, reference: float = 8.0, rows: int = 100) -> WindowValue:
    return window_value("performance", "mae", value, segment=name, reference=reference, rows=rows)


def quality(column: str, value: float = 0.12, **more: Any) -> WindowValue:
    given: dict[str, Any] = {"threshold": 0.05, "breached": True, "severity": 2.4, "unit": "share"}
    return window_value("quality", "missing_share", value, column_name=column, **{**given, **more})


def test_the_whole_story_of_a_model_that_got_worse() -> None:
    """Performance first: since when, how much, why, where; then quality and drift, each with its day."""
    said = text(
        mae(unit="minutes"),
        change("", 7.3),
        change("concept", 7.15, low=6.9),
        change("data", 0.15, low=0.1),
        segment("origin=EWR", 18.0, rows=400),
        segment("origin=JFK", 12.0, rows=300),
        segment("origin=LGA", 13.0, rows=300),
        drift("wind_speed", 3.0),
        drift("temp", 9.0),
        drift("visib", 0.5),
        quality("pressure"),
        alarms={
            MAE_ALARM: "xx!",
            "drift|wind_speed": "xx!",
            "drift|temp": "xx!",
            "quality|pressure||missing_share|": "xx!",
        },
        since={"": MAY, "wind_speed": MAY - timedelta(days=9), "temp": datetime(2013, 2, 3, tzinfo=UTC)},
    )
    assert said == (
        "Worse since 3 May 2013: the mean absolute error is 15.3 minutes, 1.9 times the reference's. "
        "98 % of the rise is the relation, not the inputs. "
        "Most of it at origin = EWR; look at wind_speed first. "
        "Quality: the share of missing values of pressure is 12 %, above its threshold of 5 %. "
        "Drift since 3 February 2013 in 2 columns: temp and wind_speed."
    )


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({}, "is 15.3, 1.9 times the reference's."),
        ({"reference": None}, "is 15.3, above its threshold of 12."),
        ({"reference": 0.0}, "is 15.3, above its threshold of 12."),
        ({"reference": 15.0}, "is 15.3, above its threshold of 12."),
        ({"value": 12.0004, "reference": None}, "is 12.0004, above its threshold of 12."),
        ({"value": 12.0, "reference": None}, "is 12, at its threshold."),
        ({"value": 12.00000001, "reference": None}, "is 12, at its threshold."),
        ({"value": 12_345.6, "reference": None}, "is 12,346, above its threshold of 12."),
        ({"unit": "hours", "reference": None}, "15.3 hours, above its threshold of 12 hours."),
    ],
)  # fmt: skip
def test_a_value_is_compared_with_what_there_is(more: dict[str, Any], wanted: str) -> None:
    """With the reference as a ratio, else with the threshold; a unit is said where there is one."""
    assert text(mae(**more), alarms={MAE_ALARM: "xx!"}).endswith(wanted)


def test_evidence_is_given_as_odds() -> None:
    """The evidence against a tolerance is stored as a power of ten, which nobody reads."""
    more = {"unit": "log10", "threshold": 2.0, "breached": True, "severity": 1.6}
    value = window_value("performance", "mae_worse_by", 3.2, **more)
    assert text(value, alarms={"performance|||mae_worse_by|": "xx!"}) == (
        "Worse: the evidence that the mean absolute error is worse than tolerated is 1,585 to 1, "
        "above its threshold of 100 to 1."
    )


def test_a_score_gets_worse_downwards() -> None:
    """A share is a percentage and is below its threshold, without a ratio."""
    value = window_value(
        "performance", "accuracy", 0.813, worse=Worse.LOWER, unit="share", threshold=0.9, breached=True,
        severity=1.1, reference=0.95,
    )  # fmt: skip
    said = text(value, alarms={"performance|||accuracy|": "xx!"}, since={"": MAY})
    assert said == "Worse since 3 May 2013: the accuracy is 81.3 %, below its threshold of 90 %."


LENGTH = {"unit": "characters", "column_name": "a", "worse": Worse.BOTH, "reference": 12.0}


@pytest.mark.parametrize(
    ("aspect", "metric", "value", "more", "wanted"),
    [
        ("drift", "drift_share", 0.5, {"unit": "share", "threshold": 0.5},
         "the share of drifted columns is 50 %, at its threshold"),
        ("drift", "domain_classifier_auc", 0.83, {"unit": "ROC AUC", "threshold": 0.8},
         "the ROC AUC of the domain classifier is 0.83, above its threshold of 0.8"),
        ("drift", "pca_block_test", 0.01, {"unit": "p-value", "worse": Worse.LOWER, "threshold": 0.01},
         "the p-value of the block test of all columns together is 0.01, at its threshold"),
        ("quality", "constant", 1.0, {"unit": "flag", "column_name": "plan", "threshold": 0.0},
         "plan has one value alone"),
        ("quality", "below_min_share", 0.01, {"unit": "share", "column_name": "age", "threshold": 0.0},
         "the share of values below the minimum of age is 1 %, above its threshold of 0 %"),
        ("quality", "mean_text_length", 1.0, {**LENGTH, "threshold": 4.0},
         "the mean length of the texts of a is 1 character (reference 12 characters), beyond its threshold"),
        ("health", "traffic", 1.0, {"unit": "rows a second", "worse": Worse.BOTH, "threshold": 2.0},
         "the traffic is 1 row per second, beyond its threshold"),
    ],
)  # fmt: skip
def test_a_measurement_is_named_in_plain_words(
    aspect: str, metric: str, value: float, more: dict[str, Any], wanted: str
) -> None:
    """Units that only say what kind of number it is are left out; a reached threshold is not exceeded."""
    one = window_value(aspect, metric, value, breached=True, severity=1.0, **more)
    said = text(one, alarms={one.alarm_name.encode(): "xx!"})
    assert said == words.sentence(f"{aspect}: {wanted}")


def test_what_cannot_be_said_is_not_said() -> None:
    """Without a day, a split, segments or drift the story is one sentence."""
    assert text(mae(), alarms={MAE_ALARM: "xx!"}) == (
        "Worse: the mean absolute error is 15.3, 1.9 times the reference's."
    )


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        ([("", 10.0), ("concept", 9.99)], "All of the rise is the relation, not the inputs."),
        ([("", 10.0), ("concept", 12.0), ("data", -2.0)], "All of the rise is the relation, not the inputs."),
        ([("", 10.0), ("data", 8.04)], "80 % of the rise is the inputs, not the relation."),
        ([("", 10.0), ("unseen", 6.0)], "60 % of the rise is rows unlike any in the reference."),
        ([("", 10.0), ("concept", 4.0), ("data", 4.0)], ""),
        ([("", 10.0), ("concept", 6.0), ("data", 4.0)], "60 % of the rise is the relation, 40 % the inputs."),
        ([("", 10.0), ("data", 6.0), ("concept", 9.0), ("unseen", -5.0)], _MOSTLY_RELATION),
        ([("", 10.0), ("concept", 11.0), ("data", 9.0), ("unseen", -10.0)], ""),
        ([("", -1.0), ("concept", -1.0)], ""),
        ([("concept", 9.0)], ""),
    ],
)
def test_the_rise_is_split_where_one_part_is_most_of_it(parts: list[tuple[str, float]], wanted: str) -> None:
    """The relation, the inputs or unseen rows; nothing where none is half of it, or nothing rose.

    The other part is denied only where it is at most a quarter of the rise.
    """
    values = [change(part, value) for part, value in parts]
    said = text(mae(), *values, alarms={MAE_ALARM: "xx!"})
    assert said.partition("reference's.")[2].strip() == wanted


def test_a_part_within_its_band_of_nothing_is_not_named() -> None:
    """Where the band of the part reaches 0, chance explains it."""
    said = text(mae(), change("", 7.3), change("concept", 7.0, low=-0.1), alarms={MAE_ALARM: "xx!"})
    assert "rise" not in said


@pytest.mark.parametrize(
    ("segments", "wanted"),
    [
        ([("a=1", 14.0, 50), ("a=2", 10.0, 50)], "Most of it at a = 1."),
        ([("a=1", 12.0, 40), ("a=2", 11.0, 30), ("a=3", 11.0, 30)], "The largest part of it at a = 1."),
        ([("a=1", 10.0, 60), ("a=2", 10.0, 40)], ""),
        ([("a=1", 14.0, 50)], ""),
    ],
)
def test_a_segment_is_named_where_the_rise_is_larger(
    segments: list[tuple[str, float, int]], wanted: str
) -> None:
    """Its share of the rise is larger than its share of the rows; a large segment alone is no reason."""
    values = [segment(name, value, rows=rows) for name, value, rows in segments]
    said = text(mae(), change("", 7.3), *values, alarms={MAE_ALARM: "xx!"})
    assert said.partition("reference's.")[2].strip() == wanted


def test_the_column_that_explains_the_rise_comes_before_one_that_drifted_last() -> None:
    """A quarter of the rise by its own split, surely, and it has drifted; else the last to drift before."""
    alarms = {MAE_ALARM: "xx!", "drift|temp": "xx!", "drift|wind": "xx!"}
    since = {"": MAY, "temp": MAY - timedelta(days=90), "wind": MAY - timedelta(days=2)}
    values = [mae(), change("", 8.0), drift("temp", 2.0), drift("wind", 3.0), change("data", 0.1, "wind")]
    explaining = change("data", 3.0, "temp", low=1.0)
    assert "Look at wind first." in text(*values[:-1], alarms=alarms, since=since)
    assert "Look at temp first." in text(*values, explaining, alarms=alarms, since=since)
    little = change("data", 1.0, "temp", low=0.5)
    still = change("data", 9.0, "still", low=8.0)
    assert "Look at wind first." in text(*values, little, still, alarms=alarms, since=since)
    prediction = drift("predicted", 9.0)
    late = {"alarms": alarms | {"drift|predicted": "xx!"}, "since": since | {"predicted": MAY}}
    assert "Look at wind first." in text(*values, prediction, **late)
    later = {**since, "temp": MAY + timedelta(days=1), "wind": MAY + timedelta(days=1)}
    assert "first" not in text(*values, alarms=alarms, since=later)


def test_an_alarm_without_labels_says_when_it_was_last_judged() -> None:
    """The newest window has no value: neither a number nor a reason for the rise is made up."""
    value = mae(None, breached=None, severity=None, reason=LABELS)
    said = text(value, change("", 5.0), change("concept", 5.0), alarms={MAE_ALARM: "xx!"}, since={"": MAY})
    assert said == (
        "Worse since 3 May 2013: the mean absolute error was beyond its threshold when it was last judged; "
        "the newest window has no value: no labels yet."
    )


def test_an_alarm_that_is_ending_says_so() -> None:
    """The newest window is within the threshold, and the alarm not ended yet."""
    value = mae(11.0, breached=False, severity=0.9)
    assert text(value, alarms={MAE_ALARM: "xx.!"}) == (
        "Worse: the mean absolute error was beyond its threshold; in the newest window it is 11."
    )
    open_ = mae(12.9, breached=False, severity=1.07, unit="minutes")
    assert text(open_, alarms={MAE_ALARM: "xx.!"}) == (
        "Worse: the mean absolute error was beyond its threshold; in the newest window it is 12.9 minutes, "
        "above it by no more than chance."
    )


def test_an_alarm_of_what_is_no_longer_measured_is_told() -> None:
    """A series that was taken out of the monitor's file leaves a raised alarm without a measurement."""
    found = story_of(alarms={MAE_ALARM: "xx!", "quality|x||missing_share|": "xx!"}, since={"": MAY})
    assert found == story.Story(
        story.StoryState.ALARM,
        "Performance since 3 May 2013: 1 alarm, of which the newest window measures nothing. "
        "Quality: 1 alarm, of which the newest window measures nothing.",
    )


def test_drift_without_a_rise_says_that_performance_holds() -> None:
    """Inputs that moved while the model is as good as before are not a reason to retrain it."""
    whole = window_value(
        "drift", "drift_share", 0.62, unit="share", threshold=0.5, breached=True, severity=1.2
    )
    alarms = {"drift|temp": "xx!", "drift|||drift_share|": "xx!"}
    said = text(mae(8.4, breached=False, severity=0.7), whole, drift("temp"), alarms=alarms)
    assert said == (
        "Drift in 1 column: temp; the share of drifted columns is 62 %, above its threshold of 50 %. "
        "Performance holds: the mean absolute error is 8.4, within its threshold of 12."
    )


def test_a_value_beyond_its_threshold_by_chance_is_not_called_within() -> None:
    """Judged by its band it is no breach: the text says neither that it is within nor that it is worse."""
    chance = mae(12.3, breached=False, severity=1.03)
    drifted = text(chance, drift("temp"), alarms={"drift|temp": "xx!"})
    assert drifted.endswith("error is 12.3, above its threshold of 12 by no more than chance.")
    assert "Performance holds: " in drifted
    assert text(chance, drift("temp", 0.5)) == (
        "Healthy: 1 of 2 measurements is within its threshold; 1 is beyond by no more than chance."
    )


def test_a_threshold_on_both_sides_is_a_distance() -> None:
    """How far from 0 or from the reference is not said: the stored threshold does not tell which."""
    value = window_value(
        "performance", "mean_error", -3.0, worse=Worse.BOTH, threshold=2.0, breached=True, severity=1.5
    )
    said = text(value, alarms={"performance|||mean_error|": "xx!"}, since={"": MAY})
    assert said == "Changed since 3 May 2013: the mean error is \N{MINUS SIGN}3, beyond its threshold."


def test_a_breach_is_not_yet_an_alarm() -> None:
    """What one window shows is told as that, the most important first, the others counted."""
    values = [mae(), drift("temp", 30.0), drift("wind", 20.0)]
    said = story_of(*values, alarms={MAE_ALARM: ".x", "drift|temp": ".x", "drift|wind": ".x"})
    assert said.state is story.StoryState.BREACH
    assert said.text == (
        "In the newest window, not yet an alarm: the mean absolute error is 15.3, 1.9 times the reference's; "
        "2 more measurements."
    )
    one = text(drift("temp"), alarms={"drift|temp": ".x"})
    assert one == "In the newest window, not yet an alarm: temp has drifted."


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([drift("a", 0.5), drift("b", 0.5)], "Healthy: all 2 measurements are within their thresholds."),
        ([drift("a", 0.5)], "Healthy: the one measurement with a threshold is within it."),
        (
            [drift("a", 0.5), drift("b", 3.0, definition="robust")],
            "Healthy: 1 of 2 measurements is within its threshold; 1 counts for no alarm.",
        ),
        (
            [drift("a", 0.5), window_value("performance", "mae", None, reason=LABELS)],
            f"{ONE} Performance is not judged: no labels yet.",
        ),
        (
            [drift("a", 0.5), window_value("performance", "mae", 8.0)],
            f"{ONE} Performance is not judged: it has no threshold.",
        ),
        ([window_value("drift")], "Not judged: no measurement has a threshold."),
        (
            [
                window_value("quality", "rows", 0.0),
                window_value("drift", value=None, threshold=0.5, reason="0 rows; 100 are needed"),
            ],
            "Not judged: 0 rows; 100 are needed.",
        ),
        (
            [window_value("drift", value=None, reason="50 rows; 100 are needed")],
            "Not judged: the newest window has no value: 50 rows; 100 are needed.",
        ),
    ],
)  # fmt: skip
def test_a_monitor_without_a_breach_says_what_was_judged(values: list[WindowValue], wanted: str) -> None:
    """How many measurements are within, and why performance is not judged; health's cycles do not count."""
    cycle = window_value("health", "cycle_ms")
    assert text(*values, cycle) == wanted


@pytest.mark.parametrize(
    ("more", "wanted"),
    [
        ({"started": False}, story.NOT_STARTED),
        ({}, "Waiting: no window has been measured yet."),
        ({"ended": True}, "Waiting: its source has ended, and no window was measured."),
    ],
)
def test_before_the_first_window_it_says_what_it_waits_for(more: dict[str, bool], wanted: str) -> None:
    """Not started, not complete, or never to come."""
    assert story_of(window=None, **more) == story.Story(story.StoryState.WAITING, wanted)


def test_cycles_that_do_not_work_are_told_first() -> None:
    """What failed, or since when nothing worked; what held until then follows."""
    assert story.failing("") == "Failing: its last cycle failed."
    assert (
        story.in_trouble(
            story.failing("no\nsuch file."), story.Story(story.StoryState.WAITING, story.NOT_STARTED)
        )
        == "Failing: its last cycle failed: no such file."
    )
    silent = story.silent(datetime(2026, 11, 7, 9, 5, tzinfo=UTC))
    assert story.in_trouble(silent, story.Story(story.StoryState.FINE, "Healthy.")) == (
        "Silent: no cycle has worked since 7 November 2026, 09:05 UTC. Until then: Healthy."
    )


def test_long_names_and_hundreds_of_columns_are_cut() -> None:
    """5,000 characters and 400 alarms make a text that fits on a page."""
    names = [f"{place} {'x' * 5_000}" for place in range(400)]
    said = text(*(drift(name) for name in names), alarms={f"drift|{name}": "xx!" for name in names})
    assert said.startswith("Drift in 400 columns: 0 xxx")
    assert said.endswith("… and 397 more.")
    assert len(said) < 300


def test_what_needs_no_labels_is_known_by_the_registry() -> None:
    """Of the metrics of performance, those that rest on no labels are the ones that the story leaves out."""
    known = {each.name for each in registry.ALL if not each.needs_labels}
    left_out = {each.name for each in registry.ALL if words.is_estimated(each.name)}
    assert known == left_out | (aspects.WITHOUT_LABELS - {"pending_rows"})


def test_a_second_reading_tells_the_same() -> None:
    """The story is a function of the facts."""
    found = facts(mae(), drift("temp"), alarms={MAE_ALARM: "xx!", "drift|temp": "xx!"}, since={"": MAY})
    assert story.tell(found) == story.tell(found)
