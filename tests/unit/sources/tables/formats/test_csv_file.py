"""CSV files in every dialect give the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.core.rows.batch import Labels, Numbers
from service.core.rows.number_format import NumberFormat
from service.core.rows.schema import Column, Kind, Schema
from service.sources.table_format import CsvFormat, TableFormat, TimeFormat
from service.sources.tables.file import open_ordered
from service.sources.tables.formats.csv_file import load

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
GERMAN = CsvFormat(number=NumberFormat(",", "."))


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("at;size;colour\n2013-01-01;1.234,5;red\n2013-01-02;2;a,b\n", GERMAN),
        ('at,size,colour\n2013-01-01,"1.234,5",red\n2013-01-02,2,"a,b"\n', GERMAN),
        ("at,size,colour\n2013-01-01,1234.5,red\n2013-01-02,2,'a,b'\n", CsvFormat(quote="'")),
        ("at^size^colour\n2013-01-01^1234.5^red\n2013-01-02^2^a,b\n", CsvFormat(separator="^")),
        ('at,size,colour,note\n2013-01-01,1234.5,red,"two\nlines"\n2013-01-02,2,"a,b",\n', CsvFormat()),
        ('at;size;colour;"a,b"\n2013-01-01;1234.5;red;\n2013-01-02;2;a,b;\n', CsvFormat()),
        ('\n\n"at","size","colour"\n2013-01-01,1234.5,red\n\n2013-01-02,2,"a,b"\n', CsvFormat()),
        (',at,size,colour\n0,2013-01-01,1234.5,red\n1,2013-01-02,2,"a,b"\n', CsvFormat()),
        ('at,size,colour,x,x\n2013-01-01,1234.5,red,1,2\n2013-01-02,2,"a,b",3,4\n', CsvFormat()),
        ('at,size.1,size,colour,size.2\n2013-01-01,0,1234.5,red,1\n2013-01-02,0,2,"a,b",1\n', CsvFormat()),
    ],
)
def test_one_table_in_many_dialects(tmp_path: Path, content: str, form: CsvFormat) -> None:
    """Separators are found, quotes kept, and a doubled name that nobody watches harms nothing."""
    (tmp_path / "a.csv").write_text(content)
    batch = open_ordered(tmp_path / "a.csv", SCHEMA, "at", form=TableFormat(csv=form)).read(0, 2)
    size, colour = batch.columns["size"], batch.columns["colour"]
    assert isinstance(size, Numbers)
    assert isinstance(colour, Labels)
    assert (size.unparsable, np.array_equal(size.values, [1234.5, 2.0])) == (None, True)
    assert [colour.labels[code] for code in colour.codes] == ["red", "a,b"]


def test_a_column_s_own_form_wins_over_the_file_s(tmp_path: Path) -> None:
    """`csv: {decimal}` is for the columns that say nothing."""
    schema = Schema(
        (Column("a", Kind.NUMERICAL), Column("b", Kind.NUMERICAL, number=NumberFormat(thousands=",")))
    )
    (tmp_path / "a.csv").write_text("at;a;b\n2013-01-01;1,5;1,500\n")
    batch = open_ordered(tmp_path / "a.csv", schema, "at", form=TableFormat(csv=GERMAN)).read(0, 1)
    found = [column.values.tolist() for column in batch.columns.values() if isinstance(column, Numbers)]
    assert found == [[1.5], [1500.0]]


@pytest.mark.parametrize(
    ("cells", "time"),
    [
        (["1359694800", "1359694801"], TimeFormat("s")),
        (["1359694800000", ""], TimeFormat("ms")),
        (["20130201", "20130202"], TimeFormat()),
        (["01.02.2013", "02.02.2013"], TimeFormat(pattern="%d.%m.%Y")),
    ],
)
def test_times_are_read_as_they_are_written(tmp_path: Path, cells: list[str], time: TimeFormat) -> None:
    """Digits in a CSV file are an epoch number by their unit, or a compact date."""
    (tmp_path / "a.csv").write_text("at,size\n" + "".join(f"{cell},1\n" for cell in cells))
    ordered = open_ordered(tmp_path / "a.csv", SCHEMA, "at", form=TableFormat(time))
    assert ordered.times[0] // 86_400_000_000 == 15_737
    assert ordered.rejected == (1 if "" in cells else 0)


NUMBERS = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)), identity="id")
CELLS = [
    "true",
    "FALSE",
    " True",
    "1",
    "-2.5",
    "1e5",
    "",
    "NULL",
    "inf",
    "yes",
    "0x10",
    "x",
    "18446744073709551616",
]


def _sizes(path: Path, cells: list[str]) -> list[str]:
    lines = [f"2013-01-01,{cell},red,{place}\n" for place, cell in enumerate(cells)]
    path.write_text("at,size,colour,id\n" + "".join(lines))
    size = open_ordered(path, NUMBERS, "at").read(0, len(cells)).columns["size"]
    assert isinstance(size, Numbers)
    marks = [False] * len(cells) if size.unparsable is None else size.unparsable.tolist()
    return ["no number" if mark else str(value) for value, mark in zip(size.values, marks, strict=True)]


def test_a_number_is_read_alike_whatever_lies_around_it(tmp_path: Path) -> None:
    """A truth value is 1 or 0 among numbers too: how rows are split into requests changes nothing."""
    alone = [_sizes(tmp_path / "a.csv", [cell])[0] for cell in CELLS]
    assert alone[:3] == ["1.0", "0.0", "1.0"]
    assert _sizes(tmp_path / "a.csv", CELLS) == alone
    for other in ("1.5", "true", "x", ""):
        assert [_sizes(tmp_path / "a.csv", [cell, other])[0] for cell in CELLS] == alone


@pytest.mark.parametrize(("encoding", "sign"), [(None, "\ufffd"), ("latin-1", "?"), ("utf-16", "\ufffd")])
def test_a_nul_ends_no_cell(tmp_path: Path, encoding: str | None, sign: str) -> None:
    """It spoils its cell: a number is none, labels and ids stay apart, and what follows it is kept."""
    text = 'at,size,colour,id\n2013-01-01,1\x002,a\x00b,i\x001\n2013-01-02,12,"a\x00c",i\x002\n'
    (tmp_path / "a.csv").write_bytes(text.encode(encoding or "utf-8"))
    form = TableFormat(csv=CsvFormat(encoding=encoding))
    batch = load(tmp_path / "a.csv", NUMBERS, "at", form).framed("at").batch
    size, colour = batch.columns["size"], batch.columns["colour"]
    assert isinstance(size, Numbers)
    assert size.unparsable is not None
    assert size.unparsable.tolist() == [True, False]
    assert isinstance(colour, Labels)
    assert [colour.labels[code] for code in colour.codes] == [f"a{sign}b", f"a{sign}c"]
    assert batch.arrival.identity is not None
    assert len(set(batch.arrival.identity.tolist())) == 2
