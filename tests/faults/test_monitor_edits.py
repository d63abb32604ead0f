"""A monitor file or its data change between two starts: history stays, nothing stops, nothing is lost."""

from __future__ import annotations

import csv
import signal
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.service_process import Place, end, lay_out


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a folder over a database of the test's own."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    return lay_out(tmp_path / "place", days=30)


def _edit(place: Place, old: str, new: str) -> None:
    path = place.root / "monitors/toy.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def _rows(place: Place, metric: str) -> list[dict[str, str]]:
    done = place.command("metrics", "--metric", metric, "--format", "csv")
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(done.stdout.splitlines()))


@pytest.mark.parametrize(
    ("window", "other"),
    [
        ("window: {size: 7d, hop: 1d, min_rows: 20}", "window: {size: 6d, hop: 2d, min_rows: 20}"),
        ("window: {size_rows: 80, hop_rows: 40}", "window: {size_rows: 160, hop_rows: 80}"),
        ("window: {size: 7d, hop: 1d}", "window: {size: 7d, hop: 1d}\nsample_rows: 20"),
    ],
)
def test_an_edit_and_its_reversal_keep_history(place: Place, window: str, other: str) -> None:
    """Panes of another layout are never mixed in, and no window that was measured is measured again."""
    _edit(place, "window: {size: 7d, hop: 1d, min_rows: 20}", window)
    assert place.command("run", "--max-cycles", "8").returncode == 0
    first = _rows(place, "mae")
    _edit(place, window, other)
    assert place.command("run", "--max-cycles", "10").returncode == 0
    _edit(place, other, window)
    done = place.command("run", "--max-cycles", "20")
    assert done.returncode == 0, done.stderr
    every = _rows(place, "mae")
    assert {row["revision"] for row in every} == {"1"}
    assert [row for row in every if row in first] == first


def test_a_file_that_grows_loses_no_row(place: Place) -> None:
    """A file that ended at noon and was completed later gives every row once."""
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path).sort_values("at")
    early = pd.to_datetime(rows["at"], format="ISO8601") < pd.Timestamp("2024-01-10T12:00Z")
    rows[early].to_csv(path, index=False)
    assert place.command("run", "--max-cycles", "50").returncode == 0
    rows.to_csv(path, index=False)
    assert place.command("run", "--max-cycles", "50").returncode == 0
    taken = _rows(place, "cycle_rows")
    assert sum(float(row["value"]) for row in taken) == len(rows)


def test_one_stray_time_does_not_stall_a_replay(place: Place) -> None:
    """A row of 1970 before rows of 2024 costs a take, not one for every day between."""
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path)
    rows.loc[0, "at"] = "1970-01-01T00:00:00Z"
    rows.to_csv(path, index=False)
    assert place.command("run", "--max-cycles", "40").returncode == 0
    assert max(row["window_end"] for row in _rows(place, "mae")) > "2024-01-30"


def test_a_column_in_no_file_is_named(place: Place) -> None:
    """A typing slip among the columns is found before anything runs."""
    _edit(place, "{size: numerical", "{sise: numerical")
    done = place.command("check")
    assert done.returncode == 2
    assert "toy: reference: it has no column 'sise'" in done.stderr
    assert "toy: source: it has no column 'sise'" in done.stderr


def test_labels_in_a_csv_are_what_is_written(place: Place) -> None:
    """Codes keep their zeros and NA may be a place: one odd label changes nothing about the others."""
    for name in ("rows", "reference"):
        path = place.root / f"data/{name}.csv"
        frame = pd.read_csv(path)
        frame["colour"] = frame["colour"].map({"red": "01234", "green": "NA", "blue": "10001"})
        if name == "rows":
            frame.loc[5, "colour"] = "X"
        frame.to_csv(path, index=False)
    assert place.command("run", "--max-cycles", "40").returncode == 0
    shares = [float(row["value"]) for row in _rows(place, "new_category_share")]
    assert 0 < max(shares) < 0.05
    missing = [row for row in _rows(place, "missing_share") if row["column_name"] == "colour"]
    assert {row["value"] for row in missing} == {"0.0"}


def test_a_signal_while_starting_ends_the_start(place: Place) -> None:
    """With the database away the service waits for it; a signal does not have to wait as well."""
    url = "postgresql://someone:secret@127.0.0.1:9/nowhere"
    process = place.start(TIDEGAUGE_DATABASE_URL=url)
    place.until('"event": "starting"', process)
    before = time.monotonic()
    assert end(process, signal.SIGTERM) == 0
    assert time.monotonic() - before < 20  # of the 30 s that it would wait for the database
