"""Requests of OTLP as log records: both forms alike, and what is refused."""

from __future__ import annotations

import base64
import copy
import gzip
import json
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.rows.batch import Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import IntakeError, RowsTooLargeError, UnknownFormatError, UnreadableRowsError
from service.sources.http import stored_batch
from service.sources.otlp import json_logs, limits, protobuf_logs
from service.sources.otlp.events import decoded
from service.sources.otlp.records import LogEvent
from service.sources.otlp.values import MAX_DEPTH
from tests.unit.sources.otlp.made import AT, JSON, PROTOBUF, protobuf, receiver, record, request

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).parent / "data"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
names = st.one_of(st.sampled_from(["score", "country", "key", "a.b", "score-0"]), texts)
scalars = st.one_of(
    st.just({}),
    st.builds(lambda each: {"stringValue": each}, texts),
    st.builds(lambda each: {"boolValue": each}, st.booleans()),
    st.builds(lambda each: {"intValue": str(each)}, st.integers(-(2**63), 2**63 - 1)),
    st.builds(lambda each: {"doubleValue": each}, st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(lambda each: {"doubleValue": each}, st.sampled_from(["NaN", "Infinity", "-Infinity"])),
    st.builds(lambda each: {"bytesValue": base64.b64encode(each).decode()}, st.binary(max_size=4)),
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    pairs = st.lists(st.builds(lambda key, value: {"key": key, "value": value}, names, inner), max_size=3)
    return st.one_of(
        st.builds(lambda each: {"arrayValue": {"values": each}}, st.lists(inner, max_size=3)),
        st.builds(lambda each: {"kvlistValue": {"values": each}}, pairs),
    )


values = st.recursive(scalars, nested, max_leaves=8)
records = st.fixed_dictionaries(
    {
        "attributes": st.lists(
            st.builds(lambda key, value: {"key": key, "value": value}, names, values), max_size=5
        ),
        "body": values,
        "eventName": st.just("prediction"),
    },
    optional={
        "timeUnixNano": st.integers(0, 2**64 - 1).map(str),
        "observedTimeUnixNano": st.integers(0, 2**64 - 1).map(str),
    },
)


@given(st.lists(records, max_size=5))
def test_any_values_are_read_alike_from_both_forms(made: list[dict[str, Any]]) -> None:
    """Protobuf as OpenTelemetry's classes write it and JSON give the same records."""
    content = request(*made)
    by_json = json_logs.read(json.dumps(content).encode())
    by_protobuf = protobuf_logs.read(protobuf(content))
    assert repr(by_json) == repr(by_protobuf).replace("b''))", "''))").replace("trace=b''", "trace=''")


@settings(max_examples=60)
@given(st.lists(records, min_size=1, max_size=5))
def test_each_record_is_one_row_or_one_reject(made: list[dict[str, Any]]) -> None:
    """Whatever its values are, and whatever those of the others."""
    (event,) = decoded(JSON, json.dumps(request(*made)).encode())
    sent = receiver().read_event(event, AT // 1_000)
    assert sent.rows + sent.rejected == sent.rows + sent.rejected_ids.rows == len(made)
    assert len(sent.rejects) == sent.rejected
    json.dumps([reject.row for reject in sent.rejects])


@given(st.binary(max_size=60))
def test_bytes_that_are_no_protobuf_are_refused_by_name(content: bytes) -> None:
    """Nothing but an IntakeError leaves the reader."""
    try:
        decoded(PROTOBUF, content)
    except IntakeError as error:
        assert str(error)  # noqa: PT017 - either outcome is right


def test_the_event_is_the_field_else_the_attribute_else_the_text() -> None:
    """And each event of a request goes its own way, by service."""
    named = {"event.name": {"stringValue": "drift"}}
    content = request(
        record({}, "prediction"),
        record(named, ""),
        record({}, "", body={"stringValue": "prediction"}),
        record({}, "", body={"stringValue": "GET /healthz 200"}),
        record({}, ""),
    )
    found = decoded(JSON, json.dumps(content).encode())
    assert {each.subject: each.count for each in found} == {
        "iris/prediction": 2,
        "iris/drift": 1,
        "iris/(texts)": 1,
        "iris/(no event name)": 1,
    }
    assert all(isinstance(each, LogEvent) and each.service == "iris" for each in found)


def test_names_are_listed_as_every_store_keeps_them() -> None:
    """Halves of surrogate pairs would break the list and `/metrics`; what else a log says may be secret."""
    content = request(
        record({}, "a\ud800b\0"),
        record({}, "", body={"stringValue": "ann@example.org"}),
        record({}, "", body={"stringValue": "drift-check"}),
        service="x\udfff",
    )
    subjects = [each.subject for each in decoded(JSON, json.dumps(content).encode())]
    assert subjects == ["x?/a?b\ufffd", "x?/(texts)", "x?/drift-check"]


FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no object": lambda _: [],
    "resourceLogs is no array": lambda _: {"resourceLogs": {}},
    "logRecords is no array": lambda made: scope(made, {"logRecords": [1]}),
    "intValue is no integer": lambda _: request(record({"n": {"intValue": "3.5"}})),
    "timeUnixNano is no integer": lambda _: request(record({}, timeUnixNano="-1")),
    "doubleValue is no number": lambda _: request(record({"n": {"doubleValue": "much"}})),
    "boolValue is neither": lambda _: request(record({"n": {"boolValue": "true"}})),
    "bytesValue is no base64": lambda _: request(record({"n": {"bytesValue": "!"}})),
    "stringValue is no text": lambda _: request(record({"n": {"stringValue": 1}})),
    "a value is no object": lambda _: request(record({"n": 3})),
}


def scope(made: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(made)
    changed["resourceLogs"][0]["scopeLogs"] = [held]
    return changed


@pytest.mark.parametrize("said", FAULTS)
def test_json_of_another_shape_is_refused_by_name(said: str) -> None:
    """What is wrong is in the message."""
    with pytest.raises(UnreadableRowsError, match=said):
        decoded(JSON, json.dumps(FAULTS[said](request(record({})))).encode())


def test_unknown_fields_are_ignored() -> None:
    """A later version of OTLP may add some."""
    content = request(record({"score": {"doubleValue": 0.5, "other": 1}}, newField=[1]))
    assert decoded(JSON, json.dumps(content).encode())[0].count == 1
    field = bytes([15 << 3 | 2, 2]) + b"ab" + bytes([14 << 3, 5]) + bytes([13 << 3 | 5]) + b"1234"
    assert decoded(PROTOBUF, protobuf(request(record({}))) + field)[0].count == 1


def test_a_request_may_be_compressed() -> None:
    """By gzip, as the SDK and collectors do."""
    content = gzip.compress(protobuf(request(record({}), record({}))))
    assert decoded(PROTOBUF | {"content-encoding": "gzip"}, content)[0].count == 2
    with pytest.raises(UnreadableRowsError, match="not gzip"):
        decoded(PROTOBUF | {"content-encoding": "gzip"}, b"plain")


def test_other_content_types_are_refused() -> None:
    """The two that are read are named."""
    with pytest.raises(UnknownFormatError, match="application/x-protobuf or application/json"):
        decoded({"content-type": "text/plain"}, b"")


def test_an_empty_request_holds_nothing() -> None:
    """Which OTLP allows."""
    assert decoded(PROTOBUF, b"") == []
    assert decoded(JSON, b"{}") == []


def sized(number: int, content: bytes) -> bytes:
    size, parts = len(content), bytearray()
    while size > 0x7F:
        parts.append(size & 0x7F | 0x80)
        size >>= 7
    return bytes([number << 3 | 2, *parts, size]) + content


def test_bombs_are_refused_before_they_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty records, empty values, deep nesting, and gzip of nothing."""
    many = sized(1, sized(2, b"\x12\x00" * 100_001))
    with pytest.raises(RowsTooLargeError, match="100,000 log records"):
        decoded(PROTOBUF, many)
    monkeypatch.setattr(limits, "MAX_FIELDS", 200_000)
    values = sized(2, sized(5, b"\x0a\x00" * 200_000))
    with pytest.raises(RowsTooLargeError, match="200,000 values"):
        decoded(PROTOBUF, sized(1, sized(2, sized(2, sized(6, values)))))
    with pytest.raises(RowsTooLargeError, match="64 MB"):
        decoded(JSON | {"content-encoding": "gzip"}, gzip.compress(b" " * (65 << 20), 1))
    with pytest.raises(UnreadableRowsError, match="no JSON"):
        decoded(JSON, b'{"resourceLogs":' + b"[" * 200_000)


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1, 200])
def test_deep_values_cost_no_other_record(depth: int) -> None:
    """One that is watched rejects its record; elsewhere it is ignored."""
    value: dict[str, Any] = {"doubleValue": 0.5}
    for _ in range(depth):
        value = {"arrayValue": {"values": [value]}}
    name = "score" + "-0" * MAX_DEPTH
    score = {"score": {"doubleValue": 0.5}}
    content = request(record(score), record({"score": value}), record(score | {"x": value}))
    (event,) = decoded(JSON, json.dumps(content).encode())
    sent = receiver().read_event(event, AT // 1_000)
    assert (sent.rows, sent.rejected) == (2, 1)
    (event,) = decoded(JSON, json.dumps(request(record({"score": value}))).encode())
    sent = receiver(Schema((Column(name, Kind.NUMERICAL),))).read_event(event, AT // 1_000)
    assert (sent.rows, sent.rejected) == ((1, 0) if depth == MAX_DEPTH else (0, 1))


def test_what_the_sdk_really_sends_is_read_alike_in_both_forms() -> None:
    """Recorded from OpenTelemetry's exporters for Python, 1.45.2 (protobuf, gzip) and 0.66b1 (JSON)."""
    by_json = decoded(JSON, (DATA / "sdk.json").read_bytes())
    by_protobuf = decoded(PROTOBUF | {"content-encoding": "gzip"}, (DATA / "sdk.protobuf.gz").read_bytes())
    for found in (by_json, by_protobuf):
        assert [(each.subject, each.count) for each in found] == [
            ("fraud-api/prediction", 5),
            ("fraud-api/(texts)", 1),
        ]
        numbers = ("score", "features-1", "customer.age", "n")
        schema = Schema(tuple(Column(name, Kind.NUMERICAL) for name in numbers), identity="key")
        sent = receiver(schema).read_event(found[0], AT // 1_000)
        batch = stored_batch.decode(sent.payload)
        assert batch.event_time.tolist() == [AT // 1_000 + each for each in (0, 1_000, 2_000, 0)]
        cells = [batch.columns[name] for name in numbers]
        assert [each.values[0] for each in cells if isinstance(each, Numbers)] == [0.25, 2.5, 40.0, 2.0**60]
        assert [reject.reason[:14] for reject in sent.rejects] == ["score is bytes"]


def test_what_a_collector_really_sends_is_read_alike_in_both_forms() -> None:
    """Recorded from OpenTelemetry's Collector 0.165.0: exporter otlp_http behind the batch processor."""
    read = []
    for form, name in ((JSON, "collector.json.gz"), (PROTOBUF, "collector.protobuf.gz")):
        found = decoded(form | {"content-encoding": "gzip"}, (DATA / name).read_bytes())
        assert [(each.subject, each.count) for each in found] == [
            ("fraud-api/prediction", 8),
            ("fraud-api/(texts)", 1),
            ("other/prediction", 1),
        ]
        numbers = ("score", "features-1", "customer.age", "n", "deep.a-1.b", "service.version", "none")
        schema = Schema(
            (*(Column(name, Kind.NUMERICAL) for name in numbers), Column("empty", Kind.CATEGORICAL)),
            identity="key",
        )
        sent = receiver(schema, service="fraud-api").read_event(found[0], AT // 1_000)
        batch = stored_batch.decode(sent.payload)
        assert batch.event_time.tolist() == [
            AT // 1_000 + each for each in (0, 1_000, 2_000, *[9_000] * 3, 77)
        ]
        cells = {name: batch.columns[name] for name in numbers}
        rows = [
            {name: cell.values[row] for name, cell in cells.items() if isinstance(cell, Numbers)}
            for row in (0, -1)
        ]
        assert [{key: cell for key, cell in row.items() if not isnan(cell)} for row in rows] == [
            {"score": 0.25, "features-1": 2.5, "customer.age": 40.0, "n": 2.0**60, "service.version": 1.2},
            {"score": 7.0, "deep.a-1.b": 2.5, "service.version": 1.2},
        ]
        assert [reject.reason for reject in sent.rejects] == [
            "score is bytes; expected a number, a text or a truth value"
        ]
        read.append(sent.payload)
    assert read[0] == read[1]


def test_what_bentoml_really_sends_is_known_by_its_monitors_name() -> None:
    """Recorded from BentoML 1.4.39: it gives no event, and a service's monitors share each other's logger."""
    found = decoded(PROTOBUF, (DATA / "bentoml.protobuf").read_bytes())
    assert [(each.subject, each.count) for each in found] == [
        ("Iris:iris/iris", 5),
        ("Iris:iris_batch/iris_batch", 3),
    ]
    names = ("sepal", "embedding-1", "score")
    schema = Schema(tuple(Column(name, Kind.NUMERICAL) for name in names), identity="request_id")
    watching = receiver(schema, event="iris")
    assert [watching.refusal(each, is_addressed=False) is None for each in found] == [True, False]
    sent = watching.read_event(found[0], 2 * AT // 1_000)
    batch = stored_batch.decode(sent.payload)
    assert (batch.rows, batch.event_time.tolist()[0]) == (5, 1_795_832_253_089_802)
    cells = [batch.columns[name] for name in names]
    assert [each.values[1] for each in cells if isinstance(each, Numbers)] == [2.5, 5.0, 2.5 / 3]
    assert [isnan(each.values[-1]) for each in cells if isinstance(each, Numbers)] == [False, False, True]
