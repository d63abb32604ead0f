from __future__ import annotations

from pathlib import Path

import pytest

from service.config import monitor_file
from service.core.rows.schema import Kind, Role
from service.core.windows.moving_reference import MovingPlan
from service.core.windows.window import Unit, WindowPlan
from service.errors import ConfigurationError

DAY = 86_400_000_000
GOOD = """\
description: a model
source: {type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d}
reference: {path: reference.parquet}
columns:
  size: {kind: numerical, min: 0, max: 9}
  colour: categorical
  guess: numerical
  truth: numerical
prediction: guess
target: truth
window: {size: 7d, hop: 1d, offset: 5h, min_rows: 10}
drift:
  methods: [default, "psi:robust"]
  columns: {colour: [chisquare]}
"""


REPLAY = 'type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d'
LABELS = "id: key\nlabels: {path: labels.csv, timestamp: at}"


def load_text(folder: Path, text: str) -> object:
    path = folder / "mine.yaml"
    path.write_text(text)
    return monitor_file.load(path, Path("data"))


def test_a_good_file_becomes_a_monitor(tmp_path: Path) -> None:
    """Everything that the file says arrives in the core's form."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    monitor = monitor_file.load(path, Path("data"))
    assert monitor.name == "mine"
    assert monitor.source.type == "replay"
    assert monitor.source.path == "data/rows.csv"
    assert monitor.window.plan() == WindowPlan(Unit.TIME, DAY, 7, DAY * 5 // 24, 10)
    size, colour, guess, truth = monitor.schema_.columns
    assert (size.low, size.high, colour.kind) == (0, 9, Kind.CATEGORICAL)
    assert (guess.role, truth.role) == (Role.PREDICTION, Role.TARGET)
    assert monitor.measure_plan.drift.by_column == {"colour": ("chisquare",)}
    assert monitor.sample_rows == 500


@pytest.mark.parametrize(
    ("change", "line", "message"),
    [
        (
            ("colour: categorical", "colour: category"),
            6,
            r"columns\.colour\.kind: .*'categorical'.*'category'",
        ),
        (("min_rows: 10", "min_row: 10"), 11, r"window\.min_row: no such key; the nearest is min_rows"),
        (("step: 1d", "step: daily"), 2, r"source\.step: expected a duration such as .*'daily'"),
        (("timestamp: at, ", ""), 2, r"source.*step: needs timestamp"),
        (
            ("type: replay", "type: replays"),
            2,
            (
                r"source\.type: expected one of 'dummy', .*'http', .*'replay', 'table', got 'replays'; "
                r"the nearest is 'replay'$"
            ),
        ),
        (
            ("{path: reference.parquet}", "reference.parquet"),
            3,
            r"reference: expected keys with values, such as \{key: value\}, got 'reference.parquet'$",
        ),
        (("type: replay, ", ""), 2, r"source\.type: is missing; expected one of 'dummy', .*'http', "),
        (
            ("step: 1d}", "step: 1d, seed: 1}"),
            2,
            r"source\.seed: no such key; expected one of: .*end, .*path, .*step, .*",
        ),
        (
            (REPLAY, "type: table, table: rows, timestamp: at, loockback: 1d"),
            2,
            r"source\.loockback: no such key; the nearest is lookback$",
        ),
        ((REPLAY, "type: table, table: rows, timestamp: [at]"), 2, r"source\.timestamp: "),
        (("{path: reference", "{type: fil, path: reference"), 3, r"reference\.type: .* nearest is 'file'$"),
        (("prediction: guess", "prediction: gues"), 9, r"prediction: 'gues' is not among the columns"),
        (("target: truth", "target: colour"), 10, r"target: 'colour' is categorical; expected numerical"),
        (
            ("truth: numerical", "truth: text"),
            10,
            r"target: 'truth' is text; expected categorical for labels, or numerical",
        ),
        (
            ("target: truth", "target: truth\nscore: size"),
            11,
            r"score: belongs to task: binary; .* regression",
        ),
        (
            ("target: truth", "task: ranking"),
            10,
            r"task: .*'regression', 'binary' or 'multiclass'.*'ranking'",
        ),
        (
            ("target: truth", "performance: {mea: 3}\ntarget: truth"),
            10,
            r"performance\.mea: .*did you mean 'mae'",
        ),
        (("target: truth", "performance: {mae: 3}"), 10, r"performance: needs a prediction and a target"),
        (("target: truth", "performance: {mae: many}"), 10, r"performance\.mae: .*number"),
        (
            ("target: truth", "target: truth\nby: [color]"),
            11,
            r"by\.0: 'color' is not among the columns; the nearest is 'colour'",
        ),
        (
            ("target: truth", "target: truth\nby:\n  - colour\n  - size"),
            13,
            r"by\.1: 'size' is numerical; expected a categorical column",
        ),
        (("target: truth", "target: truth\nby: [colour, colour]"), 11, r"by\.1: 'colour' is listed twice"),
        (
            ("reference.parquet}", "reference.parquet, moving: {type: expanding}}"),
            12,
            r"drift\.thresholds: calibrated thresholds hold for the declared reference, .*",
        ),
        (
            ("reference.parquet}", "reference.parquet, moving: {type: rolling}}"),
            3,
            r"reference\.moving\.windows: is missing",
        ),
        (
            ("reference.parquet}", "reference.parquet, moving: {type: growing}}"),
            3,
            r"reference\.moving\.type: expected one of 'expanding', 'rolling', got 'growing'$",
        ),
        (("target: truth", "by: [colour]"), 10, r"by: needs a prediction and a target"),
        (
            (
                "prediction: guess\ntarget: truth",
                "task: multiclass\nprediction: guess\ntarget: colour\nby: [colour]\n" + LABELS,
            ),
            12,
            r"by: 'colour' is the target, which comes late; expected another column",
        ),
        (
            ("target: truth", "target: truth\nsegment_performance: {mae: 3}"),
            11,
            r"segment_performance: needs by",
        ),
        (
            ("target: truth", "target: truth\nby: [colour]\nsegment_performance: {mea: 3}"),
            12,
            r"segment_performance\.mea: .*did you mean 'mae'",
        ),
        (('"psi:robust"', '"psy"'), 13, r"drift\.methods: .*psi"),
        (
            ("  methods:", "  thresholds: {psy: 1}\n  methods:"),
            13,
            r"drift\.thresholds\.psy: .* nearest is psi",
        ),
        (("[chisquare]", "[ks]"), 14, r"drift\.columns\.colour: .*ks"),
        (
            ("size: 7d, hop: 1d", "size: 7d, hop: 2d"),
            11,
            r"window: expected the size to be a whole number of hops",
        ),
        (("size: 7d, hop: 1d", "hop: 1d"), 11, r"window: expected one of size .* and size_rows"),
        (
            ("description: a model", "description: a model\ndescription: twice"),
            2,
            r"description: duplicate key \(first on line 1\)",
        ),
        (("columns:", "columns: ["), 6, r"not valid YAML"),
        (
            ("step: 1d}", "step: 1d, start: 2013-02-01 00:00:00}"),
            2,
            r"source\.start: expected a time with its zone",
        ),
    ],
)
def test_a_fault_is_named_by_line_and_key(
    tmp_path: Path, change: tuple[str, str], line: int, message: str
) -> None:
    """Each message says which file, which line, which key, and what was expected."""
    with pytest.raises(ConfigurationError, match=rf"mine\.yaml:{line}: {message}"):
        load_text(tmp_path, GOOD.replace(*change))


@pytest.mark.parametrize(
    ("reference", "moving"),
    [
        ("{path: a.parquet, moving: {type: rolling, windows: 4}}", MovingPlan(4)),
        ("{path: a.parquet, moving: {type: expanding}}", MovingPlan()),
        ("{type: dummy, moving: {type: expanding}}", MovingPlan()),
        ("{path: a.parquet}", None),
    ],
)
def test_a_reference_may_move(tmp_path: Path, reference: str, moving: MovingPlan | None) -> None:
    """A reference of any kind may say how it moves on from its declared rows."""
    path = tmp_path / "mine.yaml"
    text = GOOD.replace("{path: reference.parquet}", reference)
    path.write_text(text.replace("drift:", "drift:\n  thresholds: evidently"))
    config = monitor_file.load(path, Path("data")).reference.moving
    assert (None if config is None else config.plan()) == moving


def test_segments_are_named_by_column(tmp_path: Path) -> None:
    """Columns to segment by and the segments' own thresholds arrive; thresholds of the whole stay its own."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + "by: [colour]\nperformance: {mae: 3}\nsegment_performance: {mae: 5}\n")
    monitor = monitor_file.load(path, Path("data"))
    plan = monitor.measure_plan
    assert (monitor.by, plan.performance, plan.segment_performance) == (("colour",), {"mae": 3}, {"mae": 5})


