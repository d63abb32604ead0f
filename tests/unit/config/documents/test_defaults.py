from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.config import monitor_file
from service.core.rows.schema import Kind
from service.core.windows.window import Unit
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from service.config.monitor import Monitor

SHARED = """\
source: {type: replay, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns:
  size: {kind: numerical, min: 0}
  plan: {kind: categorical, sensitive: true}
window: {size: 7d, hop: 1d, min_rows: 50}
drift: {thresholds: evidently, share: 0.3}
alarm: {breaches: 1, windows: 2}
"""
OWN = "source: {path: rows.csv}\n"


def _load(folder: Path, own: str, shared: str = SHARED) -> Monitor:
    (folder / "defaults.yaml").write_text(shared)
    (folder / "mine.yaml").write_text(own)
    (monitor,) = monitor_file.load_all(folder, folder)
    assert monitor_file.load(folder / "mine.yaml", folder) == monitor
    return monitor


def test_what_a_monitor_lacks_comes_from_the_defaults(tmp_path: Path) -> None:
    """Sections are merged key by key; the file of defaults is no monitor."""
    monitor = _load(tmp_path, OWN + "window: {min_rows: 10}\ncolumns: {size: {kind: numerical, max: 9}}\n")
    assert monitor.name == "mine"
    assert monitor.window.min_rows == 10
    assert monitor.window.plan().panes == 7
    size = monitor.columns["size"]
    assert (size.min, size.max) == (0, 9)
    assert monitor.drift.share == 0.3


def test_a_short_column_keeps_what_is_shared(tmp_path: Path) -> None:
    """`plan: categorical` is the kind alone: that the column is sensitive holds on."""
    monitor = _load(tmp_path, OWN + "columns: {plan: categorical, note: text}\n")
    assert monitor.columns["plan"].sensitive
    assert {name: config.kind for name, config in monitor.columns.items()} == {
        "size": Kind.NUMERICAL, "plan": Kind.CATEGORICAL, "note": Kind.TEXT,
    }  # fmt: skip


def test_another_way_leaves_the_shared_one_out(tmp_path: Path) -> None:
    """Windows of rows, steps of rows or another type exclude what is shared of the other."""
    monitor = _load(tmp_path, "source: {path: rows.csv, rows: 5}\nwindow: {size_rows: 60}\n")
    assert monitor.window.plan().unit is Unit.ROWS
    assert monitor.window.min_rows == 50
    monitor = _load(tmp_path, "source: {type: dummy}\nreference: {type: dummy}\n")
    assert monitor.source.type == "dummy"


def test_an_empty_key_takes_the_shared_one_away(tmp_path: Path) -> None:
    """`alarm:` with nothing behind it is what a monitor without the shared section has."""
    assert _load(tmp_path, OWN + "alarm:\n").alarm.breaches == 2
    assert _load(tmp_path, OWN).alarm.breaches == 1


@pytest.mark.parametrize(
    ("own", "shared", "message"),
    [
        (OWN, SHARED + "colour: red\n", "defaults.yaml:9: colour: no such key; expected one of"),
        (OWN, SHARED.replace("hop: 1d", "hop: 2d"), "defaults.yaml:6: window: expected the size to be"),
        (
            OWN,
            SHARED.replace("min_rows", "min_row"),
            "defaults.yaml:6: window.min_row: no such key; the nearest",
        ),
        (OWN, "name: all\n" + SHARED, "defaults.yaml:1: name: belongs to a monitor's own file"),
        (OWN, SHARED + "\tx: 1", "defaults.yaml:9: not valid YAML"),
        (OWN + "window: {hop: 2d}\n", SHARED, "mine.yaml:2: window: expected the size to be a whole"),
        (OWN + "alarm: {windows: 0}\n", SHARED, "mine.yaml:2: alarm.windows: "),
        ("source: {}\n", SHARED, "mine.yaml:1: source.path: is missing"),
        (OWN, "- list\n", "defaults.yaml:1: expected keys such as source"),
    ],
)
def test_a_fault_names_the_file_that_it_is_in(tmp_path: Path, own: str, shared: str, message: str) -> None:
    """What came from the defaults has their line, what the monitor says has its own."""
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, own, shared)
    assert str(caught.value).startswith(f"{tmp_path}/{message}")


def test_a_fault_of_the_defaults_is_said_once(tmp_path: Path) -> None:
    """Many monitors share one fault, and each one's own faults are said as well."""
    (tmp_path / "other.yaml").write_text(OWN + "colums: {}\n")
    with pytest.raises(ConfigurationError) as caught:
        _load(tmp_path, OWN, SHARED + "colour: red\n")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["colour", "colums"]


def test_two_files_of_defaults_are_refused(tmp_path: Path) -> None:
    """Which of the two would hold is nobody's guess."""
    (tmp_path / "defaults.yml").write_text(SHARED)
    with pytest.raises(ConfigurationError, match=r"defaults\.yml: defaults\.yaml is there as well"):
        _load(tmp_path, OWN)
