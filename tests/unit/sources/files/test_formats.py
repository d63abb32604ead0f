"""Records of other tools' files, as those tools write them: their rows, and why others have none."""

from __future__ import annotations

import base64
import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from service.core.rows.batch import Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.files.config import FilesConfig
from service.sources.files.formats import bentoml, inference_table, sagemaker
from service.sources.files.formats.exploded import Names
from service.sources.files.formats.registry import FORMATS
from tests.unit.sources.files.folders import Watched

DATA = Path(__file__).parent / "data"
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


async def test_what_bentoml_really_writes(tmp_path: Path) -> None:
    """Recorded from a service of BentoML 1.4.39: its rows, their lists as columns; its schema has no row."""
    for name in ("bentoml_iris.log", "bentoml_schema.log", "bentoml_batch.log"):
        shutil.copy(DATA / name, tmp_path)
    names = ("sepal", "embedding-0", "embedding-1", "score")
    schema = Schema(
        (*(Column(name, Kind.NUMERICAL) for name in names), Column("kind", Kind.CATEGORICAL)),
        identity="request_id",
    )
    watched = Watched(tmp_path / "*.log*", {"format": "bentoml", "grows": True}, schema)
    take = await watched.take(watched.make())
    assert (take.batch.rows, take.rejected, take.events) == (9, 0, ())
    cells = {
        name: column.values.tolist()
        for name, column in take.batch.columns.items()
        if isinstance(column, Numbers)
    }
    nan = float("nan")
    expected = {
        "sepal": [1.5, 3.0, 4.5, 1.5, 2.5, 3.5, 4.5, 3.0, 3.0],
        "embedding-0": [nan, nan, nan, 1.5, 2.5, 3.5, 4.5, 3.0, 3.0],
        "embedding-1": [nan, nan, nan, 3.0, 5.0, 7.0, 9.0, 6.0, 6.0],
        "score": [0.5, 1.0, 1.5, 0.5, 2.5 / 3, 3.5 / 3, 1.5, nan, nan],
    }
    assert repr(cells) == repr(expected)
    assert take.batch.event_time[0] == 1_795_831_847_024_187  # its times have no zone


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
        (captured((*CSV, "1,red"), (*CSV, None)), "no data of endpointOutput.*`outputs: \\[\\]`"),
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


NUMBERS = Names(("a", "b"), ("guess",))


@pytest.mark.parametrize(
    ("given", "found", "guesses"),
    [
        ((*CSV, "69,0\n"), ("text/csv; charset=utf-8", "CSV", "0.0254181120544672"), [0.0254181120544672]),
        (("text/csv", "BASE64", "NjksMA=="), ("text/csv; charset=utf-8", "BASE64", "MC4y"), [0.2]),
        ((*CSV, "69,0\n70,1\n71,2"), ("text/csv; charset=utf-8", "CSV", "0.1,0.2,0.3"), [0.1, 0.2, 0.3]),
        ((*CSV, "69,0\n70,1"), ("text/csv; charset=utf-8", "CSV", "0.1\n0.2\n"), [0.1, 0.2]),
        (("csv", "BASE64", "NjksMA=="), ("application/vnd.shop+json", "BASE64", "MC4y"), [0.2]),
        (("text/csv; header=present", "CSV", "b,a\n0,69\n1,70"), (*CSV, "0.1\n0.2"), [0.1, 0.2]),
        (
            (*JSON, '{"instances": [{"features": [69, 0]}, {"features": [70, 1]}]}'),
            (*JSON, '{"predictions": [{"guess": 0.1, "predicted_label": 0}, {"guess": 0.2}]}'),
            [0.1, 0.2],
        ),
        ((*JSON, '{"data": {"features": {"values": [69, 0]}}}'), (*JSON, '{"guess": 0.1}'), [0.1]),
        ((*JSON, "[69, 0]"), (*JSON, "0.1"), [0.1]),
        (
            ("application/jsonlines", "JSON", '{"features": [69, 0]}\n{"features": [70, 1]}\n'),
            ("application/jsonlines", "JSON", '{"guess": 0.1}\n{"guess": 0.2}'),
            [0.1, 0.2],
        ),
        (
            ("application/jsonlines", "BASE64", base64.b64encode(b'{"a": 69, "b": 0}\n\n[70, 1]').decode()),
            ("application/x-jsonlines; charset=utf-8", "JSON", "0.1\n[0.2]"),
            [0.1, 0.2],
        ),
    ],
)  # fmt: skip
def test_captures_of_sagemakers_own_containers(given: Any, found: Any, guesses: list[float]) -> None:
    """As its documentation and its containers have them: each type and encoding gives the same rows."""
    rows = sagemaker.rows_of(captured(given, found), NUMBERS)
    assert [(float(row["a"]), float(row["b"])) for row in rows] == [
        (69 + place, place) for place in range(len(guesses))
    ]
    assert [float(row["guess"]) for row in rows] == guesses


