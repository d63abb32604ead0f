"""Whatever type of Arrow holds a value, it is read as the same value that comes as JSON."""

from __future__ import annotations

import datetime as dt
import io
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from service.core.inbox import Posted
from service.core.rows.batch import Batch, Numbers
from service.core.rows.label_form import LabelForm
from service.core.rows.masking import Masking, RowMask
from service.core.rows.schema import Column, Kind, Schema
from service.errors import UnreadableRowsError
from service.sources.http import stored_batch
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.table_format import TableFormat

NOW = 1_795_810_000_000_000
AT = "2026-01-31T12:00:00Z"
NO_FORMS: dict[str, LabelForm] = {}
KINDS = {"size": Kind.NUMERICAL, "place": Kind.CATEGORICAL, "note": Kind.TEXT}
SHAPE = RowShape(
    Schema(tuple(Column(name, kind) for name, kind in KINDS.items()), identity="id"), "at", TableFormat()
)
RECEIVER = HttpReceiver("toy", SHAPE, RowMask(Masking(frozenset(), b""), lambda: NO_FORMS), 0, None)


def coded(codes: list[int | None], values: pa.Array) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int8()), values)


TEXTS = ["a", "b", None, "b"]
CASES: dict[str, tuple[list[Any], pa.Array]] = {
    "text views": (TEXTS, pa.array(TEXTS, pa.string_view())),
    "large texts": (TEXTS, pa.array(TEXTS, pa.large_string())),
    "byte views": (TEXTS, pa.array([text and text.encode() for text in TEXTS], pa.binary_view())),
    "coded texts": (TEXTS, coded([0, 1, None, 1], pa.array(["a", "b"]))),
    "coded views": (TEXTS, coded([0, 1, None, 1], pa.array(["a", "b"], pa.string_view()))),
    "a null among the coded": (TEXTS, coded([0, 1, 2, 1], pa.array(["a", "b", None]))),
    "coded twice": (TEXTS, coded([0, 1, None, 2], pa.array(["a", "b", "b"]))),
    "runs": (TEXTS, pa.RunEndEncodedArray.from_arrays(pa.array([1, 2, 3, 4], pa.int16()), pa.array(TEXTS))),
    "coded numbers": ([5, 7, None, 5], coded([0, 1, 2, 0], pa.array([5, 7, None]))),
    "coded fractions": ([0.5, 1.5, None], coded([0, 1, None], pa.array([0.5, 1.5]))),
    "coded truth values": ([True, False, None], coded([0, 1, None], pa.array([True, False]))),
    "narrow decimals": ([1.5, None], pa.array([Decimal("1.5"), None], pa.decimal32(5, 1))),
    "decimals": ([1.5, None], pa.array([Decimal("1.5"), None], pa.decimal64(12, 1))),
    "lists": ([[1, 2], None, []], pa.array([[1, 2], None, []])),
    "long lists": ([list(range(2_000))], pa.array([list(range(2_000))])),
    "fractions in lists": ([[1.0, 0.1234567890123]], pa.array([[1.0, 0.1234567890123]])),
    "lists of views": ([["a", "b"]], pa.array([["a", "b"]], pa.list_(pa.string_view()))),
    "views of lists": ([[1, 2]], pa.array([[1, 2]], pa.list_view(pa.int64()))),
    "lists of lists": ([[[1], [2, 3]]], pa.array([[[1], [2, 3]]])),
    "structs": ([{"a": [1, 2]}, None], pa.array([{"a": [1, 2]}, None])),
    "several types": (
        [1, "a"],
        pa.UnionArray.from_dense(
            pa.array([0, 1], pa.int8()), pa.array([0, 0], pa.int32()), [pa.array([1]), pa.array(["a"])]
        ),
    ),
}


def stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def cells(batch: Batch) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for name, column in batch.columns.items():
        if isinstance(column, Numbers):
            marks = np.zeros(batch.rows, np.bool_) if column.unparsable is None else column.unparsable
            values = np.where(marks, "no number", column.values.astype(str))
            found[name] = values.tolist()
        elif hasattr(column, "labels"):
            found[name] = [None if code < 0 else str(column.labels[code]) for code in column.codes]
        else:
            found[name] = column.texts.tolist()
    ids = batch.arrival.identity
    return {**found, "id": [] if ids is None else ids.tolist()}


