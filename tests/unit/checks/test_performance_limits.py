"""What `check` says of the limits in use, and of those that are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.checks.database import StoreLook
from service.checks.findings import findings
from service.checks.look import MonitorLook, WindowLook
from service.checks.performance_limits import limits_in_use, unjudged
from service.checks.printed import as_lines
from service.config import monitor_file
from service.core.reference import reference as references
from tests.unit.methods.performance.test_reference_limits import batch_of, days_of_errors

if TYPE_CHECKING:
    from service.config.monitor import Monitor
    from service.core.reference.reference import Reference

TEXT = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {guess: numerical, truth: numerical}
prediction: guess
target: truth
window: {size: 3d}
"""
USUAL = WindowLook(1, 600, 10_000)


def seen(folder: Path, text: str, days: int = 30) -> tuple[Monitor, Reference]:
    """Return a monitor and its reference of so many days of 200 rows."""
    (folder / "mine.yaml").write_text(TEXT + text)
    monitor = monitor_file.load(folder / "mine.yaml", folder)
    batch = batch_of(days_of_errors(1, days, 200, between=0.2))
    return monitor, references.of(batch, monitor.schema_, outcome_rules=monitor.outcome_rules)


def test_the_limits_of_a_usual_window_are_printed(tmp_path: Path) -> None:
    """Of the reference's own on both sides, written ones with what lengthens their band, and the promise."""
    mae, bias = limits_in_use(*seen(tmp_path, ""), USUAL)
    assert mae.startswith("mae: worse above 1.0")
    assert ", better below 0." in mae
    assert "in a usual window, by the reference's own blocks (0.7" in mae
    assert bias.startswith("mean_error: worse outside of -0.")
    text = "performance: {mae: 12, max_error: 99, rmse: reference}\n"
    written, largest, own = limits_in_use(*seen(tmp_path, text), USUAL)
    assert written.startswith("mae: 12 as written, its band ")
    assert written.endswith(" times as long since the reference's days differ")
    assert largest == "max_error: 99 as written"
    assert own.startswith("rmse: worse above ")
    (tolerated,) = limits_in_use(*seen(tmp_path, "performance: {mae: {worse_by: 10%}}\n"), USUAL)
    assert tolerated.startswith("mae: worse by 10% is a mean loss of 0.9")
    assert "the chance of a false alarm, ever, is 0.01 while a day's expected loss stays at" in tolerated


@pytest.mark.parametrize(
    ("text", "days", "message"),
    [
        ("", 3, "performance.mae: no limit of the reference's own: the reference has 3 days with labels"),
        ("performance: {mae: {worse_by: 1}}\n", 3, "performance.mae.worse_by: no evidence is counted: the"),
    ],
)
def test_why_there_is_no_limit_is_a_note(tmp_path: Path, text: str, days: int, message: str) -> None:
    """A short reference is named with what it has and what it needs."""
    monitor, made = seen(tmp_path, text, days)
    assert not tuple(limits_in_use(monitor, made, USUAL))
    look = MonitorLook(monitor, unjudged=tuple(unjudged(monitor, made)))
    assert findings(look)[0].level == "note"
    assert findings(look)[0].message.startswith(message)


def test_a_moving_reference_is_told_to_write_a_limit(tmp_path: Path) -> None:
    """What is compared with changes, so nothing of it is a limit."""
    text = "drift: {thresholds: evidently}\n"
    monitor, made = seen(tmp_path, text)
    path = tmp_path / "mine.yaml"
    path.write_text(path.read_text().replace("reference.csv}", "reference.csv, moving: {type: expanding}}"))
    monitor = monitor_file.load(path, tmp_path)
    (note,) = unjudged(monitor, replace(made, outcome_blocks=None))
    assert note.startswith("performance: no limit where the reference moves; to judge it, write one")


def test_a_look_prints_a_line_per_limit(tmp_path: Path) -> None:
    """Each line begins with its part."""
    monitor, _ = seen(tmp_path, "")
    lines = list(as_lines([MonitorLook(monitor, limits=("mae: 12 as written",))], StoreLook()))
    assert "  performance: mae: 12 as written" in lines
