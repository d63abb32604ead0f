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
