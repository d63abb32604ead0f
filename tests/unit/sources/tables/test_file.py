"""CSV and Parquet files are read alike; what cannot be read says why and what to do."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.profile import profile, row_counts
from service.core.rows.batch import Labels, Numbers, Texts
from service.core.rows.schema import Column, Kind, Schema
from service.errors import ReferenceDataError, SourceError
from service.sources.table_format import CsvFormat, TableFormat
from service.sources.tables.file import open_ordered, read_rows

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
HOUR = 3_600_000_000
ROWS = 12


def rows(count: int = ROWS) -> pd.DataFrame:
    """Give `count` hourly rows from 1970 with gaps in both columns."""
    hours = np.arange(count)
    return pd.DataFrame(
        {
            "at": pd.to_datetime(hours * HOUR, unit="us", utc=True).as_unit("us"),
            "size": np.where(hours % 5 == 3, np.nan, hours / 3),
            "colour": np.array(["red", "green", None], dtype=object)[hours % 3],
            "unwatched": hours,
        }
    )


def write(path: Path, frame: pd.DataFrame) -> Path:
    if path.suffix == ".parquet":
        frame.to_parquet(path, row_group_size=5)
    else:
        frame.to_csv(path, index=False, sep="\t" if ".tsv" in path.suffixes else ",")
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.parquet"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_format_gives_the_same_rows_in_order(tmp_path: Path, name: str, shuffled: bool) -> None:
    """The same table gives the same batch from any format, in order of time; the file's order is counted."""
    frame = rows()
    path = write(tmp_path / name, frame.sample(frac=1, random_state=1) if shuffled else frame)
    ordered = open_ordered(path, SCHEMA, "at")
    assert ordered.times.tolist() == [hour * HOUR for hour in range(ROWS)]
    batch = ordered.read(3, 9)
    size = batch.columns["size"]
    assert isinstance(size, Numbers)
    assert np.array_equal(size.values, frame["size"][3:9], equal_nan=True)
    expected = profile.of(open_ordered(write(tmp_path / "b.csv", frame), SCHEMA, "at").read(3, 9), SCHEMA)
    found = profile.of(batch, SCHEMA)
    assert (found.columns, found[row_counts.PART].repeats) == (
        expected.columns,
        expected[row_counts.PART].repeats,
    )
    assert (found[row_counts.PART].backwards > 0, found[row_counts.PART].ordered) == (shuffled, 6)
    assert ("unwatched", 6) in found[row_counts.PART].unwatched.names
    ordered.close()


def test_rows_of_one_instant_keep_the_files_order(tmp_path: Path) -> None:
    """Sorting is stable."""
    frame = pd.DataFrame({"at": ["2013-01-02", "2013-01-01"] * 500, "size": range(1_000)})
    size = open_ordered(write(tmp_path / "a.csv", frame), SCHEMA, "at").read(0, 1_000).columns["size"]
    assert isinstance(size, Numbers)
    assert [int(number) for number in np.asarray(size.values)] == [*range(1, 1_000, 2), *range(0, 1_000, 2)]


def test_an_index_written_by_pandas_is_a_column_again(tmp_path: Path) -> None:
    """A Parquet file whose writer had the time as index still has its timestamp column."""
    rows().set_index("at").to_parquet(tmp_path / "a.parquet")
    assert len(open_ordered(tmp_path / "a.parquet", SCHEMA, "at").times) == ROWS


def test_rejects_are_kept_with_their_reason(tmp_path: Path) -> None:
    """Rows whose time does not parse are counted and kept, the others are read."""
    path = tmp_path / "a.csv"
    path.write_text("at,size\n2013-01-01,1\nsoon,2\n,3\n2013-01-02,many\n")
    ordered = open_ordered(path, SCHEMA, "at")
    assert (len(ordered.times), ordered.rejected) == (2, 2)
    assert [reject.row for reject in ordered.rejects] == [
        {"at": "soon", "size": "2"},
        {"at": None, "size": "3"},
    ]
    size = ordered.read(0, 2).columns["size"]
    assert isinstance(size, Numbers)
    assert size.unparsable is not None
    assert size.unparsable.tolist() == [False, True]


