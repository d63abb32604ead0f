"""Labels of a monitor file are what is written in it, whatever YAML makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from service.config import monitor_file
from service.config.written import WrittenLabel, as_written, load
from service.core.rows.task import FALSE_LIKE, TRUE_LIKE
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MONITOR = """\
source: {type: replay, path: rows.csv, timestamp: at, rows: 10}
reference: {path: rows.csv}
columns:
  answer: categorical
  "no": categorical
  place: {kind: categorical, allowed: [NO, SE, 007, 1.0, true], missing_words: [null, ~, -, n/a]}
  code: {kind: numerical, allowed: [1, 2.5]}
task: binary
prediction: place
target: answer
by: [no, place]
window: {size_rows: 10}
"""


def load_monitor(folder: Path, text: str) -> Any:
    (folder / "m.yaml").write_text(text)
    return monitor_file.load(folder / "m.yaml", folder)


@pytest.mark.parametrize(
    ("written", "positive", "otherwise"),
    [
        ("yes", ("yes",), TRUE_LIKE),
        ("No", ("No",), FALSE_LIKE),
        ("on", ("on",), TRUE_LIKE),
        ("TRUE", TRUE_LIKE, ()),
        ("false", FALSE_LIKE, ()),
        ('"yes"', ("yes",), ()),
        ('"true"', ("true",), ()),
        ('"1 "', ("1",), ()),
        ("1", ("1",), ()),
        ("1.0", ("1",), ("1.0",)),
        ("007", ("007",), ()),
        ("12:30", ("12:30",), ()),
        ("2024-01-01", ("2024-01-01",), ()),
    ],
)
def test_a_positive_label_is_what_is_written(
    tmp_path: Path, written: str, positive: tuple[str, ...], otherwise: tuple[str, ...]
) -> None:
    """YAML's truth values, octal numbers and times are the texts that stand in the file."""
    task = load_monitor(tmp_path, f"{MONITOR}positive: {written}\n").schema_.task
    assert (task.positive, task.otherwise) == (positive, otherwise)


def test_labels_everywhere_are_what_is_written(tmp_path: Path) -> None:
    """Allowed values, missing words and columns of segments keep their spelling; numbers stay numbers."""
    monitor = load_monitor(tmp_path, MONITOR)
    assert monitor.by == ("no", "place")
    declared = monitor.measure_plan.expectations
    assert declared["place"].allowed == ("NO", "False", "SE", "007", "1", "1.0", "True", "true")
    assert declared["code"].allowed == (1.0, 2.5)
    words = {column.name: column.missing_words for column in monitor.schema_.columns}
    assert words == {"answer": None, "no": None, "place": ("null", "~", "-", "n/a"), "code": None}
    everywhere = load_monitor(tmp_path, MONITOR + "missing_words: [NULL, '?']\npositive:\n")
    assert [column.missing_words for column in everywhere.schema_.columns][:2] == [("NULL", "?")] * 2
    assert everywhere.schema_.task.is_guessed


def test_scores_go_by_what_is_written(tmp_path: Path) -> None:
    """A class that YAML takes for a truth value is the text of its key."""
    text = MONITOR.replace("columns:\n", "columns:\n  one: numerical\n  seven: numerical\n")
    text = text.replace("task: binary", "task: multiclass\nscores: {yes: code, 1.0: one, 007: seven}")
    assert load_monitor(tmp_path, text).schema_.task.scores == (
        ("007", "seven"),
        ("1", "one"),
        ("yes", "code"),
    )
    with pytest.raises(ConfigurationError, match=r"m\.yaml:11: scores\.yes: 'gone' is not among the columns"):
        load_monitor(tmp_path, text.replace("yes: code", "yes: gone"))


def test_a_fault_has_its_line(tmp_path: Path) -> None:
    """What is no label is refused where it stands."""
    for line, message in (
        ("positive: [a]", r":13: positive: "),
        ("missing_words: [[a]]", r":13: missing_words\.0: "),
        ("missing_words: NA", r":13: missing_words: "),
    ):
        with pytest.raises(ConfigurationError, match=rf"m\.yaml{message}"):
            load_monitor(tmp_path, f"{MONITOR}{line}\n")


def test_anchors_and_merged_keys_are_read_as_ever() -> None:
    """An alias of labels is the same labels, and what is no label is as YAML has it."""
    content = load("a: &words [NO, 1]\nmissing_words: *words\nwindow: {<<: {size: yes}, hop: 1}\n")
    assert content["missing_words"] == [WrittenLabel("NO", value=False), WrittenLabel("1", 1)]
    assert content["window"] == {"size": True, "hop": 1}
    assert load("") is None


def test_plain_values_are_labels_too() -> None:
    """A monitor made without a file may give texts, numbers and truth values."""
    given = [as_written(value) for value in ("yes", True, 1, 2.50)]
    assert [label.texts for label in given] == [("yes",), ("True", "true"), ("1",), ("2.5",)]
    assert as_written(None) is None