@pytest.mark.parametrize("text", ["", "just words", "- a\n- list\n"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file or a list says which keys were expected."""
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:1: expected keys such as source"):
        load_text(tmp_path, text)


def test_all_faults_of_all_files_come_at_once(tmp_path: Path) -> None:
    """One start reports every fault of every file."""
    (tmp_path / "one.yaml").write_text(GOOD.replace("min_rows: 10", "min_row: 10"))
    (tmp_path / "two.yaml").write_text(GOOD.replace("step: 1d", "step: daily"))
    with pytest.raises(ConfigurationError, match=r"one\.yaml:11") as caught:
        monitor_file.load_all(tmp_path, Path("data"))
    assert "two.yaml:2" in str(caught.value)


def test_two_monitors_of_one_name_are_refused(tmp_path: Path) -> None:
    """Two monitors cannot have one name, under which their rows are stored."""
    (tmp_path / "one.yaml").write_text("name: same\n" + GOOD)
    (tmp_path / "two.yaml").write_text("name: same\n" + GOOD)
    with pytest.raises(ConfigurationError, match="two monitors are named same"):
        monitor_file.load_all(tmp_path, Path("data"))


def test_a_folder_without_monitors_is_refused(tmp_path: Path) -> None:
    """A service without monitors is a mistake and does not start."""
    with pytest.raises(ConfigurationError, match="no monitor file in it"):
        monitor_file.load_all(tmp_path, Path("data"))
    with pytest.raises(ConfigurationError, match="no such folder"):
        monitor_file.load_all(tmp_path / "absent", Path("data"))


@pytest.mark.parametrize("path", sorted(Path("config/monitors").glob("*.yaml")), ids=lambda path: path.stem)
def test_the_shipped_monitors_are_valid(path: Path) -> None:
    """The shipped monitor files are valid."""
    assert monitor_file.load(path, Path(".data")).name == path.stem
