"""Bodies of requests and responses as columns: Open Inference Protocol v2, and KServe v1."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from service.errors import UnreadableRowsError
from service.sources.kserve.columns import Columns, Naming, Side
from service.sources.kserve.payloads import MAX_EXPANDED, read

NAMED = Naming(features=("a", "b"), outputs=("y",))


def tensor(name: str, shape: Any, data: Any, datatype: Any = "FP64", **more: Any) -> dict[str, Any]:
    return {"name": name, "shape": shape, "datatype": datatype, "data": data} | more


def of(content: Any, side: Side = Side.REQUEST, naming: Naming = NAMED) -> Columns:
    return read(content if isinstance(content, bytes) else json.dumps(content).encode(), side, naming)


def inputs(*tensors: dict[str, Any], naming: Naming | None = None) -> dict[str, list[Any]]:
    return of({"inputs": list(tensors)}, naming=naming or Naming()).cells


def test_tensors_of_equal_length_are_a_column_each() -> None:
    """A tensor of shape [n] or [n, 1] has its own name; a wider one has the place behind it."""
    found = inputs(
        tensor("size", [2], [1, 2.5]),
        tensor("colour", [2, 1], ["red", None], "BYTES"),
        tensor("flat", [2, 3], [1, 2, 3, 4, 5, 6], "INT64"),
        tensor("nested", [2, 2], [[True, 0], [1, False]], "BOOL"),
    )
    assert found == {
        "size": [1.0, 2.5],
        "colour": ["red", None],
        "flat-0": [1, 4],
        "flat-1": [2, 5],
        "flat-2": [3, 6],
        "nested-0": [True, True],
        "nested-1": [False, False],
    }


def test_columns_of_a_single_tensor_are_named_by_the_monitor_file() -> None:
    """As most servers of scikit-learn models give one tensor without a name for each column."""
    assert inputs(tensor("input-0", [2, 2], [1, 2, 3, 4]), naming=NAMED) == {"a": [1.0, 3.0], "b": [2.0, 4.0]}
    found = of({"outputs": [tensor("predict", [2, 1], [0, 1], "INT32")]}, Side.RESPONSE)
    assert found.cells == {"y": [0, 1]}


def test_what_is_not_watched_is_not_kept() -> None:
    """Only its name is: images and other tensors of many dimensions may come along."""
    naming = Naming(wanted=frozenset({"size"}))
    found = of(
        {"inputs": [tensor("size", [1], [1]), tensor("image", [1, 2, 2], [1, 2, 3, 4])]}, naming=naming
    )
    assert (found.cells, found.names, found.rows) == ({"size": [1.0]}, ("size", "image"), 1)


@pytest.mark.parametrize(
    ("instances", "naming", "cells"),
    [
        ([[1, "x"], [2, "y"]], NAMED, {"a": [1, 2], "b": ["x", "y"]}),
        ([[1, "x"]], Naming(), {"instance-0": [1], "instance-1": ["x"]}),
        ([{"a": 1}, {"b": 2}], Naming(), {"a": [1, None], "b": [None, 2]}),
        ([5, 6], Naming(), {"instance": [5, 6]}),
    ],
)
def test_instances_are_rows(instances: list[Any], naming: Naming, cells: dict[str, list[Any]]) -> None:
    """Lists by their places, objects by their keys, single values as one column."""
    assert of({"instances": instances}, naming=naming).cells == cells


def test_predictions_are_rows() -> None:
    """Single values are the column `prediction`, unless the monitor file names them."""
    assert of({"predictions": [1, 2]}, Side.RESPONSE).cells == {"y": [1, 2]}
    assert of({"predictions": [1, 2]}, Side.RESPONSE, Naming()).cells == {"prediction": [1, 2]}
    found = of({"predictions": [{"label": "a", "score": 0.5}]}, Side.RESPONSE, Naming())
    assert found.cells == {"label": ["a"], "score": [0.5]}


def test_a_compressed_body_is_decompressed() -> None:
    """The logger passes on what the client sent: gzip is known by its first bytes."""
    body = gzip.compress(json.dumps({"instances": [[1, 2]]}).encode())
    assert of(body).cells == {"a": [1], "b": [2]}


REFUSED: list[tuple[Any, str]] = [
    (b"", "body is empty"),
    (b" \n", "body is empty"),
    (b"\x1f\x8b\x08", "ends too early"),
    (gzip.compress(b"{}", mtime=0)[:-9], "ends too early"),
    (gzip.compress(b"{}", mtime=0) + b"{}", "has bytes behind its compressed content"),
    (b"\x1f\x8b{}", "begins like gzip, and cannot be decompressed"),
    (gzip.compress(bytes(MAX_EXPANDED + 1)), "is more than 16 MiB when it is decompressed"),
    (gzip.compress(b"size=1", mtime=0), "is no JSON: Expecting value"),
    (b"size=1", "is no JSON: Expecting value"),
    (
        b'{"inputs": [{"name": "a", "parameters": {"binary_data_size": 8}}]}\x00\x01',
        "in binary (the binary data extension); expected data as JSON: the client has to",
    ),
    (b'{"inputs": [], "inputs": []}', "is no JSON"),
    ([1], "is no object"),
    ({}, "it has nothing"),
    ({"messages": []}, "it has 'messages'"),
    ({"inputs": []}, "neither inputs"),
    ({"inputs": {"a": 1}}, "neither inputs"),
    ({"instances": []}, "is not a list of rows"),
    ({"instances": {"a": 1}}, "is not a list of rows"),
    ({"instances": [[1, 2], [3]]}, "row 1 of instances has 1 values; expected 2, as `features`"),
    ({"instances": [[1, 2], 3]}, "lists in some rows"),
    ({"instances": [{"a": 1}, [1, 2]]}, "objects in some rows"),
    ({"inputs": [tensor("", [1], [1])]}, "has no name"),
    ({"inputs": [tensor("a", [0], [])]}, "'a' has no rows"),
    ({"inputs": [tensor("a", [-1], [1])]}, "has no shape"),
    ({"inputs": [tensor("a", [True], [1])]}, "has no shape"),
    ({"inputs": [tensor("a", [], [1])]}, "has no shape"),
    ({"inputs": [tensor("a", [2, 2], [1, 2, 3])]}, "'a' has 3 values; expected 4"),
    ({"inputs": [tensor("a", [2, 2], [[1, 2], [3]])]}, "is not nested as its shape [2, 2]"),
    ({"inputs": [tensor("a", [1, 3], [1, 2, 3])]}, "'a' of inputs has 3 columns; expected 2"),
    ({"inputs": [tensor("a", [1], None)]}, "has no data"),
    ({"inputs": [tensor("a", [1], None, parameters={"binary_data_size": 8})]}, "comes in binary"),
    ({"inputs": [tensor("a", [1, 2], [1, 2], "FP8")]}, "of the datatype 'FP8'; expected BOOL"),
    ({"inputs": [tensor("a", [1, 2], [1, 2], {"a": 1})]}, "of the datatype"),
    ({"inputs": [tensor("a", [1, 2], [1, "x"])]}, "'a' has a value that is no FP64"),
    ({"inputs": [tensor("a", [1, 2], [1, 2.5], "INT64")]}, "no INT64"),
    ({"inputs": [tensor("a", [1, 2], [1, True], "INT64")]}, "no INT64"),
    ({"inputs": [tensor("a", [1, 2], [1, 2], "BOOL")]}, "no BOOL"),
    ({"inputs": [tensor("a", [1, 2], ["x", 2], "BYTES")]}, "no BYTES"),
    ({"inputs": [tensor("a", [1, 2], [10**400, 2])]}, "no FP64"),
    ({"inputs": [tensor("a", [1], [1]), tensor("b", [2], [1, 2])]}, "unequal lengths: 'a' has 1 rows"),
    ({"inputs": [tensor("a", [1], [1]), tensor("a", [1], [1])]}, "2 tensors with names of their own"),
    ({"inputs": [tensor("a", [1], [1]), tensor("c", [1], [1])]}, "2 tensors with names of their own"),
]


@pytest.mark.parametrize(("content", "reason"), REFUSED)
def test_every_other_body_is_refused_by_name(content: Any, reason: str) -> None:
    """The message says what is wrong, and holds no cell."""
    with pytest.raises(UnreadableRowsError) as caught:
        of(content)
    assert reason in str(caught.value)


def test_a_tensor_of_three_dimensions_that_is_watched_is_refused() -> None:
    """A watched column is never missing in silence."""
    naming = Naming(wanted=frozenset({"image-3"}))
    with pytest.raises(UnreadableRowsError, match="'image' has the shape"):
        of({"inputs": [tensor("image", [1, 2, 2], [1, 2, 3, 4])]}, naming=naming)


def test_a_tensor_twice_is_refused() -> None:
    """Neither of the two is taken for the other."""
    with pytest.raises(UnreadableRowsError, match="inputs have 'a' more than once"):
        inputs(tensor("a", [1], [1]), tensor("a", [1], [1]))
