from __future__ import annotations

from pathlib import Path

import pytest

from service.config import monitor_file
from service.core.rows.schema import Kind, Role
from service.core.rows.task import Binary, Multiclass, Regression, Task
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


def _load(folder: Path, text: str) -> object:
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
        _load(tmp_path, GOOD.replace(*change))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("detectors: [adwin, ddm]", {"adwin": {}, "ddm": {}}),
        ("detectors: {adwin: {delta: 0.01}, ddm: }", {"adwin": {"delta": 0.01}, "ddm": {}}),
        ("", {}),
    ],
)
def test_detectors_are_named_alone_or_with_parameters(
    tmp_path: Path, text: str, expected: dict[str, dict[str, float]]
) -> None:
    """A list names them, a mapping gives their parameters; without either there is none."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + text)
    assert monitor_file.load(path, Path("data")).detectors == expected


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("detectors: [adwim]", 15, r"detectors\.adwim: .*did you mean 'adwin'"),
        ("detectors: [ddm, ddm]", 15, r"detectors: 'ddm' is listed twice"),
        ("detectors: adwin", 15, r"detectors: expected names, such as \[adwin, ddm\]"),
        ("detectors:\n  adwin:\n    delat: 1", 17, r"detectors\.adwin\.delat: .*did you mean 'delta'"),
        ("detectors:\n  adwin:\n    delta: 2", 17, r"detectors\.adwin\.delta: .*a number between 0 and 1"),
        ("detectors:\n  kswin: {window_size: 9}", 16, r"detectors\.kswin: .*expected a window of twice that"),
    ],
)
def test_a_fault_of_a_detector_is_named_by_line_and_key(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    """An unknown detector or parameter has its line and the nearest name, a value what was expected."""
    with pytest.raises(ConfigurationError, match=rf"mine\.yaml:{line}: {message}"):
        _load(tmp_path, GOOD + text)


def test_detectors_need_a_task(tmp_path: Path) -> None:
    """Without a prediction and a target there is no error whose change could be detected."""
    with pytest.raises(
        ConfigurationError, match=r"mine\.yaml:14: detectors: needs a prediction and a target"
    ):
        _load(tmp_path, GOOD.replace("target: truth\n", "") + "detectors: [adwin]")


def test_measures_over_all_columns_are_asked_for_by_name(tmp_path: Path) -> None:
    """Joint measures are in the plan; an unknown name and too few columns are refused."""
    asked = GOOD + "  multivariate: [pca]\n  thresholds: {pca_reconstruction_error: 2}\n"
    path = tmp_path / "mine.yaml"
    path.write_text(asked)
    plan = monitor_file.load(path, Path("data")).measure_plan.drift
    assert (plan.multivariate, plan.thresholds) == (("pca",), {"pca_reconstruction_error": 2.0})
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:15: drift\.multivariate.*'pca'.*'pcs'"):
        _load(tmp_path, asked.replace("[pca]", "[pcs]"))
    lonely = asked.replace("  colour: categorical\n", "").replace("  columns: {colour: [chisquare]}\n", "")
    with pytest.raises(
        ConfigurationError, match=r"mine\.yaml:13: drift\.multivariate: pca needs two columns"
    ):
        _load(tmp_path, lonely)


def test_a_domain_classifier_is_asked_for_by_name_and_needs_rows(tmp_path: Path) -> None:
    """It is in the plan with its threshold; an unknown name, or a monitor that keeps no rows, is refused."""
    asked = GOOD + "  multivariate: [domain_classifier]\n  thresholds: {domain_classifier_auc: 0.7}\n"
    path = tmp_path / "mine.yaml"
    path.write_text(asked)
    plan = monitor_file.load(path, Path("data")).measure_plan.drift
    assert (plan.multivariate, plan.thresholds) == (("domain_classifier",), {"domain_classifier_auc": 0.7})
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:15: drift\.multivariate.*'domain_clas'"):
        _load(tmp_path, asked.replace("[domain_classifier]", "[domain_clas]"))
    with pytest.raises(ConfigurationError, match=r"sample_rows: is 0; the domain_classifier"):
        _load(tmp_path, f"sample_rows: 0\n{asked}")


def test_texts_have_methods_of_their_own(tmp_path: Path) -> None:
    """A test on texts is known for a text column and for no other; one on numbers takes their lengths."""
    asked = GOOD.replace("colour: categorical", "colour: text").replace("[chisquare]", "[ks, {}]")
    _load(tmp_path, asked.replace("{}]", "perc_text_content_drift]"))
    with pytest.raises(ConfigurationError, match=r"did you mean 'abs_text_content_drift'"):
        _load(tmp_path, asked.replace("{}]", "abs_text_drift]"))
    with pytest.raises(ConfigurationError, match=r"does not measure categorical"):
        _load(tmp_path, GOOD.replace("[chisquare]", "[abs_text_content_drift]"))


LABELS = "id: key\nlabels: {path: '{data_dir}/labels.csv', wait: 5d}\n"


def test_late_labels_are_named_as_the_monitor_s_own(tmp_path: Path) -> None:
    """The folder is filled in, and the columns are the monitor's id and target unless said otherwise."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD + LABELS)
    monitor = monitor_file.load(path, Path("data"))
    assert monitor.labels is not None
    assert (monitor.labels.path, monitor.labels.timestamp.column) == ("data/labels.csv", "labelled_at")
    assert (monitor.labels.id, monitor.labels.target, monitor.labels.wait) == (None, None, 5 * DAY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + LABELS.replace("id: key\n", ""), r":15: labels: needs id, the column by which"),
        (GOOD.replace("target: truth", "") + LABELS, r":16: labels: needs a prediction and a target"),
        (GOOD + LABELS.replace("5d", "soon"), r":16: labels\.wait: expected a duration"),
        (GOOD + LABELS.replace("5d", "0d"), r":16: labels\.wait: .*greater than 0"),
        (GOOD + LABELS.replace("wait: 5d", "target: key"), r":16: labels: id and target are one column"),
        (GOOD + LABELS.replace("wait", "waits"), r":16: labels\.waits: no such key; the nearest is wait"),
        (
            GOOD.replace(
                '{type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d}', "{type: dummy}"
            )
            + LABELS,
            r":16: labels: a dummy source has none; expected a replay",
        ),
    ],
)
def test_a_fault_of_late_labels_is_named(tmp_path: Path, text: str, message: str) -> None:
    """Labels need an id, a task and a file that is replayed; each fault has its line."""
    with pytest.raises(ConfigurationError, match=rf"mine\.yaml{message}"):
        _load(tmp_path, text)


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
        _load(tmp_path, text)


def test_an_estimate_may_have_a_threshold(tmp_path: Path) -> None:
    """Estimated metrics can have thresholds as realised ones can; `estimate: false` leaves them out."""
    regression = GOOD.replace("target: truth", "target: truth\nperformance: {estimated_mae: 3}")
    for text, metric in (
        (regression, "estimated_mae"),
        (BINARY.replace("roc_auc", "estimated_f1"), "estimated_f1"),
    ):
        monitor = _load(tmp_path, text)
        assert monitor.estimate
        assert list(monitor.measure_plan.performance) == [metric]
    assert not _load(tmp_path, GOOD + "estimate: false\n").estimate


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
        _load(tmp_path, text)


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
