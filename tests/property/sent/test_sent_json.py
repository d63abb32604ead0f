"""Rows of JSON are read by way of Arrow where that holds them: to the same bits as by a frame of objects."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.number_format import NumberFormat
from service.core.rows.schema import Column, Kind, Role, Schema
from service.errors import SourceError
from service.sources.http.content import Decoded, RowShape, _of_frame, _of_table, object_frame, typed_table
from service.sources.http.stored_batch import encode
from service.sources.table_format import TableFormat, TimeFormat

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("price", Kind.NUMERICAL, number=NumberFormat(",", ".")),
        Column("place", Kind.CATEGORICAL),
        Column("note", Kind.TEXT),
        Column("guess", Kind.CATEGORICAL, Role.PREDICTION),
        Column("truth", Kind.CATEGORICAL, Role.TARGET, missing_words=("-",)),
    ),
    identity="key",
)
TEXTS = [
    "",
    " ",
    "a",
    "7",
    "07",
    "1.50",
    "1,5",
    "NA",
    "null",
    "-",
    "true",
    "nan",
    "inf",
    "2026-01-31",
    "\u00e9",
]
INTEGERS = [0, -1, 7, 2**53 + 1, -(2**63), 2**63 - 1, 2**70, 1_767_225_600]
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.sampled_from(TEXTS) | st.text(max_size=4),
    "integer": st.sampled_from(INTEGERS) | st.integers(-(10**6), 10**6),
    "float": st.floats(allow_nan=False) | st.just(float("nan")),  # the one NaN of JSON
    "truth": st.booleans(),
    "nothing": st.none(),
    "time": st.sampled_from(
        ["2026-01-31T12:00:00Z", "2026-01-31 12:00", "2026-01-31T24:00:00+02:00", "soon", "20260131", "1e3"]
    ),
}
FORMS = [TimeFormat(), TimeFormat("s"), TimeFormat(zone="Europe/Berlin"), TimeFormat(pattern="%Y-%m-%d")]
NAMES = [*SCHEMA.names, "key", "at", "unwatched"]


@st.composite
def columns(draw: st.DrawFn) -> dict[str, list[Any]]:
    rows = draw(st.integers(1, 5))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1))
    found = {}
    for name in names:
        cells = CELLS[draw(st.sampled_from(sorted(CELLS)))] | st.none()
        found[name] = draw(st.lists(cells, min_size=rows, max_size=rows))
    return found


def _outcome(decoded: Decoded) -> tuple[Any, ...]:
    times = decoded.times
    known = None if times is None else (times.micros.tolist(), times.reasons.tolist())
    batch = replace(decoded.batch, arrival=replace(decoded.batch.arrival, misfits=()))  # told, not measured
    return encode(batch), known, batch.rows


@given(columns(), st.sampled_from(FORMS))
def test_both_ways_give_the_same_bits(columns: dict[str, list[Any]], form: TimeFormat) -> None:
    """Numbers, labels and their types, texts, ids and times are the same."""
    table = typed_table(columns)
    if table is None:
        return
    shape, names = RowShape(SCHEMA, "at", TableFormat(form)), list(columns)
    rows = len(columns[names[0]])
    try:
        by_frame = _of_frame(object_frame(columns, rows), names, shape)
    except SourceError as error:  # ids that are rounded floats
        with pytest.raises(SourceError, match=f"^{re.escape(str(error))}$"):
            _of_table(table, names, shape)
        return
    by_arrow = _of_table(table, names, shape)
    assert _outcome(by_arrow) == _outcome(by_frame)
    assert np.array_equal(by_arrow.batch.event_time, by_frame.batch.event_time)
