"""Findings as pure functions of what was seen."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.checks.block_findings import block_findings, look_at_blocks
from service.checks.findings import findings
from service.checks.look import Finding, LabelsLook, MonitorLook, RowsLook, WindowLook
from service.config import monitor_file
from service.core.reference import reference as references
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.take import Take
from service.core.season.season import DAY

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {size: numerical, truth: numerical}
target: truth
window: {size: 7d, hop: 1d}
drift: {thresholds: evidently}
"""


@pytest.fixture
def look(tmp_path: Path) -> MonitorLook:
    """Give the look at a monitor with which all is well."""
    (tmp_path / "mine.yaml").write_text(TEXT)
    values = Numbers(np.arange(100.0))
    batch = Batch(100, np.arange(100) * 10**12, {"size": values, "truth": values}, Arrival(()))
    return MonitorLook(
        monitor_file.load(tmp_path / "mine.yaml", tmp_path),
        RowsLook(batch),
        RowsLook(replace(batch, columns={"size": Numbers(np.arange(100.0, 200.0)), "truth": values})),
        LabelsLook(100, 90),
        WindowLook(7, 20, 10_000),
    )


def said(look: MonitorLook) -> list[tuple[str, str]]:
    return [(found.level, str(found)) for found in findings(look)]


def test_where_all_is_well_nothing_is_found(look: MonitorLook) -> None:
    """Neither fault nor note."""
    assert said(look) == []


def test_a_source_that_is_its_own_reference_is_noted(look: MonitorLook) -> None:
    """The same rows on both sides can only look alike; other rows of the same number are no such thing."""
    assert said(replace(look, reference=look.source)) == [
        ("note", "mine: source: its 100 rows are those of the reference: nothing can drift")
    ]


def test_what_the_reader_of_a_file_remarked_is_noted(look: MonitorLook) -> None:
    """Cells with line breaks, and lines that are no rows, are said of source and reference."""
    assert look.source is not None
    assert look.reference is not None
    remarked = [
        replace(rows, batch=replace(rows.batch, arrival=Arrival((), remarks=(remark,))))
        for rows, remark in ((look.source, "colour: a cell"), (look.reference, "1 of 9 rows are left out"))
    ]
    assert said(replace(look, source=remarked[0], reference=remarked[1])) == [
        ("note", "mine: source: colour: a cell"),
        ("note", "mine: reference: 1 of 9 rows are left out"),
    ]


def test_errors_of_reading_come_first(look: MonitorLook) -> None:
    """What could not be read is found as it is, beside the rest."""
    error = Finding("fault", "mine: reference", "there is no such file")
    seen = replace(look, reference=None, errors=(error,), labels=LabelsLook(100, 0))
    assert said(seen) == [
        ("fault", "mine: reference: there is no such file"),
        ("note", "mine: source: no row has a value of 'truth': no performance"),
    ]


def test_a_column_that_is_not_there_is_a_fault_of_its_part(look: MonitorLook) -> None:
    """With the nearest name and the list."""
    batch = Batch(1, np.zeros(1, dtype=np.int64), {"truth": Numbers(np.ones(1))}, Arrival(("sise",)))
    assert said(replace(look, source=RowsLook(batch))) == [
        ("fault", "mine: source: it has no column 'size'; the nearest is 'sise'; it has truth, sise")
    ]


def test_windows_that_are_too_small_or_too_large(look: MonitorLook) -> None:
    """Fewer rows than are measured, and panes that fill the memory."""
    (few,) = said(replace(look, window=WindowLook(7, 3, 1_000)))
    assert few == (
        "note",
        "mine: window: a usual one has about 21 rows, below min_rows (30): no drift, no performance",
    )
    (large,) = said(replace(look, window=WindowLook(1_000, 500, 900_000)))
    assert large[1].startswith("mine: window: 1,000 panes take about 900 MB of memory")


def test_late_labels_that_are_no_numbers(look: MonitorLook) -> None:
    """How they are written is said of the target's column; a few of them are worth no note."""
    (note,) = said(replace(look, labels=LabelsLook(100, 90, late=20, matched=20, useless=60)))
    assert note[1].startswith("mine: labels: 60 of 80 labels are no numbers and are refused; how they are")
    assert said(replace(look, labels=LabelsLook(100, 90, late=80, matched=80, useless=1))) == []


def test_times_of_two_units(look: MonitorLook) -> None:
    """Seconds among milliseconds lie in 1970, beside the times that are meant."""
    assert look.source is not None
    batch = replace(look.source.batch, event_time=np.array([*range(30), *range(10**15, 10**15 + 70)]))
    (note,) = said(replace(look, source=replace(look.source, first_take=Take(batch, {}))))
    assert note[1] == (
        "mine: source: 30 of 100 times are in 1970 and the others not: does the column mix units?"
    )


