"""What messages hold, in JSON and Avro, and what is said of those that hold no row."""

from __future__ import annotations

import datetime as dt
import io
import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
import numpy as np
import pytest

from service.core.rows.batch import Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.event_clock import EventClock
from service.sources.http.content import RowShape
from service.sources.kafka.avro_format import AvroFormat
from service.sources.kafka.json_format import JsonFormat
from service.sources.kafka.messages import Format, Messages, limits_of
from service.sources.kafka.rows import PartitionRows, RowOptions, rows_of
from service.sources.table_format import PLAIN

NOW = 1_767_225_600_000_000  # 2026-01-01, UTC microseconds
SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)), identity="key")
AVRO = {
    "type": "record",
    "name": "Row",
    "fields": [
        {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "size",
            "type": ["null", {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}],
        },
        {"name": "colour", "type": {"type": "enum", "name": "Colour", "symbols": ["red", "green"]}},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
    ],
}
ROW = {
    "key": UUID(int=5),
    "at": dt.datetime(2025, 12, 31, 23, 59, 59, tzinfo=dt.UTC),
    "size": Decimal("12.50"),
    "colour": "green",
    "day": dt.date(2025, 12, 31),
}


def _options(form: Format, schema: Schema = SCHEMA) -> RowOptions:
    return RowOptions("clicks", form, RowShape(schema, "at", PLAIN), 1_000_000, 10**15)


def _read(form: Format, *values: bytes | None, schema: Schema = SCHEMA) -> PartitionRows:
    stamps = [NOW // 1_000] * len(values)
    messages = Messages(3, [10 * place for place in range(len(values))], stamps, list(values))
    return rows_of(messages, _options(form, schema), EventClock(), NOW)


def _avro(row: dict[str, Any], schema: dict[str, Any] | None = None, frame: bytes = b"") -> bytes:
    stream = io.BytesIO(frame)
    stream.seek(len(frame))
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema or AVRO), row)
    return stream.getvalue()


def _bare(folder: Path) -> AvroFormat:
    (folder / "row.avsc").write_text(json.dumps(AVRO))
    return AvroFormat(folder / "row.avsc", None)


def test_messages_are_read_alike_together_and_one_by_one() -> None:
    """What is fast for good messages and what finds bad ones give the same cells."""
    values = [
        b'{"size": 1.5, "colour": "red", "key": "a"}',
        b' {"size": null, "key": "b"} ',
        b'{"colour": "x"}',
    ]
    limits = limits_of(SCHEMA)
    together, each = JsonFormat().parsed(values, limits), JsonFormat().parsed_each(values, limits)
    assert (together.columns, each.places) == (each.columns, [0, 1, 2])


def test_two_broken_messages_do_not_make_a_row_together() -> None:
    """Each is judged alone, however they would read side by side."""
    found = _read(
        JsonFormat(), b'{"size": 1,', b'"colour": "red"}', b'{"size": 2}', b'{"size": 3}\n{"size": 4}'
    )
    assert (found.batch.rows, found.rejected) == (1, 3)


def test_a_message_without_any_watched_column_is_no_row_of_missing_values() -> None:
    """Among rows it is rejected as well as alone; explicit nulls are a row."""
    found = _read(JsonFormat(), b'{"size": 1}', b'{"other": 1}', b'{"size": null, "colour": null}')
    assert (found.batch.rows, [each.row["kafka_offset"] for each in found.rejects]) == (2, [10])


def test_what_a_bad_message_holds_is_kept_only_where_nothing_is_sensitive() -> None:
    """A sensitive column's value could be anywhere in it."""
    hidden = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL, mask="hash")))
    (shown,) = _read(JsonFormat(), b"not json").rejects
    (kept,) = _read(JsonFormat(), b"not json", schema=hidden).rejects
    place = {"kafka_topic": "clicks", "kafka_partition": 3, "kafka_offset": 0}
    assert (shown.row, kept.row) == ({"value": "not json"} | place, place)


