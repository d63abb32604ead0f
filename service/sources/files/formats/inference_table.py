"""Inference tables of Databricks and MLflow: a record per request, whose rows are in its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.files.formats.exploded import joined, parsed, predictions_in, rows_in

if TYPE_CHECKING:
    from service.sources.files.formats.exploded import Names

OK = 200
_PAYLOADS = ("request", "response")


def rows_of(record: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    """Return a request's rows, each with its prediction. Raises SourceError where there are none."""
    status = record.get("status_code", OK)
    if str(status) != str(OK):
        raise SourceError(f"the model answered with the status {status}")
    missing = [name for name in _PAYLOADS if record.get(name) is None]
    if missing:
        raise SourceError(f"it has no {missing[0]}; expected request and response")
    inputs = rows_in(parsed(record["request"], "request"), names)
    outputs = predictions_in(parsed(record["response"], "response"), names)
    return joined(inputs, outputs, {name: cell for name, cell in record.items() if name not in _PAYLOADS})
