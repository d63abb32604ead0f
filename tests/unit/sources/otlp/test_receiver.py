"""Log records as rows: their columns, times and keys, and why some are rejects."""

from __future__ import annotations

from typing import Any

import pytest

from service.core.inbox import Posted
from service.core.rows.batch import Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import NoInboxError
from service.sources.http import stored_batch
from service.sources.otlp.receiver import OtlpReceiver
from tests.unit.sources.otlp.made import AT, SCHEMA, events, receiver, record

NOW = AT // 1_000 + 1_000_000
SCORE = {"score": {"doubleValue": 0.5}}


def columns(reads: OtlpReceiver, *records: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the columns of the rows that records become."""
    (event,) = events(*records)
    sent = reads.read_event(event, NOW)
    assert not sent.rejects
    batch = stored_batch.decode(sent.payload)
    found: dict[str, list[Any]] = {"time": batch.event_time.tolist()}
    for name, column in batch.columns.items():
        if isinstance(column, Numbers):
            found[name] = column.values.tolist()
    return found


def numerical(*names: str) -> Schema:
    """Return a schema of numbers."""
    return Schema(tuple(Column(name, Kind.NUMERICAL) for name in names))


def test_lists_and_maps_are_columns_of_their_own() -> None:
    """As `name-0` and `name.key`, at any depth; so is a body that is a map."""
    pair = {"values": [{"doubleValue": 1.5}, {"intValue": "2"}]}
    inner = {"values": [{"key": "size", "value": {"arrayValue": pair}}]}
    said = {"kvlistValue": {"values": [{"key": "score", "value": {"intValue": 7}}]}}
    reads = receiver(numerical("features-0", "features-1", "in.size-1", "score"))
    values = {"features": {"arrayValue": pair}, "in": {"kvlistValue": inner}}
    found = columns(reads, record(values, body=said))
    assert {name: cells[0] for name, cells in found.items()} == {
        "time": AT // 1_000, "features-0": 1.5, "features-1": 2.0, "in.size-1": 2.0, "score": 7.0,
    }  # fmt: skip


def test_the_time_is_the_records_own_else_when_it_was_seen_else_when_it_came() -> None:
    """Nanoseconds become microseconds."""
    found = columns(
        receiver(),
        record(SCORE, timeUnixNano=str(AT + 1_999)),
        record(SCORE, timeUnixNano="0", observedTimeUnixNano=AT + 5_000),
        record(SCORE, timeUnixNano=None),
    )
    assert found["time"] == [AT // 1_000 + 1, AT // 1_000 + 5, NOW]


def test_times_are_exact_where_values_are_of_several_types() -> None:
    """An integer among numbers, a text among truth values: the columns are then read one value at a time."""
    found = columns(
        receiver(),
        record({"score": {"intValue": "1"}, "country": {"boolValue": True}}, timeUnixNano=str(AT + 3_000)),
        record(SCORE | {"country": {"stringValue": "PT"}}, timeUnixNano=None),
        record({"score": {"doubleValue": "NaN"}}, timeUnixNano=str(AT + 1_001)),
    )
    assert found["time"] == [AT // 1_000 + 3, NOW, AT // 1_000 + 1]
    assert found["score"][:2] == [1.0, 0.5]


def test_sensitive_values_are_masked_in_rows_and_rejects() -> None:
    """Nothing of them is in what is kept."""
    reads = receiver(masked=frozenset({"country"}))
    (event,) = events(
        record(SCORE | {"country": {"stringValue": "crimson"}}),
        record({"score": {"bytesValue": ""}, "country": {"stringValue": "crimson"}}),
        record({"country": {"kvlistValue": {"values": [{"key": "crimson", "value": {}}]}}}),
    )
    sent = reads.read_event(event, NOW)
    assert (sent.rows, sent.rejected) == (1, 2)
    assert b"crimson" not in sent.payload
    assert "crimson" not in repr(sent.rejects)


def test_a_timestamp_that_the_monitor_names_is_the_time() -> None:
    """And one that cannot be read rejects its record."""
    at = {"at": {"stringValue": "2025-12-31T23:00:00Z"}}
    found = columns(receiver(timestamp="at"), record(SCORE | at))
    assert found["time"] == [AT // 1_000 - 3_600_000_000]
    (event,) = events(record(SCORE | at), record(SCORE | {"at": {"stringValue": "noon"}}))
    sent = receiver(timestamp="at").read_event(event, NOW)
    assert (sent.rows, sent.rejected) == (1, 1)


def test_a_resource_gives_a_column_where_the_monitor_watches_it() -> None:
    """Such as the service's version; the record's own attribute comes first."""
    schema = Schema((Column("service.name", Kind.CATEGORICAL),))
    (event,) = events(record(SCORE), record({"service.name": {"stringValue": "own"}}))
    sent = receiver(schema).read_event(event, NOW)
    assert sent.rejected == 1  # nothing of the first record itself is watched
    (event,) = events(record({"service.name": {"stringValue": "own"}}))
    assert b"own" in receiver(schema).read_event(event, NOW).payload


REJECTS: dict[str, dict[str, Any]] = {
    "score is bytes": {"score": {"bytesValue": "AAAA"}},
    "score is a list; its values are the columns score-0": {"score": {"arrayValue": {"values": []}}},
    "score is a map; its values are the columns score.KEY": {
        "score": {"kvlistValue": {"values": [{"key": "a", "value": {}}]}}
    },
    "country has a text of 501 characters; expected 500": {"country": {"stringValue": "x" * 501}},
    "none of the watched columns": {"scores": {"doubleValue": 0.5}},
}


@pytest.mark.parametrize("reason", REJECTS)
def test_a_record_that_cannot_be_used_is_a_reject_and_costs_no_other(reason: str) -> None:
    """The rest of its request is measured."""
    (event,) = events(record(SCORE), record(REJECTS[reason]), record(SCORE))
    sent = receiver().read_event(event, NOW)
    assert (sent.rows, sent.rejected, sent.rejected_ids.rows) == (2, 1, 1)
    assert reason in sent.rejects[0].reason


def test_a_name_that_comes_twice_is_a_reject() -> None:
    """Since either could be meant; also in attributes and body, and composed in two ways."""
    twice = record({})
    twice["attributes"] = [{"key": "score", "value": {"intValue": each}} for each in "12"]
    said = {"kvlistValue": {"values": [{"key": "score", "value": {"intValue": "1"}}]}}
    (event,) = events(record(SCORE), twice, record(SCORE, body=said))
    sent = receiver().read_event(event, NOW)
    assert [reject.reason for reject in sent.rejects] == ["score is in it more than once"] * 2


def test_a_request_without_a_usable_record_is_kept_as_rejects() -> None:
    """Its sender would not send it again."""
    (event,) = events(*[record({"score": {"bytesValue": ""}})] * 150)
    sent = receiver().read_event(event, NOW)
    assert (sent.rows, sent.rejected, len(sent.rejects)) == (0, 150, 100)
    assert stored_batch.decode(sent.payload).rows == 0


def test_the_same_records_have_the_same_key() -> None:
    """Others have another, and such as have no time have none: they may be alike."""
    (event,), (again,) = events(record(SCORE)), events(record(SCORE))
    (other,) = events(record(SCORE, timeUnixNano=str(AT + 1)))
    (timeless,) = events(record(SCORE, timeUnixNano=None))
    keys = [receiver().read_event(each, NOW).key for each in (event, again, other, timeless)]
    assert keys[0] == keys[1] != keys[2]
    assert keys[3] is None


def test_an_event_goes_to_the_monitors_of_its_service() -> None:
    """A monitor without a service takes it from any."""
    (event,) = events(record(SCORE))
    (drift,) = events(record(SCORE, "drift"))
    assert receiver().refusal(event, is_addressed=False) is None
    assert receiver(service="iris").refusal(event, is_addressed=True) is None
    assert "prediction of rose" in (receiver(service="rose").refusal(event, is_addressed=True) or "")
    assert "prediction" in (receiver().refusal(drift, is_addressed=True) or "")


def test_rows_are_refused_with_the_right_path() -> None:
    """They come as log records."""
    with pytest.raises(NoInboxError, match="/v1/monitors/toy/logs"):
        receiver().read_rows(Posted(b"", ""), NOW)
    assert receiver(SCHEMA).form == "otlp"
