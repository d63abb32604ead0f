"""Monitor files: the task, its labels and scores, and the limits of its performance."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config import monitor_file
from service.core.rows.schema import Role
from service.core.rows.task import Binary, Multiclass, Regression, Task
from service.errors import ConfigurationError
from tests.unit.config.test_monitor_file import GOOD, load_text

BINARY = GOOD.replace(
    "prediction: guess\ntarget: truth",
    "task: binary\ntarget: colour\nscore: guess\npositive: red\nthreshold: 0.2\nperformance: {roc_auc: 0.7}",
)
MULTICLASS = GOOD.replace(
    "prediction: guess\ntarget: truth",
    "task: multiclass\ntarget: colour\nprediction: size\nscores: {1: guess, red: truth}",
)


@pytest.mark.parametrize(
    ("text", "task", "predictions"),
    [
        (GOOD, Regression("guess", "truth"), ["guess"]),
        (GOOD.replace("target: truth", ""), None, ["guess"]),
        (BINARY, Binary("colour", score="guess", positive=("red",), threshold=0.2), ["guess"]),
        (
            BINARY.replace("positive: red\n", ""),
            Binary("colour", score="guess", threshold=0.2, is_guessed=True),
            ["guess"],
        ),
        (
            BINARY.replace("threshold: 0.2", "prediction: size").replace(": red", ": 1"),
            Binary("colour", "size", "guess", ("1",)),
            ["size", "guess"],
        ),
        (
            MULTICLASS,
            Multiclass("colour", "size", (("1", "guess"), ("red", "truth"))),
            ["size", "guess", "truth"],
        ),
    ],
)
def test_the_task_becomes_the_schema_s(
    tmp_path: Path, text: str, task: Task | None, predictions: list[str]
) -> None:
    """What the model was asked for, its labels as text, and the columns that it predicts."""
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    schema = monitor_file.load(path, Path("data")).schema_
    assert schema.task == task
    assert [c.name for c in schema.columns if c.role is Role.PREDICTION] == predictions


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BINARY.replace("target: colour\n", ""), r"target: is missing; task: binary needs"),
        (BINARY.replace("score: guess\n", ""), r"prediction: is missing; task: binary needs prediction"),
        (
            BINARY.replace("score: guess", "score: colour"),
            r":11: score: 'colour' is categorical; .*numerical",
        ),
        (BINARY.replace("score: guess", "score: gues"), r":11: score: 'gues' is not among the columns"),
        (BINARY.replace("positive", "prediction: size\npositive"), r":14: threshold: has no effect next to"),
        (BINARY.replace("roc_auc", "mae"), r":14: performance\.mae: no such metric"),
        (BINARY.replace("roc_auc", "estimated_mae"), r":14: performance\.estimated_mae: no such metric"),
        (
            BINARY.replace("roc_auc", "estimated_roc_auc") + "estimate: false\n",
            r":14: performance\.estimated_roc_auc: is not measured, .* estimate: false",
        ),
        (BINARY.replace("score: guess", "scores: {a: guess}"), r":11: scores: belongs to task: multiclass"),
        (BINARY.replace("0.2", ".nan"), r":13: threshold: "),
        (BINARY.replace("0.2", "3"), r":13: threshold: 3 is no probability; expected 0 to 1\. .* prediction"),
        (
            BINARY.replace("roc_auc: 0.7", "roc_auc: 7"),
            r":14: performance\.roc_auc: 7 is no value that roc_auc can have; expected 0 to 1",
        ),
        (
            BINARY.replace("roc_auc: 0.7", "log_loss: -1"),
            r":14: performance\.log_loss: -1 is no value that log_loss can have; expected 0 or more",
        ),
        (
            BINARY.replace("roc_auc: 0.7", "positive_rate: -0.1"),
            r":14: performance\.positive_rate: -0\.1 is no distance that positive_rate can have; .*0 to 1",
        ),
        (
            GOOD.replace("target: truth", "target: truth\nperformance: {r2: 1.5}"),
            r":11: performance\.r2: 1\.5 is no value that r2 can have; expected 1 or less",
        ),
        (
            GOOD.replace("target: truth", "target: truth\nby: [colour]\nsegment_performance: {mae: -1}"),
            r":12: segment_performance\.mae: -1 is no value that mae can have; expected 0 or more",
        ),
        (MULTICLASS.replace("prediction: size\n", ""), r"prediction: is missing; task: multiclass needs"),
        (MULTICLASS.replace("1: guess", "1: colour"), r":12: scores\.1: 'colour' is categorical"),
        (GOOD.replace("target: truth", "task: regression"), r"target: is missing; task: regression needs"),
    ],
)
def test_a_fault_of_the_task_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Each key that does not fit the task is named, with what it needs."""
    with pytest.raises(ConfigurationError, match=message):
        load_text(tmp_path, text)


def test_an_estimate_may_have_a_threshold(tmp_path: Path) -> None:
    """Estimated metrics can have thresholds as realised ones can; `estimate: false` leaves them out."""
    regression = GOOD.replace("target: truth", "target: truth\nperformance: {estimated_mae: 3}")
    for text, metric in (
        (regression, "estimated_mae"),
        (BINARY.replace("roc_auc", "estimated_f1"), "estimated_f1"),
    ):
        monitor = load_text(tmp_path, text)
        assert monitor.estimate
        assert list(monitor.measure_plan.performance) == [metric]
    assert not load_text(tmp_path, GOOD + "estimate: false\n").estimate