def test_late_labels_that_meet_no_row(look: MonitorLook) -> None:
    """None of them is worth a note, some of them is not."""
    (note,) = said(replace(look, labels=LabelsLook(100, 0, late=80, matched=0)))
    assert note[1].startswith("mine: labels: none of 80 labels has the id of one of the 100 rows")
    assert said(replace(look, labels=LabelsLook(100, 40, late=80, matched=40))) == []


CALIBRATED = """\
source: {type: replay, path: rows.csv, timestamp: at, step: 1d}
reference: {path: reference.csv}
columns: {size: numerical, user: categorical}
window: {size: 7d, hop: 1d}
drift: {blocks: short, verdict: any}
"""


def blocks_said(tmp_path: Path, days: int) -> list[str]:
    """Return what is said of drift alarms whose reference has so many days, which differ."""
    (tmp_path / "mine.yaml").write_text(CALIBRATED)
    monitor = monitor_file.load(tmp_path / "mine.yaml", tmp_path)
    random, rows = np.random.default_rng(1), 200 * days
    users = np.array([f"{i:03d}" for i in range(500)])
    columns = {
        "size": Numbers(np.repeat(random.normal(size=days), 200) + random.normal(size=rows)),
        "user": Labels(random.integers(0, 500, rows), users),
    }
    batch = Batch(rows, np.arange(rows, dtype=np.int64) * DAY // 200, columns)
    made = references.of(batch, monitor.schema_, blocks=monitor.block_rules)
    seen = look_at_blocks(monitor, made)
    return [str(found) for found in block_findings(MonitorLook(monitor, blocks=seen))]


def test_what_drift_alarms_rest_on_is_said(tmp_path: Path) -> None:
    """Keys without effect, the days, many labels, and shifts that never show with this reference."""
    first, second, basis, rare, many, never = blocks_said(tmp_path, 31)
    assert first.startswith("mine: drift: blocks has no effect")
    assert second.startswith("mine: drift: verdict has no effect")
    assert "compares a window with how the reference's 31 days differ" in basis
    assert "a kind of day that comes less often than once in 31 days" in rare
    assert many.startswith("mine: drift: user: no label holds 2 %")
    assert "0.2 standard deviations never shows in size: the reference's 31 days differ by more" in never


def test_a_short_reference_has_its_hours_and_a_long_window_says_so(tmp_path: Path) -> None:
    """Fewer than eight days: what stands in for them; a window of more than the reference helps nothing."""
    said = blocks_said(tmp_path, 3)
    assert any("fewer than 8 days, so that its 72 hours stand in" in each for each in said)
    assert any("a window holds about 168 hours, more than the reference's 72 hours" in each for each in said)


def test_a_reference_of_a_few_rows_is_not_judged_by(tmp_path: Path) -> None:
    """It says how much more is needed."""
    (tmp_path / "mine.yaml").write_text(CALIBRATED)
    monitor = monitor_file.load(tmp_path / "mine.yaml", tmp_path)
    few = Batch(6, np.arange(6, dtype=np.int64), {"size": Numbers(np.arange(6.0))})
    seen = look_at_blocks(monitor, references.of(few, monitor.schema_, blocks=monitor.block_rules))
    said = [str(found) for found in block_findings(MonitorLook(monitor, blocks=seen))]
    assert said[-1].endswith("7 more are needed to tell drift from how they differ: nothing is judged")


def test_a_window_of_minutes_is_not_counted_in_runs_of_rows(tmp_path: Path) -> None:
    """A reference of minutes is cut into runs of rows: how many of them come in a window is not known."""
    (tmp_path / "mine.yaml").write_text(CALIBRATED)
    monitor = monitor_file.load(tmp_path / "mine.yaml", tmp_path)
    random = np.random.default_rng(1)
    batch = Batch(500, np.arange(500, dtype=np.int64), {"size": Numbers(random.normal(size=500))}).numbered(0)
    seen = look_at_blocks(monitor, references.of(batch, monitor.schema_, blocks=monitor.block_rules))
    said = [str(found) for found in block_findings(MonitorLook(monitor, blocks=seen))]
    assert seen is not None
    assert seen.window is None
    assert not any("a window holds" in each for each in said)


def test_labels_that_mostly_find_no_row_are_noted_with_an_id_of_each_side(look: MonitorLook) -> None:
    """A few ids may meet by chance, as UUIDs in two cases do: the note shows how the sides differ."""
    labels = LabelsLook(100, 9, 80, 9, 'the text "K1"', 'the text "k1"')
    (note,) = (text for _, text in said(replace(look, labels=labels)))
    assert note == (
        "mine: labels: only 9 of 80 labels have the id of one of the 100 rows: an id among the labels is "
        'the text "K1", among the rows the text "k1"; those of the labels are in capitals'
    )
    assert said(replace(look, labels=replace(labels, matched=60))) == []
