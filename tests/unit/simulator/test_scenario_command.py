"""The command applies a scenario to a file, completely or not at all, and says what is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.replay.source import ReplayOptions, ReplaySource
from simulator import scenario_data
from simulator.__main__ import main
from simulator.scenario import Applied
from tests.unit.simulator.scenario_frames import HEAD, frame

OUTAGE = "changes: [{change: outage, from: 0.5, over: 0.25}]"


def laid(folder: Path, text: str, data: pd.DataFrame | None = None) -> list[str]:
    """Write a scenario and its data; return the command's arguments."""
    (folder / "x.yaml").write_text(HEAD + text)
    (frame() if data is None else data).to_parquet(folder / "before.parquet", index=False)
    names = {"--data": "before.parquet", "--into": "after.parquet"}
    return ["apply", str(folder / "x.yaml"), *(p for k, v in names.items() for p in (k, str(folder / v)))]


async def test_the_file_is_what_a_replay_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Read the changed rows in order, through the service's own source."""
    assert main(laid(tmp_path, OUTAGE)) == 0
    assert capsys.readouterr().out == f"200 rows became 150: {tmp_path}/after.parquet\n"
    schema = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
    replay = ReplaySource(ReplayOptions(tmp_path / "after.parquet", "at", rows=1_000), schema)
    take = await replay.take(None)
    await replay.close()
    assert (take.batch.rows, take.rejected, take.exhausted) == (150, 0, True)


def test_late_labels_are_written_beside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A second file holds them; another scenario without late labels removes it."""
    arguments = laid(tmp_path, "changes: [{change: label_delay, delay: 1d}]")
    assert main(arguments) == 0
    beside = tmp_path / "after.labels.parquet"
    assert f"200 labels come later: {beside}" in capsys.readouterr().out
    assert list(pd.read_parquet(beside).columns) == ["row_id", "truth", "labelled_at"]
    assert main(laid(tmp_path, OUTAGE)) == 0
    assert not beside.exists()


def test_types_are_as_they_were(tmp_path: Path) -> None:
    """Whole numbers with gaps, booleans, dates and large ids come out as they went in."""
    table = pa.table(
        {
            "at": pa.array(pd.date_range("2026-01-01", periods=3, freq="1h", tz="UTC").as_unit("us")),
            "id": pa.array([2**62 + 1, None, 2**62 + 3], pa.int64()),
            "small": pa.array([1, None, 3], pa.int16()),
            "flag": pa.array([True, None, False]),
            "day": pa.array([1, 2, None], pa.date32()),
            "size": pa.array([0.1, None, 0.3]),
            "guess": [1.0, 2.0, 3.0],
            "truth": [1.0, 2.0, 3.0],
        }
    )
    arguments = laid(tmp_path, "changes: [{change: outlier, columns: size, value: 9}]")
    parquet.write_table(table, tmp_path / "before.parquet")
    assert main(arguments) == 0
    after = parquet.read_table(tmp_path / "after.parquet")
    assert after.schema.remove_metadata().types == table.schema.types
    assert after.drop_columns(["size"]).to_pylist() == table.drop_columns(["size"]).to_pylist()
    assert after["size"].to_pylist() == [9.0, None, 0.3]


def test_a_csv_is_read_as_a_replay_reads_it(tmp_path: Path) -> None:
    """Numbers come through to the last bit, times become timestamps."""
    arguments = laid(tmp_path, OUTAGE)
    frame().to_csv(tmp_path / "before.parquet", index=False)  # the content decides, not the name
    assert main(arguments) == 0
    after = pd.read_parquet(tmp_path / "after.parquet")
    assert after["size"].tolist() == frame()["size"].drop(range(100, 150)).tolist()
    assert after["at"].tolist() == frame()["at"].drop(range(100, 150)).tolist()


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("changes: [{change: outrage}]", None, (2, "x.yaml:4: changes.0.change: no change 'outrage'")),
        ("changes: [{change: vanished, columns: q}]", None, (2, "no column 'q' in the data")),
        (OUTAGE, b"", (1, "before.parquet: cannot be read")),
        (OUTAGE, b"PAR1 not really", (1, "before.parquet: cannot be read")),
        (OUTAGE, b"at,guess,truth\n", (1, "holds no rows")),
        (OUTAGE, b"at,guess,truth\nnever,1,2\n", (1, "no usable time in 'at'")),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str,
    data: bytes | None,
    expected: tuple[int, str],
) -> None:
    """A wrong scenario is status 2, unusable data status 1; no file is left in either case."""
    arguments = laid(tmp_path, text)
    if data is not None:
        (tmp_path / "before.parquet").write_bytes(data)
    assert (main(arguments), expected[1] in capsys.readouterr().err) == (expected[0], True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["before.parquet", "x.yaml"]


def test_what_parquet_cannot_hold_is_said_and_leaves_the_old_file(tmp_path: Path) -> None:
    """A column of mixed types is an error with the path; what was there before stays whole."""
    into = tmp_path / "after.parquet"
    into.write_bytes(b"as it was")
    mixed = pd.DataFrame({"at": [1, "two"]})
    with pytest.raises(SourceError, match=r"after\.parquet: cannot be written"):
        scenario_data.write(Applied(mixed), into)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"as it was"]


def test_the_data_itself_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same file before and after is refused."""
    arguments = laid(tmp_path, OUTAGE)
    content = (tmp_path / "before.parquet").read_bytes()
    assert main([*arguments[:-1], str(tmp_path / "before.parquet")]) == 2
    assert "--into is the same file as --data" in capsys.readouterr().err
    assert (tmp_path / "before.parquet").read_bytes() == content


def test_a_missing_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No data and no scenario have their messages and statuses."""
    arguments = laid(tmp_path, OUTAGE)
    (tmp_path / "before.parquet").unlink()
    assert main(arguments) == 1
    assert main(["apply", "outtage", *arguments[2:]]) == 2
    assert "the nearest is 'outage'" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_write_the_same_bytes(tmp_path: Path) -> None:
    """The same seed gives the same bytes in another process, whose hash salt differs."""
    changes = "{change: spike}, {change: new_category, columns: kind}, {change: late, delay: 1h}"
    arguments = laid(tmp_path, f"seed: 5\nchanges: [{changes}]")
    contents = []
    for _ in range(2):
        subprocess.run([sys.executable, "-m", "simulator", *arguments], check=True, capture_output=True)
        contents.append((tmp_path / "after.parquet").read_bytes())
    assert contents[0] == contents[1]


def test_numbers_that_no_change_touches_are_equal(tmp_path: Path) -> None:
    """Through the files, every cell outside the change is what it was, to the bit."""
    data = frame(500)
    arguments = laid(tmp_path, "changes: [{change: sudden, columns: size, shift: 1, from: 0.5}]", data)
    assert main(arguments) == 0
    after = pd.read_parquet(tmp_path / "after.parquet")
    assert np.array_equal(after["size"][:250], data["size"][:250])
    pd.testing.assert_frame_equal(
        after.drop(columns="size").astype({"miles": "int64"}), data.drop(columns="size"), check_dtype=False
    )
