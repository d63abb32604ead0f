"""SageMaker's data capture: a line per request, with what went in and came out as CSV, JSON or Base64."""

from __future__ import annotations

import base64
import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.files.formats import numpy_array
from service.sources.files.formats.exploded import (
    PREDICTION,
    joined,
    named,
    parsed,
    predictions_in,
    rows_in,
)

if TYPE_CHECKING:
    from service.sources.files.formats.exploded import Names

    Rows = list[dict[str, Any]]

_IDS = ("eventId", "inferenceId", "inferenceTime")
_INPUT, _OUTPUT = "endpointInput", "endpointOutput"
_JSON_LINES = frozenset({"jsonlines", "x-jsonlines", "jsonl", "x-jsonl", "ndjson", "x-ndjson"})


@dataclass(frozen=True, slots=True)
class _Side:
    """What went in or came out.

    - `name`: which of the two
    - `data`: as text, or as bytes where it is none
    - `kind`: `csv`, `json`, `json lines`, `npy`, or what else its type says
    - `has_header`: whether its first line is the names of columns
    """

    name: str
    data: str | bytes
    kind: str
    has_header: bool = False


def rows_of(record: dict[str, Any], names: Names) -> Rows:
    """Return a request's rows, each with its prediction. Raises SourceError where there are none."""
    capture, event = record.get("captureData"), record.get("eventMetadata")
    if not isinstance(capture, dict) or not isinstance(event, dict):
        raise SourceError("it has no captureData and eventMetadata: it is no data capture")
    inputs = _inputs(_side(capture, _INPUT), names)
    outputs: Rows = [{} for _ in inputs]
    if names.has_outputs:
        outputs = _outputs(_side(capture, _OUTPUT), names, len(inputs))
    return joined(inputs, outputs, {name: event[name] for name in _IDS if name in event}, numbered=_IDS[:2])


def _side(capture: dict[str, Any], name: str) -> _Side:
    found = capture.get(name)
    if not isinstance(found, dict) or found.get("data") is None:
        hint = "; for a monitor without predictions write `outputs: []`" if name == _OUTPUT else ""
        raise SourceError(f"it has no data of {name}; both sides have to be captured{hint}")
    media, *parameters = str(found.get("observedContentType", "")).lower().replace(" ", "").split(";")
    subtype = media.rpartition("/")[2]  # some senders say `csv` alone
    encoding = str(found.get("encoding", "")).upper()
    sent = str(found["data"])
    data: str | bytes = sent
    if encoding == "BASE64":
        read = _bytes(name, sent)
        data = read if subtype == "x-npy" else _text(name, read)
        encoding = "CSV" if "csv" in subtype else "JSON" if "json" in subtype else ""
    if encoding == "CSV":
        return _Side(name, data, "csv", has_header="header=present" in parameters)
    if encoding == "JSON":
        return _Side(name, data, "json lines" if subtype in _JSON_LINES else "json")
    kind = "npy" if subtype == "x-npy" else str(found.get("observedContentType") or encoding or "unknown")
    return _Side(name, data, kind)


def _bytes(name: str, data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError as error:
        raise SourceError(f"{name}: it is no Base64: {error}") from error


def _text(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except ValueError as error:
        raise SourceError(f"{name}: its Base64 is of no text: {error}") from error


def _inputs(side: _Side, names: Names) -> Rows:
    match side.kind:
        case "csv":
            return _csv_rows(side, names.inputs, "inputs")
        case "json":
            found = rows_in(parsed(side.data, side.name), names)
        case "json lines":
            found = [row for line in _lines(side) for row in rows_in(line, names)]
        case _:
            return _array_rows(side, names.inputs, "inputs")
    return [row for each in found for row in _featured(each, names)]


def _outputs(side: _Side, names: Names, rows: int) -> Rows:
    called = names.outputs or (PREDICTION,)
    match side.kind:
        case "csv":
            return _csv_rows(side, called, "outputs", rows)
        case "json":
            return predictions_in(parsed(side.data, side.name), names)
        case "json lines":
            return [row for line in _lines(side) for row in predictions_in(line, names)]
        case _:
            return _array_rows(side, called, "outputs")


def _lines(side: _Side) -> list[Any]:
    lines = [parsed(line, side.name) for line in str(side.data).split("\n") if line.strip()]
    return [[line] if isinstance(line, list) else line for line in lines]  # a list is the row of its line


def _csv_rows(side: _Side, called: tuple[str, ...], key: str, rows: int | None = None) -> Rows:
    text = str(side.data)
    if text.startswith("["):  # XGBoost's rows of several scores: `[0.1, 0.9],[0.7, 0.3]`
        return named(parsed(f"[{text}]", side.name), called, side.name, key)
    lines = [line for line in csv.reader(io.StringIO(text, newline="")) if line]
    if side.has_header and lines:
        called = tuple(name.strip() for name in lines.pop(0))
    elif len(lines) == 1 and rows == len(lines[0]) > len(called) == 1:  # XGBoost's scores of several rows
        lines = [[cell] for cell in lines[0]]
    return named([[cell or None for cell in line] for line in lines], called, side.name, key)


def _array_rows(side: _Side, called: tuple[str, ...], key: str) -> Rows:
    if side.kind != "npy" or not isinstance(side.data, bytes):
        raise SourceError(
            f"{side.name}: it is {side.kind}; expected CSV, JSON, JSON lines or application/x-npy"
        )
    return named(numpy_array.rows_of(side.data, side.name), called, side.name, key)


def _featured(row: dict[str, Any], names: Names) -> Rows:
    """Return a row of SageMaker's own algorithms, whose values are one list, as cells with names."""
    held = row.get("data", row) if row.keys() == {"data"} else row
    if not isinstance(held, dict) or held.keys() != {"features"}:
        return [row]
    features = held["features"]
    if isinstance(features, dict) and features.keys() == {"values"}:
        features = features["values"]
    return named([features], names.inputs, _INPUT, "inputs") if isinstance(features, list) else [row]
