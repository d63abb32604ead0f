"""The performance section: written limits, the reference's own, and tolerances."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from service.config import monitor_file
from service.core.reference.outcome_blocks import OutcomeBlockRules
from service.errors import ConfigurationError
from service.methods.performance.tolerance import Tolerance

if TYPE_CHECKING:
    from service.config.monitor import Monitor

DAY = 86_400_000_000
REGRESSION = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {guess: numerical, truth: numerical}
prediction: guess
target: truth
window: {size: 7d, hop: 1d}
"""
BINARY = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {chance: numerical, churned: categorical, answer: categorical}
task: binary
score: chance
target: churned
window: {size_rows: 100}
"""


def loaded(folder: Path, text: str) -> Monitor:
    """Read a monitor file of this text."""
    path = folder / "mine.yaml"
    path.write_text(text)
    return monitor_file.load(path, Path("data"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (REGRESSION, ("mae", "mean_error")),
        (BINARY, ("roc_auc", "brier")),
        (BINARY.replace("score: chance", "prediction: answer"), ("f1", "accuracy")),
        (BINARY.replace("binary", "multiclass").replace("score:", "prediction:"), ("f1_macro", "accuracy")),
        (REGRESSION + "performance: {mae: 3}\n", ()),
        (REGRESSION + "performance: {}\n", ()),
        (REGRESSION + "performance: {rmse: reference, mae: 3}\n", ("rmse",)),
        (REGRESSION.replace("prediction: guess\ntarget: truth\n", ""), ()),
        (
            REGRESSION.replace("reference.csv}", "reference.csv, moving: {type: expanding}}")
            + "drift: {thresholds: evidently}\n",
            (),
        ),
    ],
)
def test_the_reference_judges_where_nothing_is_written(
    tmp_path: Path, text: str, expected: tuple[str, ...]
) -> None:
    """The metrics of the task without a section; with one, those that it gives to the reference."""
    monitor = loaded(tmp_path, text)
    assert monitor.own_limits == monitor.measure_plan.own_limits == expected


def test_each_kind_of_limit_arrives(tmp_path: Path) -> None:
    """Numbers, the reference's own and tolerances can be mixed, one per metric."""
    limits = "{rmse: 3, max_error: reference, mae: {worse_by: 10%}}".replace("max_error", "r2")
    plan = loaded(tmp_path, f"{REGRESSION}performance: {limits}\n").measure_plan
    assert (plan.performance, plan.own_limits) == ({"rmse": 3.0}, ("r2",))
    assert plan.tolerances == {"mae": Tolerance(0.1, relative=True)}
    plan = loaded(tmp_path, f"{REGRESSION}performance: {{mae: {{worse_by: 2.5}}}}\n").measure_plan
    assert plan.tolerances == {"mae": Tolerance(2.5)}
    assert [str(each) for each in (Tolerance(0.1, relative=True), Tolerance(2.5))] == ["10%", "2.5"]


def test_the_reference_is_kept_by_block_where_something_is_judged(tmp_path: Path) -> None:
    """Windows say how long a stretch is; nothing is kept where nothing is judged."""
    assert loaded(tmp_path, REGRESSION).outcome_rules == OutcomeBlockRules(window=7 * DAY)
    assert loaded(tmp_path, BINARY).outcome_rules == OutcomeBlockRules(window_rows=100)
    assert loaded(tmp_path, REGRESSION + "performance: {}\n").outcome_rules is None


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("mae: none", "performance.mae: expected a number, `reference`, or {worse_by: 10%}, got 'none'"),
        ("mae: true", "performance.mae: expected a number, `reference`, or {worse_by: 10%}, got True"),
        ("mae: {worse: 3}", "or {worse_by: 10%}, got the keys worse"),
        ("mae: {worse_by: -3}", "worse_by: expected a share of the reference's figure such as 10%"),
        ("rmse: {worse_by: 10%}", "performance.rmse.worse_by: is no mean of losses of single rows"),
        ("max_error: reference", "the reference's own blocks give it no limit; expected a number, or one of"),
        ("estimated_mae: reference", "the reference's own blocks give it no limit"),
        ("maee: reference", "no such metric of this monitor's task; did you mean 'mae'?"),
    ],
)
def test_a_limit_that_means_nothing_is_refused(tmp_path: Path, limit: str, message: str) -> None:
    """With line and key, and what was expected."""
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:7: performance") as error:
        loaded(tmp_path, f"{REGRESSION}performance: {{{limit}}}\n")
    assert message in str(error.value)


def test_a_share_cannot_get_worse_by_more_than_all_of_it(tmp_path: Path) -> None:
    """An accuracy lies between 0 and 1."""
    with pytest.raises(ConfigurationError, match="accuracy lies between 0 and 1 and cannot get worse by 5"):
        loaded(tmp_path, BINARY + "performance: {accuracy: {worse_by: 5}}\n")
