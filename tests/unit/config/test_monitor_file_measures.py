"""Monitor files: detectors, methods over all columns, texts and late labels."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.config import monitor_file
from service.errors import ConfigurationError
from tests.unit.config.test_monitor_file import DAY, GOOD, load_text


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
        load_text(tmp_path, GOOD + text)


def test_detectors_need_a_task(tmp_path: Path) -> None:
    """Without a prediction and a target there is no error whose change could be detected."""
    with pytest.raises(
        ConfigurationError, match=r"mine\.yaml:14: detectors: needs a prediction and a target"
    ):
        load_text(tmp_path, GOOD.replace("target: truth\n", "") + "detectors: [adwin]")


def test_measures_over_all_columns_are_asked_for_by_name(tmp_path: Path) -> None:
    """Joint measures are in the plan; an unknown name and too few columns are refused."""
    asked = GOOD + "  multivariate: [pca]\n  thresholds: {pca_reconstruction_error: 2}\n"
    path = tmp_path / "mine.yaml"
    path.write_text(asked)
    plan = monitor_file.load(path, Path("data")).measure_plan.drift
    assert (plan.multivariate, plan.thresholds) == (("pca",), {"pca_reconstruction_error": 2.0})
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:15: drift\.multivariate.*'pca'.*'pcs'"):
        load_text(tmp_path, asked.replace("[pca]", "[pcs]"))
    lonely = asked.replace("  colour: categorical\n", "").replace("  columns: {colour: [chisquare]}\n", "")
    with pytest.raises(
        ConfigurationError, match=r"mine\.yaml:13: drift\.multivariate: pca needs two columns"
    ):
        load_text(tmp_path, lonely)


def test_a_domain_classifier_is_asked_for_by_name_and_needs_rows(tmp_path: Path) -> None:
    """It is in the plan with its threshold; an unknown name, or a monitor that keeps no rows, is refused."""
    asked = GOOD + "  multivariate: [domain_classifier]\n  thresholds: {domain_classifier_auc: 0.7}\n"
    path = tmp_path / "mine.yaml"
    path.write_text(asked)
    plan = monitor_file.load(path, Path("data")).measure_plan.drift
    assert (plan.multivariate, plan.thresholds) == (("domain_classifier",), {"domain_classifier_auc": 0.7})
    with pytest.raises(ConfigurationError, match=r"mine\.yaml:15: drift\.multivariate.*'domain_clas'"):
        load_text(tmp_path, asked.replace("[domain_classifier]", "[domain_clas]"))
    with pytest.raises(ConfigurationError, match=r"sample_rows: is 0; the domain_classifier"):
        load_text(tmp_path, f"sample_rows: 0\n{asked}")


def test_texts_have_methods_of_their_own(tmp_path: Path) -> None:
    """A test on texts is known for a text column and for no other; one on numbers takes their lengths."""
    asked = GOOD.replace("colour: categorical", "colour: text").replace("[chisquare]", "[ks, {}]")
    load_text(tmp_path, asked.replace("{}]", "perc_text_content_drift]"))
    with pytest.raises(ConfigurationError, match=r"did you mean 'abs_text_content_drift'"):
        load_text(tmp_path, asked.replace("{}]", "abs_text_drift]"))
    with pytest.raises(ConfigurationError, match=r"does not measure categorical"):
        load_text(tmp_path, GOOD.replace("[chisquare]", "[abs_text_content_drift]"))


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
        load_text(tmp_path, text)
