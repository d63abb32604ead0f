"""Whole tables: data sets of installed packages, and one with everything in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.rows.schema import Kind
from service.core.rows.task import TaskName
from service.guess.table import TableGuess, guess_table
from service.sources.tables.raw_frame import raw_frame
from tests.unit.guess import tables

if TYPE_CHECKING:
    from pathlib import Path

NUMBER, LABEL = Kind.NUMERICAL, Kind.CATEGORICAL


def guessed(path: Path) -> TableGuess:
    return guess_table(raw_frame(path), has_reference=False)


def kinds(guess: TableGuess) -> dict[str, Kind | None]:
    return {name: each.kind for name, each in guess.watched.items()}


def test_breast_cancer(tmp_path: Path) -> None:
    """Thirty features are numbers, the target is a label; nothing is a time, an id or a prediction."""
    guess = guessed(tables.breast_cancer(tmp_path))
    found = kinds(guess)
    assert found.pop("target") is LABEL
    assert set(found.values()) == {NUMBER}
    assert len(found) == 30
    roles = guess.roles
    assert (roles.time, roles.identity, roles.prediction, roles.task) == (None, None, None, None)
    assert roles.target is not None
    assert roles.target.column == "target"


def test_wine(tmp_path: Path) -> None:
    """Whole numbers of many values are amounts, those of three are labels; the file is sorted by them."""
    guess = guessed(tables.wine(tmp_path))
    found = kinds(guess)
    assert found["magnesium"] is found["proline"] is found["od280/od315_of_diluted_wines"] is NUMBER
    assert found["target"] is LABEL
    assert guess.roles.target is not None
    assert (guess.roles.target.column, guess.roles.prediction, guess.roles.time) == ("target", None, None)
    assert next(facts for facts, _ in guess.columns if facts.name == "target").sorted_runs


def test_diabetes(tmp_path: Path) -> None:
    """A target of many whole numbers is an amount, and a float with two values is a label."""
    guess = guessed(tables.diabetes(tmp_path))
    expected = dict.fromkeys(["age", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6", "target"], NUMBER)
    assert kinds(guess) == {**expected, "sex": LABEL}
    assert guess.roles.target is not None
    assert (guess.roles.target.column, guess.roles.prediction, guess.roles.time) == ("target", None, None)


def test_flights(tmp_path: Path) -> None:
    """The scheduled hour is the time, tail numbers are too many, parts of the date move with it."""
    guess = guessed(tables.flights(tmp_path))
    numbers = (
        "dep_time", "sched_dep_time", "dep_delay", "arr_time", "sched_arr_time", "arr_delay", "flight",
        "air_time", "distance", "hour", "minute",
    )  # fmt: skip
    assert kinds(guess) == {
        **dict.fromkeys(numbers, NUMBER),
        **dict.fromkeys(["carrier", "origin", "dest"], LABEL),
    }
    left_out = {facts.name: each.why for facts, each in guess.columns if each.kind is None}
    assert set(left_out) == {"year", "month", "day", "tailnum", "time_hour"}
    assert "each is too rare to compare" in left_out["tailnum"]
    assert guess.time_column == "time_hour"
    assert (guess.roles.target, guess.roles.prediction, guess.roles.identity) == (None, None, None)
    assert guess.windows.size == "7d"


def test_phishing(tmp_path: Path) -> None:
    """Truth values and numbers of two values are labels."""
    guess = guessed(tables.phishing(tmp_path))
    found = kinds(guess)
    labels = {"age_of_domain", "ip_in_url", "is_phishing"}
    assert {name for name, kind in found.items() if kind is LABEL} == labels
    assert (guess.roles.time, guess.roles.target, guess.roles.prediction) == (None, None, None)


def everything(rows: int = 2_000) -> pd.DataFrame:
    random = np.random.default_rng(3)
    chance = random.uniform(size=rows)
    times = pd.date_range("2024-01-01", periods=rows, freq="20min")
    return pd.DataFrame(
        {
            "request_id": [f"{number:06d}" for number in range(rows)],
            "customer_id": random.integers(10**5, 10**6, rows),
            "predicted_at": times.strftime("%Y-%m-%d %H:%M:%S"),
            "signed_on": times.strftime("%d.%m.%Y"),
            "row": range(rows),
            "amount": [f"{number:,.2f}" for number in random.normal(5_000, 900, rows)],
            "floor": random.integers(0, 9, rows),
            "zip": [f"{number:05d}" for number in random.integers(1_000, 1_100, rows)],
            "note": [f"a note about the number {number}" for number in range(rows)],
            "tag": [f"t{number}" for number in range(rows)],
            "is_new": random.choice([True, False], rows),
            "region": "north",
            "gone": None,
            "items": [[1, 2]] * rows,
            "age": np.where(random.random(rows) < 0.1, np.nan, random.integers(18, 90, rows)),
            "churned": np.where(random.uniform(size=rows) < chance, "yes", "no"),
            "churned_score": chance,
        }
    )


def test_every_kind_of_column() -> None:
    """Ids, row numbers, codes, free text, constants, empty and nested columns are each what they are."""
    guess = guess_table(everything(), has_reference=False)
    assert kinds(guess) == {
        "amount": NUMBER,
        "floor": LABEL,
        "zip": LABEL,
        "note": Kind.TEXT,
        "is_new": LABEL,
        "region": LABEL,
        "age": NUMBER,
        "churned": LABEL,
        "churned_score": NUMBER,
    }
    reasons = {facts.name: each.why for facts, each in guess.columns if each.kind is None}
    for name, words in {
        "customer_id": "an id by its name",
        "row": "numbers the rows",
        "tag": "2,000 distinct texts in 2,000 rows",
        "gone": "empty in every row",
        "items": "lists, structs or bytes",
        "signed_on": "holds times",
    }.items():
        assert words in reasons[name]
    assert guess.watched["amount"].options == 'thousands: ","'
    assert (guess.time_column, guess.id_column) == ("predicted_at", "request_id")


def test_the_task_follows_from_the_labels() -> None:
    """A probability of a column with two labels makes a binary task, and yes is its positive label."""
    roles = guess_table(everything(), has_reference=False).roles
    assert roles.task is TaskName.BINARY
    assert roles.target is not None
    assert roles.score is not None
    assert roles.positive is not None
    assert (roles.target.column, roles.score.column, roles.positive.column) == (
        "churned",
        "churned_score",
        "yes",
    )


@pytest.mark.parametrize(
    ("columns", "target", "prediction", "task"),
    [
        (
            {"air_time": "number", "predicted_air_time": "number"},
            "air_time",
            "predicted_air_time",
            "regression",
        ),
        ({"y": "number", "yhat": "number"}, "y", "yhat", "regression"),
        ({"label": "label", "pred": "label"}, "label", "pred", "multiclass"),
        ({"Actual": "two", "Predicted": "two"}, "Actual", "Predicted", "binary"),
        ({"target": "number", "other": "number"}, "target", None, None),
        ({"size": "number", "other": "label"}, None, None, None),
    ],
)
def test_names_of_targets_and_predictions(
    columns: dict[str, str], target: str | None, prediction: str | None, task: str | None
) -> None:
    """Pairs such as predicted_x and x, and the usual names, in any case."""
    random = np.random.default_rng(1)
    made = {
        "number": lambda: random.normal(size=300),
        "label": lambda: random.choice(["a", "b", "c"], 300),
        "two": lambda: random.choice([0, 1], 300),
    }
    frame = pd.DataFrame({name: made[what]() for name, what in columns.items()})
    roles = guess_table(frame, has_reference=False).roles
    assert (roles.target and roles.target.column) == target
    assert (roles.prediction and roles.prediction.column) == prediction
    assert roles.task == task


@pytest.mark.parametrize(
    ("values", "unit", "pattern"),
    [
        (pd.date_range("2024-01-01", periods=300, tz="UTC"), None, None),
        ([f"2024-01-{1 + day % 28:02d}T00:00:00Z" for day in range(300)], None, None),
        ([1_704_067_200 + 60 * row for row in range(300)], "s", None),
        ([str(1_704_067_200_000 + 60 * row) for row in range(300)], "ms", None),
        ([f"{1 + day % 28:02d}/01/2024 10:00" for day in range(300)], None, "%d/%m/%Y %H:%M"),
    ],
)
def test_forms_of_times(values: list[object], unit: str | None, pattern: str | None) -> None:
    """Times of any type, in ISO 8601, as numbers since 1970, and by a pattern where only one reads them."""
    time = guess_table(pd.DataFrame({"event_time": values, "x": range(300)}), has_reference=False).roles.time
    assert time is not None
    assert (time.column, time.unit, time.pattern) == ("event_time", unit, pattern)


def test_a_date_that_can_be_read_in_two_ways_is_not_guessed() -> None:
    """Day or month first: nobody can know, and it is named."""
    days = [f"{1 + day % 12:02d}/{1 + day % 12:02d}/2024" for day in range(300)]
    guess = guess_table(pd.DataFrame({"day_seen": days, "x": np.arange(300) % 7}), has_reference=False)
    assert guess.roles.time is None
    assert guess.roles.ambiguous_times == ("day_seen",)