def read(content: bytes, content_type: str) -> dict[str, list[object]]:
    received = RECEIVER.read_rows(Posted(content, content_type, ""), NOW)
    return {**cells(stored_batch.decode(received.payload)), "rejected": [received.rejected]}


def as_json(columns: dict[str, list[Any]]) -> dict[str, list[object]]:
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return read(json.dumps(rows).encode(), "application/json")


@pytest.mark.parametrize("column", ["size", "place", "note", "id"])
@pytest.mark.parametrize("name", CASES)
def test_a_value_is_the_same_in_arrow_and_in_json(name: str, column: str) -> None:
    """Numbers, labels, texts and ids; also where a row among them is a reject, and where rows are sliced."""
    values, array = CASES[name]
    others = {"size": [1.0] * (len(values) + 2)} if column != "size" else {"place": ["x"] * (len(values) + 2)}
    times = [*[AT] * len(values), "soon", AT]
    given = {"at": times, **others, column: [*values, values[0], values[-1]]}
    arrays = [array, array.slice(0, 1), array.slice(len(values) - 1)]
    parts = [
        pa.table({"at": pa.array(times[at : at + len(part)]), **_sliced(others, at, part), column: part})
        for at, part in zip([0, len(values), len(values) + 1], arrays, strict=True)
    ]
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, parts[0].schema) as writer:
        for part in parts:
            for batch in part.to_batches():
                writer.write_batch(batch)
    found = read(sink.getvalue(), "application/vnd.apache.arrow.stream")
    assert found == as_json(given)
    assert found["rejected"] == [1]


def _sliced(others: dict[str, list[Any]], at: int, part: pa.Array) -> dict[str, list[Any]]:
    return {name: held[at : at + len(part)] for name, held in others.items()}


@pytest.mark.parametrize("column", ["size", "place", "note", "id"])
@pytest.mark.parametrize("name", [*CASES, "decimal", "narrow float"])
def test_a_stream_without_rows_has_none(name: str, column: str) -> None:
    """No type is refused for having no cell."""
    more = {"decimal": pa.array([Decimal("1.5")]), "narrow float": pa.array([1.5], pa.float16())}
    array = CASES[name][1] if name in CASES else more[name]
    empty = pa.schema([("at", pa.timestamp("us")), ("size" if column != "size" else "place", pa.string())])
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, empty.append(pa.field(column, array.type))):
        pass
    assert read(sink.getvalue(), "application/vnd.apache.arrow.stream")["rejected"] == [0]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.string()])
@pytest.mark.parametrize("is_coded", [False, True])
def test_a_text_has_its_limit_in_every_type(kind: pa.DataType, is_coded: bool) -> None:
    """A label of more than 500 characters is refused, however it is held."""
    texts = pa.array(["a" * 501], kind)
    table = pa.table({"place": coded([0], texts) if is_coded else texts})
    with pytest.raises(UnreadableRowsError, match="has a text of 501 characters"):
        read(stream(table), "application/vnd.apache.arrow.stream")


def test_a_coded_time_is_a_time() -> None:
    """A dictionary of times, with its zone, has the times themselves."""
    at = dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    times = coded([0, None], pa.array([at, None], pa.timestamp("ms", "Europe/Berlin")))
    content = stream(pa.table({"at": times, "size": [1.0, 2.0]}))
    found = RECEIVER.read_rows(Posted(content, "application/vnd.apache.arrow.stream", ""), NOW)
    batch = stored_batch.decode(found.payload)
    assert batch.event_time.tolist() == [int(at.timestamp()) * 1_000_000, NOW]


@pytest.mark.parametrize("written", ["0.1", "1", "1e-05", "12.25", "-3", "1e+300"])
def test_a_number_in_a_column_of_texts_is_as_it_is_written(written: str) -> None:
    """As CSV has it: 0.1 has three characters, and not those of its nearest double."""
    number = float(written) if written != "1" else 1
    table = pa.table({"note": [number]})
    found = read(stream(table), "application/vnd.apache.arrow.stream")["note"]
    assert found == as_json({"note": [number]})["note"]
    assert found == read(f"note,size\n{written},1\n".encode(), "text/csv")["note"] == [written]
