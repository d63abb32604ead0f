"""Whatever messages hold, reading them raises nothing, and each is a row or a reject, never both."""

from __future__ import annotations

import io
import json
import tempfile
from pathlib import Path

import fastavro
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.schema import Column, Kind, Schema
from service.sources.event_clock import EventClock
from service.sources.http.content import RowShape
from service.sources.kafka.avro_format import AvroFormat
from service.sources.kafka.json_format import JsonFormat
from service.sources.kafka.messages import Format, Messages
from service.sources.kafka.rows import PartitionRows, RowOptions, rows_of
from service.sources.table_format import PLAIN

NOW = 1_767_225_600_000_000  # 2026-01-01, UTC microseconds
SCHEMA = Schema(
    (Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL), Column("note", Kind.TEXT)),
    identity="key",
)
AVRO = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "size", "type": ["null", "double"]},
        {"name": "colour", "type": "string"},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
    ],
}

CELLS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(["size", "colour", "note", "key", "at", "other", "caf\u0065\u0301"])
OBJECTS = st.dictionaries(NAMES, CELLS, max_size=5).map(lambda row: json.dumps(row).encode())
VALUES = st.one_of(
    OBJECTS, OBJECTS, st.binary(max_size=40), st.none(), CELLS.map(lambda c: json.dumps(c).encode())
)
STAMPS = st.integers(-1, 2**62)


def _read(form: Format, values: list[bytes | None], stamps: list[int]) -> PartitionRows:
    options = RowOptions("clicks", form, RowShape(SCHEMA, "at", PLAIN), 10**6, 10**12)
    messages = Messages(0, list(range(len(values))), stamps, values)
    return rows_of(messages, options, EventClock(), NOW)


def _check(found: PartitionRows, values: list[bytes | None]) -> None:
    assert found.batch.rows + found.rejected == len(values)
    places = [reject.row["kafka_offset"] for reject in found.rejects]
    assert len(set(places)) == len(places) == found.rejected
    assert all(reject.reason for reject in found.rejects)
    json.dumps([reject.row for reject in found.rejects], allow_nan=False)


@given(st.lists(st.tuples(VALUES, STAMPS), min_size=1, max_size=12))
def test_json_messages_of_any_kind(messages: list[tuple[bytes | None, int]]) -> None:
    """Together they give what each gives alone, as far as a row's numbers and ids are concerned."""
    values, stamps = [value for value, _ in messages], [stamp for _, stamp in messages]
    found = _read(JsonFormat(), values, stamps)
    _check(found, values)
    alone = [_read(JsonFormat(), [value], [stamp]) for value, stamp in messages]
    late = sum("allowed_lateness" in reject.reason for reject in found.rejects)
    assert found.batch.rows + late == sum(each.batch.rows for each in alone)


def _record(cells: tuple[float | None, str, list[str]]) -> bytes:
    stream = io.BytesIO()
    row = dict(zip(("size", "colour", "tags"), cells, strict=True))
    fastavro.schemaless_writer(stream, fastavro.parse_schema(AVRO), row)
    return stream.getvalue()


RECORDS = st.tuples(st.none() | st.floats(), st.text(max_size=5), st.lists(st.text(max_size=3), max_size=3))
BYTES = st.one_of(RECORDS.map(_record), st.binary(max_size=30), st.none())


@given(st.lists(BYTES, min_size=1, max_size=12), st.booleans())
def test_avro_messages_of_any_kind(values: list[bytes | None], is_framed: bool) -> None:
    """Bytes that are no record of the schema are rejects, with whatever lengths they claim."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "7.avsc"
        path.write_text(json.dumps(AVRO))
        form = AvroFormat(None, Path(folder)) if is_framed else AvroFormat(path, None)
        framed = [b"\0\0\0\0\7" + value if is_framed and value else value for value in values]
        found = _read(form, framed, [NOW // 1_000] * len(values))
    _check(found, framed)
    assert np.isfinite(found.batch.event_time).all()
