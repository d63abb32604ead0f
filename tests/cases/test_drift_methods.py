"""Situations from public bug reports of drift monitors, each as a monitor file with its data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.checks.findings import left_out_methods
from service.checks.look import MonitorLook
from service.config import monitor_file
from service.core.measurement import Aspect
from service.core.profile import profile
from service.core.reference import reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.methods.block_test import model as block_model
from service.methods.measure_window import measure
from service.sources.tables.file import read_rows

if TYPE_CHECKING:
    from service.config.monitor import Monitor
    from service.core.measurement import Measurement

DATA = Path(__file__).parent / "data"
CHISQUARE = DATA / "02-chisquare-on-numbers"
FLOATS = DATA / "23-few-distinct-floats"
MANY = DATA / "33-high-cardinality"
BINNED = ("psi:robust", "jensenshannon:robust")


def monitor_of(case: Path, name: str, folder: Path) -> Monitor:
    text = (case / f"{name}.yaml").read_text().replace("CASE", str(case))
    (folder / f"{name}.yaml").write_text(text)
    return monitor_file.load(folder / f"{name}.yaml", folder)


def rows_of(monitor: Monitor, case: Path, side: str) -> Batch:
    return read_rows(case / f"{side}.parquet", monitor.schema_, timestamp="ts")


def drift_of(monitor: Monitor, before: Batch, now: Batch) -> dict[tuple[str, str], Measurement]:
    """Measure all of `now` as one window; by column and full method name."""
    made = reference.of(before, monitor.schema_, blocks=monitor.block_rules)
    current = profile.of(now.numbered(0), monitor.schema_, made.spec)
    blocks = None if made.blocks is None else block_model.fit(made.blocks)
    measured = measure(made.profile, current, monitor.schema_, monitor.measure_plan, made.spec, blocks=blocks)
    return {
        (m.series.column, f"{m.series.metric}:{m.series.definition}".rstrip(":")): m
        for m in measured
        if m.series.aspect is Aspect.DRIFT
    }


@pytest.mark.parametrize("name", ["c02_cal", "c02_ev", "c02_rob"])
def test_tests_of_categories_leave_numbers_out(name: str, tmp_path: Path):
    """A continuous column without drift is measured by what suits it; the rest has a reason, and a note."""
    monitor = monitor_of(CHISQUARE, name, tmp_path)
    before, now = (rows_of(monitor, CHISQUARE, side) for side in ("ref", "cur"))
    got = drift_of(monitor, before, now.take(slice(0, 1_000)))
    counting = ["chisquare:robust", "z:evidently"] if name == "c02_rob" else ["chisquare:evidently"]
    for method in counting:
        assert (got["income", method].value, got["income", method].breached) == (None, None)
        assert "counts distinct values, and income is numerical" in str(got["income", method].reason)
        assert got["region", method].value is not None
    assert got["income", "ks:evidently"].value == pytest.approx(0.1178, abs=1e-4)
    assert not got["income", "ks:evidently"].breached
    notes = [str(note) for note in left_out_methods(MonitorLook(monitor))]
    assert len(notes) == len(counting)
    assert notes[0].startswith(f"{name}: drift.methods: chisquare counts distinct values: left out of income")


def test_a_move_of_a_ten_thousandth_on_a_coarse_grid_is_small(tmp_path: Path):
    """Values on a grid of 0.05 that move by 1e-4 stay in their robust cells; other methods are as before."""
    monitor = monitor_of(FLOATS, "c23_ev", tmp_path)
    got = drift_of(monitor, *(rows_of(monitor, FLOATS, side) for side in ("ref", "cur")))
    for method in BINNED:
        assert got["rate", method].value == pytest.approx(0.0, abs=0.05)
        assert got["rate", method].breached is False
    assert got["rate", "wasserstein:robust"].value < 0.1
    assert got["rate", "psi:evidently"].value > 1.0


def test_float32_rows_are_those_of_a_float64_reference(tmp_path: Path):
    """The same grid stored in half the bytes has the same robust values, and a calibrated psi no alarm."""
    monitor = monitor_of(FLOATS, "c23_cal", tmp_path)
    before = rows_of(monitor, FLOATS, "ref")
    column = before.columns["rate"]
    assert isinstance(column, Numbers)
    rounded = Numbers(column.values.astype(np.float32).astype(np.float64))
    narrow = Batch(before.rows, before.event_time, {"rate": rounded})
    assert (rounded.values != column.values).any()
    got = drift_of(monitor, before, narrow)
    assert got["rate", "psi:robust"].value == 0.0
    assert not got["rate", "block_test"].breached
    moved = drift_of(monitor, before, rows_of(monitor, FLOATS, "cur"))
    assert moved["rate", "psi:robust"].value == pytest.approx(0.0, abs=0.05)
    assert moved["rate", "block_test"].breached is not None


def test_many_categories_without_drift_do_not_alarm(tmp_path: Path):
    """Columns of 20 to 3,000 labels, windows of 1,000 rows against 4,000: none alarms at 1 % asked."""
    monitor = monitor_of(MANY, "c33_grid", tmp_path)
    before = read_rows(MANY / "ref2.parquet", monitor.schema_, timestamp="ts")
    now = read_rows(MANY / "cur2.parquet", monitor.schema_, timestamp="ts")
    for first in range(0, now.rows, 1_000):
        got = drift_of(monitor, before, now.take(slice(first, first + 1_000)))
        verdicts = {name: m for (name, method), m in got.items() if method == "block_test"}
        assert verdicts.keys() == {"k20", "k100", "k300", "k1000", "k3000", ""}
        assert [name for name, m in verdicts.items() if m.breached is not False] == []


def test_a_label_that_takes_over_alarms_among_many(tmp_path: Path):
    """A fifth of the rows with one label that the reference does not have, in a column of 3,000 labels."""
    monitor = monitor_of(MANY, "c33_grid", tmp_path)
    before = read_rows(MANY / "ref2.parquet", monitor.schema_, timestamp="ts")
    now = read_rows(MANY / "cur2.parquet", monitor.schema_, timestamp="ts").take(slice(0, 1_000))
    column = now.columns["k3000"]
    assert isinstance(column, Labels)
    codes = column.codes.copy()
    codes[::5] = len(column.labels)
    labels = np.append(column.labels, "~new")
    got = drift_of(monitor, before, now.with_column("k3000", Labels(codes, labels)))
    assert got["k3000", "block_test"].breached
