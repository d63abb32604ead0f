"""Rows of a CSV file that are none: left out with their line, never filled up, never swallowed in silence."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from service.core.rows.batch import Labels
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError, UnreadableRowsError
from service.sources.context import LabelFile
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat
from service.sources.replay.labels import open_labels
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.table_format import PLAIN
from service.sources.tables.file import open_in_file_order, open_ordered, read_rows
from service.sources.tables.formats import csv_records
from service.sources.tables.formats.csv_cells import Signs
from service.sources.tables.formats.csv_records import CheckedRecords
from service.sources.tables.raw_frame import raw_frame

if TYPE_CHECKING:
    from pathlib import Path

    from service.core.rows.batch import Batch

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
HEADER = "at,size,colour,note\n"
GOOD = "".join(f"2013-01-0{day},1,red,\n" for day in range(1, 6))
SWALLOWING = HEADER + GOOD + '2013-01-06,1,"red,\n' + GOOD + '2013-01-07,1,red",\n' + GOOD
ONE_ROW = "lines 7 to 8, which quotes make one row, have 2 cells, and the header 4 names"
HALF = (
    "line 7 has 3 cells, and the header 4 names; the file ends within that line, which was perhaps half "
    "written"
)
SIGNS = Signs.of(b",", b'"')


def _written(folder: Path, content: str | bytes) -> Path:
    path = folder / "a.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _colours(batch: Batch) -> list[str]:
    column = batch.columns["colour"]
    assert isinstance(column, Labels)
    return [str(column.labels[code]) for code in column.codes.tolist() if code >= 0]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2013-01-06,1\n", "line 7 has 2 cells, and the header 4 names"),
        ("2013-01-06,1,red,,\n", "line 7 has 5 cells, and the header 4 names"),
        ("2013\n", "line 7 has 1 cell, and the header 4 names"),
        (
            '2013-01-06,"a\nb"\n',
            ONE_ROW,
        ),
        ('2013-01-06,1,5" wide,a"b,c\n', "line 7 has 5 cells, and the header 4 names"),
    ],
)
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_line_of_other_cells_is_rejected(
    tmp_path: Path, line: str, reason: str, ending: str, encoding: str
) -> None:
    """A row with fewer or more cells than the header is left out by every reader, with its line."""
    content = (HEADER + GOOD + line + GOOD).replace("\n", ending)
    path = _written(tmp_path, content.encode(encoding))
    for opened in (open_ordered(path, SCHEMA, "at"), open_in_file_order(path, SCHEMA, first_us=0)):
        assert (len(opened.times), opened.rejected) == (10, 1)
        assert [(reject.row, reject.reason) for reject in opened.rejects] == [({"line": 7}, reason)]
        assert _colours(opened.read(0, 10)) == ["red"] * 10
    reference = read_rows(path, SCHEMA, timestamp="at")
    assert reference.rows == 10
    assert reference.arrival.remarks == (f"1 of 11 rows are left out: {reason}",)
    assert len(raw_frame(path)) == 10


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (
            "2013-01-06,1,re",
            HALF,
        ),
        ('2013-01-06,1,"re', 'line 7, the last one, ends within "; it was perhaps half written'),
    ],
)
def test_a_last_line_that_is_half_written(tmp_path: Path, last: str, reason: str) -> None:
    """It is no row with missing values but a rejected one."""
    opened = open_ordered(_written(tmp_path, HEADER + GOOD + last), SCHEMA, "at")
    assert (len(opened.times), opened.rejected) == (5, 1)
    assert opened.rejects[0].reason == reason


def test_a_last_line_without_a_line_break_is_a_row(tmp_path: Path) -> None:
    """Many programs write no line break after the last row."""
    opened = open_ordered(_written(tmp_path, HEADER + GOOD + "2013-01-06,1,red,"), SCHEMA, "at")
    assert (len(opened.times), opened.rejected) == (6, 0)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            HEADER + GOOD + '2013-01-06,1,"red,\n' + GOOD,
            'a quote " that opens a cell in line 7 is never closed',
        ),
        (
            HEADER + GOOD.replace("1,red", "1,5,red"),
            "5 of its 5 lines have more or fewer cells",
        ),
        (HEADER + GOOD.replace("1,red", "1"), "line 2 has 3 cells, and the header 4 names"),
    ],
)
def test_a_file_of_which_most_is_malformed_is_refused(tmp_path: Path, content: str, message: str) -> None:
    """A quote that is never closed takes all that follows it, and a wrong header fits no line."""
    path = _written(tmp_path, content)
    for read in (lambda: open_ordered(path, SCHEMA, "at"), lambda: raw_frame(path)):
        with pytest.raises(SourceError, match=message):
            read()


async def test_swallowed_rows_are_remarked(tmp_path: Path) -> None:
    """Two stray quotes make one label of the rows between them: said with the lines, and logged."""
    said = (
        "colour: a cell holds the line breaks from line 7 to line 13; two stray quotes have probably "
        "swallowed the rows between them"
    )
    path = _written(tmp_path, SWALLOWING)
    assert read_rows(path, SCHEMA).arrival.remarks == (said,)
    source = ReplaySource(ReplayOptions(path, "at", rows=100), SCHEMA)
    with capture_logs() as logs:
        take = await source.take(None)
    await source.close()
    assert take.batch.rows == 11
    assert [line["hint"] for line in logs] == [said]


@pytest.mark.parametrize(
    ("cells", "remarks"),
    [
        ('1,"red\nand blue",', 1),
        ('1,red,"two lines\nof a note, or three"', 0),
        ('1,red,"a\n2013-01-07,1,blue,b"', 1),
        ('1,red,"a\n2013-01-07,1,blue,b\n2013-01-07,1,blue,b"', 1),
    ],
)
def test_which_line_breaks_are_remarked(tmp_path: Path, cells: str, remarks: int) -> None:
    """Every one in a label; in a text, or a column that nobody watches, those that hold whole rows."""
    path = _written(tmp_path, HEADER + f"2013-01-01,{cells}\n" + GOOD)
    opened = open_ordered(path, SCHEMA, "at")
    assert opened.rejected == 0
    assert len(opened.remarks) == remarks


def test_late_labels_take_the_same_path(tmp_path: Path) -> None:
    """A half-written line of a file of labels is rejected as well."""
    path = _written(tmp_path, "id,at,truth\na,2013-01-01,1\nb,2013-01-01,0\nc,2013-01")
    opened = open_labels(LabelFile(path, "at", "id", "truth", Kind.CATEGORICAL, 0))
    assert (len(opened.times), opened.rejected) == (2, 1)


def test_sent_rows_are_refused_as_a_whole() -> None:
    """Who sends them can still mend them; the answer names the line."""
    shape = RowShape(SCHEMA, "at", PLAIN)
    with pytest.raises(
        UnreadableRowsError, match="line 7 has 2 cells, and the header 4 names; expected as many"
    ):
        decoded((HEADER + GOOD + "2013-01-06,1\n").encode(), RowFormat.CSV, shape)
    assert decoded(SWALLOWING.encode(), RowFormat.CSV, shape).batch.arrival.remarks


TABLES = st.text(st.sampled_from('ab,"\r\n '), max_size=60)


@settings(max_examples=400, deadline=None)
@given(TABLES, st.integers(1, 7))
@example('"\r', 2)
@example('a,b\r\na"b,"c\n"\n', 3)
def test_records_are_split_as_the_csv_module_splits_them(body: str, chunk: int) -> None:
    """What passes is the records of as many cells as the header, whatever the chunks in which they come."""
    reader = csv.reader(io.StringIO("x,y\n" + body + "\nz,\n", newline=""))
    expected = [row for row in reader if len(row) == 2]
    monkey = pytest.MonkeyPatch()
    with monkey.context() as patched:
        patched.setattr(csv_records, "CHUNK_BYTES", chunk)
        checked = CheckedRecords(
            io.BytesIO(("x,y\n" + body + "\nz,\n").encode()), ["x", "y"], SIGNS, 0, instead_of_nul=b"?"
        )
        try:
            passed = io.BufferedReader(checked).read().decode()
        except SourceError:
            assert expected[-1] != ["z", ""]
            return
    found = [row for row in csv.reader(io.StringIO(passed, newline="")) if row and "".join(row).strip(" ")]
    assert [row for row in found if len(row) == 2] == [row for row in expected if "".join(row).strip(" ")]