def test_bytes_that_are_no_text_are_refused_or_read_as_declared(tmp_path: Path) -> None:
    """Two labels are never made one by bytes that are not UTF-8; a declared encoding reads them."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"at,size,colour\n2013-01-01,1,gr\xfcn\n2013-01-02,2,gr\xf6n\n")
    with pytest.raises(SourceError, match=r"line 2 holds bytes that are not UTF-8; write .*latin-1"):
        open_ordered(path, SCHEMA, "at")
    for encoding, labels in (("latin-1", ["gr\u00f6n", "gr\u00fcn"]), ("utf-8", ["gr\ufffdn"])):
        form = TableFormat(csv=CsvFormat(encoding=encoding))
        colour = open_ordered(path, SCHEMA, "at", form=form).read(0, 2).columns["colour"]
        assert isinstance(colour, Labels)
        assert colour.labels.tolist() == labels


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", None, "no such file; create it or correct the path"),
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"\n\n", "holds no header line"),
        ("a.csv", b"at,size\n", "the file holds no rows"),
        ("a.csv", b"when,size\n1,2\n", "'at' is not in the data, which has when, size; name the column"),
        ("a.csv", b"at,size\n2013-01-01,1,2\n2013-01-02,1,2\n", "line 2 has 3 cells, and the header 2"),
        ("a.parquet", b"PAR1 and then nothing of the kind", "cannot be read"),
        ("a.csv.gz", b"not compressed", "holds no rows"),
        ("a.csv.gz", gzip.compress(b"at,size\n2013-01-01,1\n" * 99, mtime=0)[:40], "cannot be read"),
        ("a.zip", b"PK\x03\x04 not a zip", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """Every unreadable file is a SourceError with path, reason and what to do; a reference's names it."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=message) as error:
        open_ordered(path, SCHEMA, "at")
    assert str(path) in str(error.value)
    if "'at'" not in message:
        with pytest.raises(ReferenceDataError, match=message):
            read_rows(path, SCHEMA)


def test_an_empty_folder_is_no_table(tmp_path: Path) -> None:
    """A folder without a file is a SourceError."""
    with pytest.raises(SourceError, match=r"the folder holds no file"):
        open_ordered(tmp_path, SCHEMA, "at")


@pytest.mark.parametrize("empty", [rows(0), rows(0).drop(columns=["colour"])])
def test_a_parquet_file_of_no_rows_is_an_error(tmp_path: Path, empty: pd.DataFrame) -> None:
    """A file without a row is said to be empty, never replayed as nothing."""
    with pytest.raises(SourceError, match="holds no rows"):
        open_ordered(write(tmp_path / "a.parquet", empty), SCHEMA, "at")


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_a_reference_is_all_rows_or_those_between_two_times(tmp_path: Path, name: str) -> None:
    """Bounds are half-open; without them rows without a time count too."""
    frame = rows()
    frame.loc[0, "at"] = None
    path = write(tmp_path / name, frame)
    assert read_rows(path, SCHEMA).rows == ROWS
    assert read_rows(path, SCHEMA, timestamp="not there").rows == ROWS
    assert read_rows(path, SCHEMA, timestamp="at", start=2 * HOUR, end=5 * HOUR).rows == 3
    assert read_rows(path, SCHEMA, timestamp="at", end=5 * HOUR).rows == 4
    with pytest.raises(ReferenceDataError, match="no row lies between start and end"):
        read_rows(path, SCHEMA, timestamp="at", start=100 * HOUR)
    with pytest.raises(ReferenceDataError, match="need the name of the column"):
        read_rows(path, SCHEMA, start=0)


def test_a_fingerprint_is_of_the_content(tmp_path: Path) -> None:
    """A copy has the same fingerprint, a file with another row another one."""
    one, copy, other = (
        write(tmp_path / name, rows(n)) for name, n in (("1.csv", 9), ("2.csv", 9), ("3.csv", 8))
    )
    marks = [open_ordered(path, SCHEMA, "at").fingerprint for path in (one, copy, other)]
    assert marks[0] == marks[1] != marks[2]


def test_texts_of_both_kinds_of_file_are_the_same(tmp_path: Path) -> None:
    """A CSV and a Parquet file give equal texts: 007 keeps its zeros, an empty CSV cell is missing."""
    schema = Schema((Column("comment", Kind.TEXT),))
    frame = pd.DataFrame({"x": 1, "comment": ["007", "NA", " ", None, "late, again", "late, again"]})
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        found = read_rows(tmp_path / name, schema, timestamp=None).columns["comment"]
        assert isinstance(found, Texts)
        assert found.texts.tolist() == ["007", "NA", " ", None, "late, again", "late, again"]
