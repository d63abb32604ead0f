"""Records of other tools' files, as those tools write them: their rows, and why others have none."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from service.errors import SourceError
from service.sources.files.config import FilesConfig
from service.sources.files.formats import bentoml, inference_table, sagemaker
from service.sources.files.formats.exploded import Names
from service.sources.files.formats.registry import FORMATS

NAMES = Names(("size", "colour"), ("guess",))


def test_every_format_can_be_named() -> None:
    """The section's choices are the registry's."""
    named = FilesConfig.model_json_schema()["properties"]["format"]["enum"]
    assert named == list(FORMATS)


def test_bentoml() -> None:
    """A line is a row; the schema's lines are none, and an id outside a service is missing."""
    line = json.loads(
        '{"size": NaN, "guess": 0.5, "timestamp": "2026-07-01T10:00:00.123456", "request_id": "None", '
        '"trace_id": "271"}'
    )
    (row,) = bentoml.rows_of(line, NAMES)
    assert (row["request_id"], row["trace_id"], row["guess"]) == (None, "271", 0.5)
    schema = {"meta_data": {"bento_name": "x"}, "columns": [{"name": "size", "role": "feature"}]}
    assert bentoml.rows_of(schema, NAMES) == []


def captured(given: Any, found: Any, **event: Any) -> dict[str, Any]:
    sides = {}
    for side, mode, (kind, encoding, data) in (
        ("endpointInput", "INPUT", given), ("endpointOutput", "OUTPUT", found),
    ):  # fmt: skip
        sides[side] = {"observedContentType": kind, "mode": mode, "data": data, "encoding": encoding}
    metadata = {"eventId": "e1", "inferenceTime": "2026-07-01T10:00:00Z"} | event
    return {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}


CSV = "text/csv", "CSV"
JSON = "application/json", "JSON"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ((*CSV, '1,"red"\n2,blue\n'), (*CSV, "0.5\n0.25")),
        ((*JSON, '{"instances": [[1, "red"], [2, "blue"]]}'), (*JSON, '{"predictions": [0.5, 0.25]}')),
        (
            (*JSON, '{"instances": [{"size": 1, "colour": "red"}, {"size": 2, "colour": "blue"}]}'),
            (*JSON, '[{"guess": 0.5}, {"guess": 0.25}]'),
        ),
        (
            ("text/csv", "BASE64", base64.b64encode(b"1,red\n2,blue").decode()),
            ("application/json", "BASE64", base64.b64encode(b"[0.5, 0.25]").decode()),
        ),
    ],
)
def test_sagemaker(given: Any, found: Any) -> None:
    """Each row of a payload is a row, whose id has its place behind the event's."""
    rows = sagemaker.rows_of(captured(given, found, inferenceId="mine"), NAMES)
    assert [(float(row["size"]), row["colour"], float(row["guess"])) for row in rows] == [
        (1, "red", 0.5), (2, "blue", 0.25),
    ]  # fmt: skip
    assert [(row["eventId"], row["inferenceId"]) for row in rows] == [("e1-0", "mine-0"), ("e1-1", "mine-1")]
    assert {row["inferenceTime"] for row in rows} == {"2026-07-01T10:00:00Z"}


def test_sagemaker_of_one_row() -> None:
    """Its id is the event's own."""
    (row,) = sagemaker.rows_of(captured((*CSV, "1,red"), (*CSV, "0.5")), NAMES)
    assert row["eventId"] == "e1"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"a": 1}, "no data capture"),
        (captured((*CSV, "1,red"), (*CSV, None)), "no data of endpointOutput"),
        (captured((*CSV, "1,red\n2,blue"), (*CSV, "0.5")), "2 rows, and the response 1"),
        (captured((*CSV, "1"), (*CSV, "0.5")), "1 values without names, and inputs names 2"),
        (captured((*CSV, "1,red"), (*JSON, '{"error": "no"}')), "answered with an error"),
        (captured(("image/png", "BASE64", "/w=="), (*CSV, "1")), "Base64 is of no text"),
        (captured((*JSON, "{"), (*CSV, "1")), "endpointInput is no JSON"),
    ],
)
def test_captures_without_rows(record: dict[str, Any], reason: str) -> None:
    """Each says why."""
    with pytest.raises(SourceError, match=reason):
        sagemaker.rows_of(record, NAMES)


def logged(given: Any, found: Any, **more: Any) -> dict[str, Any]:
    base = {"databricks_request_id": "r1", "timestamp_ms": 1_767_225_600_000, "status_code": 200}
    return base | {"request": json.dumps(given), "response": json.dumps(found)} | more


@pytest.mark.parametrize(
    "request_",
    [
        {"dataframe_records": [{"size": 1, "colour": "red"}, {"size": 2, "colour": "blue"}]},
        {
            "dataframe_split": {
                "columns": ["size", "colour"],
                "index": [0, 1],
                "data": [[1, "red"], [2, "blue"]],
            }
        },
        {"inputs": {"size": [1, 2], "colour": ["red", "blue"]}},
        {"inputs": [[1, "red"], [2, "blue"]]},
        {"instances": [{"size": 1, "colour": "red"}, {"size": 2, "colour": "blue"}]},
    ],
)
def test_inference_tables(request_: Any) -> None:
    """Every form of a request gives the same rows."""
    rows = inference_table.rows_of(logged(request_, {"predictions": [0.5, 0.25]}), NAMES)
    assert [(row["size"], row["colour"], row["guess"]) for row in rows] == [
        (1, "red", 0.5),
        (2, "blue", 0.25),
    ]
    assert [row["databricks_request_id"] for row in rows] == ["r1-0", "r1-1"]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (logged({}, {}, status_code=500), "status 500"),
        (logged({"inputs": [[1, "red"]]}, {"predictions": [1, 2]}), "1 rows, and the response 2"),
        (logged({"inputs": {"size": [1, 2], "colour": ["red"]}}, {"predictions": [1]}), "not of one length"),
        (logged({"inputs": [[1, "red"]]}, {"error_code": "BAD"}), "answered with an error"),
        (logged({}, {}, request=None), "it has no request"),
        (logged({}, {}, response="{"), "the response is no JSON"),
        (logged({"guess": 1}, {"predictions": [1]}), "'guess' is the name of two"),
    ],
)
def test_requests_without_rows(record: dict[str, Any], reason: str) -> None:
    """Each says why."""
    with pytest.raises(SourceError, match=reason):
        inference_table.rows_of(record, NAMES)