def test_a_list_of_one_value_per_row() -> None:
    """As TensorFlow's container has it, with one name a list is rows; with as many names it is one row."""
    found = (*JSON, '{\n    "predictions": [3.5, 4.0\n    ]\n}')
    several = sagemaker.rows_of(captured((*JSON, '{"instances": [1.0, 2.0]}'), found), Names(("x",), ()))
    assert [(row["x"], row["prediction"]) for row in several] == [(1.0, 3.5), (2.0, 4.0)]
    names = Names(("a", "b"), ("c", "d"))
    (one,) = sagemaker.rows_of(captured((*JSON, '{"instances": [1.0, 2.0]}'), found), names)
    assert [one[name] for name in "abcd"] == [1.0, 2.0, 3.5, 4.0]


def array(values: Any, **more: Any) -> tuple[str, str, str]:
    file = io.BytesIO()
    np.save(file, np.asarray(values, **more))
    return "application/x-npy", "BASE64", base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("answers", [[0.1, 0.2], [[0.1], [0.2]]])
def test_sagemakers_predictors_send_arrays(order: Any, answers: Any) -> None:
    """Those of scikit-learn, PyTorch and MXNet do so by default, in NumPy's format."""
    given = array([[69, 0], [70, 1]], order=order, dtype=">i4")
    rows = sagemaker.rows_of(captured(given, array(answers)), NUMBERS)
    assert rows == [
        {"a": 69, "b": 0, "guess": 0.1, "eventId": "e1-0", "inferenceTime": "2026-07-01T10:00:00Z"},
        {"a": 70, "b": 1, "guess": 0.2, "eventId": "e1-1", "inferenceTime": "2026-07-01T10:00:00Z"},
    ]


def huge() -> tuple[str, str, str]:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "<f8", "fortran_order": False, "shape": (1 << 40, 2)}
    )
    return "application/x-npy", "BASE64", base64.b64encode(file.getvalue()).decode()


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (huge(), "content is of another size"),
        (array([[[1]]]), "3 dimensions"),
        (array(1), "0 dimensions"),
        (array([["a", None]], dtype=object), "array of object"),
        (("application/x-npy", "BASE64", "AAAA"), "no array of NumPy"),
        (("application/x-npy", "BASE64", "A"), "no Base64"),
        (("application/x-npy", "JSON", "[1]"), "no row|1 values without names"),
    ],
)
def test_arrays_that_cannot_be_used(given: Any, reason: str) -> None:
    """None is unpickled, and none takes more memory than it came in."""
    with pytest.raises(SourceError, match=reason):
        sagemaker.rows_of(captured(given, (*CSV, "1")), NUMBERS)


def test_several_scores_of_a_row() -> None:
    """XGBoost writes rows of scores as lists in a line of CSV; of one row as of several."""
    names = Names(("a",), ("no", "yes"))
    several = sagemaker.rows_of(captured((*CSV, "1\n2"), (*CSV, "[0.1, 0.9],[0.7, 0.3]")), names)
    one = sagemaker.rows_of(captured((*CSV, "1"), (*CSV, "[0.1, 0.9]")), names)
    assert [(row["no"], row["yes"]) for row in (*several, *one)] == [(0.1, 0.9), (0.7, 0.3), (0.1, 0.9)]


def test_a_monitor_of_inputs_alone() -> None:
    """With an empty `outputs` the responses are not read, whether they were captured or not."""
    names = Names(("size", "colour"), (), has_outputs=False)
    capture = captured((*CSV, "1,red\n2,blue"), (*CSV, "x,y,z"))
    for change in (lambda: None, lambda: capture["captureData"].pop("endpointOutput")):
        change()
        rows = sagemaker.rows_of(capture, names)
        assert [(row["size"], row["colour"]) for row in rows] == [("1", "red"), ("2", "blue")]
    request = {"dataframe_records": [{"size": 1}, {"size": 2}]}
    rows = inference_table.rows_of(logged(request, None, response=None), names)
    assert [row["size"] for row in rows] == [1, 2]


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


@pytest.mark.parametrize("status", [200, 200.0, "200", "200.0"])
def test_tables_of_the_gateway(status: Any) -> None:
    """Their own columns: what served a request keeps its id, whichever of the rows it served."""
    shared = {"client_request_id": None, "invocation_id": "i1", "served_entity_id": "e", "requester": "u"}
    request = {"dataframe_records": [{"size": 1}, {"size": 2}]}
    rows = inference_table.rows_of(
        logged(request, {"predictions": [1, 2], "databricks_output": {}}, status_code=status, **shared), NAMES
    )
    assert [row["invocation_id"] for row in rows] == ["i1-0", "i1-1"]
    assert {(row["served_entity_id"], row["requester"], row["client_request_id"]) for row in rows} == {
        ("e", "u", None)
    }


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (
            logged({}, {}, request=None, logging_error_codes=["MAX_REQUEST_SIZE_EXCEEDED"]),
            "it has no request, because of MAX_REQUEST_SIZE_EXCEEDED",
        ),
        (logged({}, {}, status_code=None), "status None"),
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
