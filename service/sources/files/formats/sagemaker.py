"""SageMaker's data capture: a line per request, with what went in and came out as CSV, JSON or Base64."""

from __future__ import annotations

import base64
import csv
import io
from typing import TYPE_CHECKING, Any

from service.errors import SourceError
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

_IDS = ("eventId", "inferenceId", "inferenceTime")


def rows_of(record: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    """Return a request's rows, each with its prediction. Raises SourceError where there are none."""
    capture, event = record.get("captureData"), record.get("eventMetadata")
    if not isinstance(capture, dict) or not isinstance(event, dict):
        raise SourceError("it has no captureData and eventMetadata: it is no data capture")
    inputs = _side(capture, "endpointInput", names)
    outputs = _side(capture, "endpointOutput", names)
    return joined(inputs, outputs, {name: event[name] for name in _IDS if name in event})


def _side(capture: dict[str, Any], side: str, names: Names) -> list[dict[str, Any]]:
    found = capture.get(side)
    if not isinstance(found, dict) or found.get("data") is None:
        raise SourceError(f"it has no data of {side}; both sides have to be captured")
    is_input = side == "endpointInput"
    data, encoding = found["data"], str(found.get("encoding", "")).upper()
    kind = str(found.get("observedContentType", "")).lower()
    if encoding == "BASE64":
        try:
            data = base64.b64decode(data, validate=True).decode()
        except ValueError as error:
            raise SourceError(f"{side}: its Base64 is of no text: {error}") from error
        encoding = "CSV" if "csv" in kind else "JSON" if "json" in kind else kind or "unknown"
    if encoding == "CSV":
        called = names.inputs if is_input else names.outputs or (PREDICTION,)
        rows = [row for row in csv.reader(io.StringIO(str(data), newline="")) if row]
        key = "inputs" if is_input else "outputs"
        return named([[cell or None for cell in row] for row in rows], called, side, key)
    if encoding == "JSON":
        content = parsed(data, side)
        return rows_in(content, names) if is_input else predictions_in(content, names)
    raise SourceError(f"{side}: it is {encoding}; expected CSV or JSON")
