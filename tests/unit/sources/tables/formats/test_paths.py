"""Folders and patterns of files are one table in a stable order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.profile import profile
from service.core.rows.batch import Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables.file import open_ordered, read_rows
from service.sources.tables.formats import row_groups

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
WHOLE = pd.DataFrame(
    {
        "at": pd.date_range("2013-01-01", periods=30, freq="h", tz="UTC").as_unit("us"),
        "size": np.arange(30) / 4,
        "colour": ["red", "green", None] * 10,
    }
)
PARTS = [WHOLE[:12], WHOLE[12:13], WHOLE[13:]]


def write(path: Path, frame: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=5)
    elif path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.assign(at=frame["at"].astype(str)).to_json(path, orient="records", lines=True)


@pytest.mark.parametrize("endings", [["parquet"] * 3, ["csv"] * 3, ["parquet", "csv", "jsonl"]])
@pytest.mark.parametrize("pattern", ["", "*", "**/part-*"])
@pytest.mark.parametrize("order", [[0, 1, 2], [2, 0, 1]])
def test_files_are_one_table(tmp_path: Path, endings: list[str], pattern: str, order: list[int]) -> None:
    """The rows are those of one file, in order of time, whatever the files' order; also read in pieces."""
    for place, (part, ending) in enumerate(zip(order, endings, strict=True)):
        write(tmp_path / f"t/part-{place}.{ending}", PARTS[part])
    write(tmp_path / "whole.parquet", WHOLE)
    (tmp_path / "t/_SUCCESS").touch()
    (tmp_path / "t/.part-0.crc").write_bytes(b"\0")
    path = tmp_path / "t" / (pattern.replace("*", "p*", 1) if pattern == "*" else pattern)
    ordered = open_ordered(path, SCHEMA, "at")
    expected = profile.of(read_rows(tmp_path / "whole.parquet", SCHEMA, timestamp="at"), SCHEMA)
    assert np.array_equal(ordered.times, WHOLE["at"].astype(np.int64))
    found = [profile.of(ordered.read(first, first + 4), SCHEMA) for first in range(0, 28, 4)]
    assert profile.merge([*found, profile.of(ordered.read(28, 30), SCHEMA)]).columns == expected.columns
    assert profile.of(read_rows(path, SCHEMA, timestamp="at"), SCHEMA).columns == expected.columns
    ordered.close()


def test_the_order_of_rows_of_one_instant_is_that_of_the_names(tmp_path: Path) -> None:
    """Equal times keep the order of the files' names, then of their rows."""
    for name, size in (("b.csv", 3), ("a.csv", 1), ("c.csv", 5)):
        (tmp_path / name).write_text(f"at,size\n2013-01-01,{size}\n2013-01-01,{size + 1}\n")
    column = open_ordered(tmp_path, SCHEMA, "at").read(0, 6).columns["size"]
    assert isinstance(column, Numbers)
    assert np.array_equal(column.values, [1, 2, 3, 4, 5, 6])


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_hive_s_folders_are_columns(tmp_path: Path, ending: str) -> None:
    """`colour=red/year=2013` gives both columns; the default is missing; a file's own column wins."""
    schema = Schema((*SCHEMA.columns, Column("year", Kind.NUMERICAL)))
    for colour, frame in zip(("red", "gr%C3%BCn", "__HIVE_DEFAULT_PARTITION__"), PARTS, strict=True):
        write(tmp_path / f"t/colour={colour}/year=2013/a.{ending}", frame.drop(columns="colour"))
    for path in (tmp_path / "t", tmp_path / "t/colour=*", tmp_path / f"t/*/*/*.{ending}"):
        ordered = open_ordered(path, schema, "at")
        batch = ordered.read(0, 30)
        year, colour = batch.columns["year"], batch.columns["colour"]
        assert isinstance(year, Numbers)
        assert isinstance(colour, Labels)
        assert np.array_equal(year.values, [2013.0] * 30)
        assert colour.labels.tolist() == ["gr\u00fcn", "red"]
        assert colour.codes.tolist() == [1] * 12 + [0] + [-1] * 17
        ordered.close()
    write(tmp_path / f"u/colour=blue/a.{ending}", WHOLE)
    own = read_rows(tmp_path / "u", SCHEMA, timestamp="at").columns["colour"]
    assert isinstance(own, Labels)
    assert own.labels.tolist() == ["green", "red"]


def test_a_folder_s_name_can_be_the_time(tmp_path: Path) -> None:
    """With `day=2013-01-02` as the timestamp every row of the folder has that time."""
    for day in ("2013-01-02", "2013-01-01"):
        write(tmp_path / f"t/day={day}/a.parquet", WHOLE[:3])
    ordered = open_ordered(tmp_path / "t", SCHEMA, "day")
    assert ordered.times.tolist() == [1_356_998_400_000_000] * 3 + [1_357_084_800_000_000] * 3
    write(tmp_path / "t/day=soon/a.parquet", WHOLE[:3])
    with pytest.raises(SourceError, match=r"the folder's day=soon is not a time"):
        open_ordered(tmp_path / "t", SCHEMA, "day")


def test_labels_of_another_type_in_another_file_are_one(tmp_path: Path) -> None:
    """Integers, floats with a gap, and texts: one label in all files."""
    schema = Schema((Column("code", Kind.CATEGORICAL),))
    for place, codes in enumerate(([1, 2], [1.0, None], ["1", "2"])):
        pd.DataFrame({"at": ["2013-01-01"] * 2, "code": codes}).to_parquet(tmp_path / f"{place}.parquet")
    found = profile.of(read_rows(tmp_path, schema, timestamp="at"), schema).columns["code"]
    assert (found.distribution.distinct, found.missing) == (2, 1)
    assert found.distribution.counts.tolist() == [3, 2]


def test_a_column_that_one_file_lacks_is_missing_there(tmp_path: Path) -> None:
    """A file of the table without a watched column has rows without that value."""
    write(tmp_path / "a.parquet", PARTS[0])
    write(tmp_path / "b.parquet", PARTS[2].drop(columns=["size", "colour"]))
    found = profile.of(open_ordered(tmp_path, SCHEMA, "at").read(0, 29), SCHEMA)
    assert (found.columns["size"].missing, found.columns["colour"].missing) == (17, 4 + 17)


def test_a_fingerprint_is_of_all_files(tmp_path: Path) -> None:
    """Another file, or another order, is another table; a copy is the same."""
    for folder, parts in (("a", [0, 1]), ("b", [0, 1]), ("c", [0, 1, 2]), ("d", [1, 0])):
        for place, part in enumerate(parts):
            write(tmp_path / folder / f"{place}.csv", PARTS[part])
    marks = [open_ordered(tmp_path / folder, SCHEMA, "at").fingerprint for folder in "abcd"]
    assert marks[0] == marks[1]
    assert len({*marks}) == 3


def test_many_files_are_not_held_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit a file is opened when it is read, and one that has changed is refused."""
    monkeypatch.setattr(row_groups, "MAX_OPEN", 2)
    for place, part in enumerate(PARTS):
        write(tmp_path / f"{place}.parquet", part)
    ordered = open_ordered(tmp_path, SCHEMA, "at")
    assert ordered.read(10, 20).rows == 10
    write(tmp_path / "0.parquet", PARTS[0].assign(size=0.0))
    with pytest.raises(SourceError, match=r"0\.parquet: it was changed while it is read"):
        ordered.read(0, 3)
