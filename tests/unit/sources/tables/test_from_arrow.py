"""Arrow tables become the same typed arrays directly as by way of pandas, and without importing it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from service.core.profile import profile
from service.core.rows.batch import Texts
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.tables import from_arrow, from_pandas

if TYPE_CHECKING:
    from pathlib import Path

TIME = pa.timestamp("us", "UTC")
BOTH = [Schema((Column("x", kind),)) for kind in Kind]
ROWS = 6


def values(kind: pa.DataType) -> st.SearchStrategy[Any]:
    cells: dict[pa.DataType, st.SearchStrategy[Any]] = {
        pa.int64(): st.integers(-(2**63), 2**63 - 1),
        pa.uint8(): st.integers(0, 255),
        pa.float64(): st.floats(),
        pa.float32(): st.floats(width=32),
        pa.string(): st.text(max_size=4),
        pa.large_string(): st.text("ab ", max_size=2),
        pa.bool_(): st.booleans(),
        pa.date32(): st.dates(),
        pa.list_(pa.int8()): st.lists(st.integers(0, 9), max_size=2),
    }
    return cells[kind]


KINDS = [pa.int64(), pa.uint8(), pa.float64(), pa.float32(), pa.string(), pa.large_string(), pa.bool_()]
KINDS += [pa.date32(), pa.list_(pa.int8())]


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(data=st.data())
def test_direct_and_by_way_of_pandas_agree(kind: pa.DataType, data: st.DataObject) -> None:
    """Any column of any type, sliced and in chunks, profiles to the same bits both ways."""
    cells = data.draw(st.lists(st.none() | values(kind), min_size=ROWS, max_size=ROWS))
    cut = data.draw(st.sampled_from([0, 2]))
    column = pa.chunked_array([pa.array(part, kind) for part in (cells[:cut], cells[cut:]) if part])
    table = pa.table({"x": column, "at": pa.array([*range(ROWS)], TIME)}).slice(1)
    encodings = [table]
    if from_arrow.is_text(kind):
        encodings.append(table.set_column(0, "x", table["x"].dictionary_encode()))
    for schema in BOTH:
        expected = profile.of(from_pandas.to_batch(from_arrow.framed(table), schema, "at").batch, schema)
        for encoded in encodings:
            batch = from_arrow.to_batch(encoded, schema, "at").batch
            assert profile.of(batch, schema) == expected
            assert batch.event_time.tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_any_unit(unit: str) -> None:
    """Timestamps of any unit are microseconds; null is missing."""
    found = from_arrow.event_times(pa.chunked_array([pa.array([None, 0], pa.timestamp(unit))]))
    assert (found.micros.tolist(), found.usable.tolist()) == ([0, 0], [False, True])


def test_rows_without_a_time_are_rejects() -> None:
    """A row without a time is refused, the others stay."""
    table = pa.table({"at": pa.array([None, 7], TIME), "x": [1, 2]})
    framed = from_arrow.to_batch(table, BOTH[0], "at")
    assert (framed.rejected, framed.batch.event_time.tolist()) == (1, [7])
    assert framed.rejects[0].row == {"at": None, "x": 1}


def test_a_table_of_no_rows() -> None:
    """No rows give an empty batch with its columns."""
    table = pa.table({"at": pa.array([], TIME), "x": pa.array([], pa.string())})
    for schema in BOTH:
        batch = from_arrow.to_batch(table, schema, "at").batch
        assert (batch.rows, list(batch.columns)) == (0, ["x"])


def test_a_missing_timestamp_column_is_named() -> None:
    """The error names the columns that there are."""
    with pytest.raises(SourceError, match=r"'when' is not in the data, which has x"):
        from_arrow.to_batch(pa.table({"x": [1]}), BOTH[0], "when")


def test_a_plain_parquet_file_is_replayed_without_pandas(tmp_path: Path) -> None:
    """Numbers, text and timestamps never import pandas, which is half a second and 60 MB."""
    columns = {"x": pa.array([1, None]), "label": pa.array(["a", None]), "at": pa.array([1, 2], TIME)}
    parquet.write_table(pa.table(columns), tmp_path / "rows.parquet")
    script = f"""
import asyncio, sys
from pathlib import Path
from service.core.rows.schema import Column, Kind, Schema
from service.sources.replay.source import ReplayOptions, ReplaySource
from service.sources.tables.file import read_rows
schema = Schema((Column("x", Kind.NUMERICAL), Column("label", Kind.CATEGORICAL)))
path = Path({str(tmp_path / "rows.parquet")!r})
take = asyncio.run(ReplaySource(ReplayOptions(path, "at", rows=9), schema).take(None))
print(take.batch.rows, read_rows(path, schema).rows, "pandas" in sys.modules)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["2", "2", "False"]


def test_numbers_do_not_hold_the_table_alive() -> None:
    """Typed arrays are copies: what was read can be given back."""
    found = from_arrow.to_batch(pa.table({"x": np.arange(3.0)}), BOTH[0], None).batch.columns["x"]
    assert found.values.base is None  # type: ignore[union-attr]


def test_texts_are_cleaned_as_by_way_of_pandas() -> None:
    """What no store keeps, a NUL, is replaced; nothing else of a text is touched."""
    schema = Schema((Column("x", Kind.TEXT),))
    found = from_arrow.to_batch(pa.table({"x": ["nul\0", "", " a ", None]}), schema, None).batch.columns["x"]
    assert isinstance(found, Texts)
    assert found.texts.tolist() == ["nul\ufffd", "", " a ", None]
