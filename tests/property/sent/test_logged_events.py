"""Whatever an object of KServe's logger holds: events are counted once each, as halves or as rejects."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from service.core.rows.masking import Masking, RowMask
from service.core.rows.schema import Column, Kind, Schema
from service.sources.files.folder import Found
from service.sources.files.formats.kserve import event_of
from service.sources.files.logged import EventReading
from service.sources.files.records import csv_records_in, lines_in
from service.sources.kserve import half as halves
from service.sources.kserve.columns import Naming
from service.sources.kserve.reading import HalfReader, Watched

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)), identity="key")
FOUND = Found("a.json", "1:2", 10, 0, True, {})
READING = EventReading(
    event_of,
    Watched("toy", None, "predictor"),
    HalfReader(SCHEMA, Naming(("size", "colour"), ("guess",)), RowMask(Masking(frozenset(), b""), dict), 0),
)
FIELDS = ("Id", "ReqType", "Bytes", "bytes", "req_type", "InferenceService", "component", "Namespace", "Url")
BODIES = ({"instances": [[1, "red"]]}, {"predictions": [1, 2]}, {"inputs": []}, [], None, "x")
ENCODED = [base64.b64encode(json.dumps(body).encode()).decode() for body in BODIES]
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from((*ENCODED, "a", "toy", "predictor"))
    | st.sampled_from(("request", "response")).map("org.kubeflow.serving.inference.{}".format)
)  # fmt: skip
RECORDS = st.dictionaries(st.sampled_from(FIELDS), LEAVES | st.lists(LEAVES, max_size=2), max_size=8)
LIKELY = st.fixed_dictionaries(
    {
        "Id": st.sampled_from(("a", "b", "c")),
        "ReqType": LEAVES,
        "Bytes": st.sampled_from(ENCODED),
        "InferenceService": st.sampled_from(("toy", "", "other")),
    }
)


@given(st.lists(RECORDS | LIKELY, max_size=6))
def test_no_record_ends_a_take(records: list[dict[str, Any]]) -> None:
    """Each is a half that can be stored and read again, or a reject with a reason."""
    content = "\n".join(json.dumps(each) for each in records).encode()
    logged = READING.of(lines_in(content), FOUND, 10)
    usable = [half for half in logged.halves if half.fault is None]
    assert len(usable) + logged.rejected_ids.rows == len(records)
    assert all(halves.decode(halves.encode(half)).id == half.id for half in logged.halves)
    assert all(reject.reason and "\0" not in json.dumps(reject.row) for reject in logged.rejects)


@given(st.lists(RECORDS | LIKELY, min_size=1, max_size=6))
def test_a_batch_is_its_events(records: list[dict[str, Any]]) -> None:
    """An array in one line gives what its events give in a line each."""
    lines = "\n".join(json.dumps(each) for each in records).encode()
    batch = READING.of(lines_in(json.dumps(records).encode()), FOUND, 10)
    single = READING.of(lines_in(lines), FOUND, 10)
    assert [(half.id, half.side, half.fault) for half in batch.halves] == [
        (half.id, half.side, half.fault) for half in single.halves
    ]
    assert batch.rejected_ids == single.rejected_ids


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=6))))
def test_csv_records_are_all_said(rows: list[list[str]]) -> None:
    """Every record of a CSV text is given, or named with what is wrong with it."""
    quoted = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows if row]
    found = csv_records_in("\n".join(["id,bytes,reqType", *quoted]).encode() + b"\n")
    assert len(found) == len(quoted)
    assert [number for number, _ in found] == [*range(2, len(quoted) + 2)]