def test_the_message_s_own_time_stands_in_for_a_missing_one() -> None:
    """A message without a timestamp, as of old clients, has the moment at which it is read."""
    messages = Messages(0, [0, 1], [NOW // 1_000 - 5_000, -1], [b'{"size": 1}', b'{"size": 2}'])
    found = rows_of(messages, _options(JsonFormat()), EventClock(), NOW)
    assert found.batch.event_time.tolist() == [NOW - 5_000_000, NOW]


def test_a_timestamp_beyond_all_years_rejects_its_row() -> None:
    """A sender's clock may say anything."""
    messages = Messages(0, [0], [2**62], [b'{"size": 1}'])
    found = rows_of(messages, _options(JsonFormat()), EventClock(), NOW)
    assert (found.batch.rows, found.rejected) == (0, 1)
    assert "ahead of the moment" in found.rejects[0].reason


def test_avro_s_logical_types_are_cells(tmp_path: Path) -> None:
    """Decimals are numbers, times are times, enums and UUIDs are texts, and null in a union is missing."""
    found = _read(_bare(tmp_path), _avro(ROW), _avro(ROW | {"size": None, "colour": "red"}))
    size, colour = found.batch.columns["size"], found.batch.columns["colour"]
    assert isinstance(size, Numbers)
    assert isinstance(colour, Labels)
    np.testing.assert_equal(size.values, [12.5, np.nan])
    assert colour.labels[colour.codes].tolist() == ["green", "red"]
    assert found.batch.event_time.tolist() == [NOW - 1_000_000] * 2
    assert found.batch.arrival.example_id is not None
    assert str(UUID(int=5)) in found.batch.arrival.example_id
    assert found.batch.arrival.unwatched == ("day",)


def test_framed_records_have_the_schema_of_their_id(tmp_path: Path) -> None:
    """Schemas are files by id; one that is added is found, and one that is not there is named."""
    older = {"type": "record", "name": "Row", "fields": [{"name": "size", "type": "double"}]}
    (tmp_path / "7.avsc").write_text(json.dumps(older))
    form = AvroFormat(None, tmp_path)
    framed = _avro({"size": 1.5}, older, struct.pack(">bI", 0, 7)), _avro(ROW, None, struct.pack(">bI", 0, 8))
    found = _read(form, *framed, b"\x01bare")
    assert (found.batch.rows, found.rejected) == (1, 2)
    assert f"has the id 8, and {tmp_path} has no 8.avsc" in found.rejects[0].reason
    assert "does not begin with a zero byte" in found.rejects[1].reason
    (tmp_path / "8.avsc").write_text(json.dumps(AVRO))
    assert _read(form, *framed).batch.rows == 2


def test_bytes_of_another_schema_are_no_row(tmp_path: Path) -> None:
    """Records that end too soon or too late are rejected, framed ones with the key that reads them."""
    form = _bare(tmp_path)
    whole = _avro(ROW)
    found = _read(form, whole[:-1], whole + b"\x00", _avro(ROW, None, struct.pack(">bI", 0, 8)), None)
    assert (found.batch.rows, found.rejected) == (0, 4)
    reasons = [each.reason for each in found.rejects]
    assert "cannot be read with its schema" in reasons[0]
    assert "1 bytes are left" in reasons[1]
    assert "write schema_folder with 8.avsc in it" in reasons[2]


@pytest.mark.parametrize("content", ["{", '"string"', '{"type": "record"}', '{"type": "nope"}'])
def test_a_file_that_is_no_schema_is_an_error(tmp_path: Path, content: str) -> None:
    """No message can be read before it is mended, so the cycle fails and nothing is passed over."""
    path = tmp_path / "row.avsc"
    path.write_text(content)
    with pytest.raises(SourceError, match=r"row\.avsc"):
        _read(AvroFormat(path, None), b"\x00")
