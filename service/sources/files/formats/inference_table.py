"""Inference tables of Databricks and MLflow: a record per request, whose rows are in its JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.errors import SourceError
from service.sources.files.formats.exploded import joined, parsed, predictions_in, rows_in

if TYPE_CHECKING:
    from service.sources.files.formats.exploded import Names

OK = 200
_PAYLOADS = ("request", "response")
_IDS = ("databricks_request_id", "client_request_id", "invocation_id")  # of requests, not of what served them


def rows_of(record: dict[str, Any], names: Names) -> list[dict[str, Any]]:
    """Return a request's rows, each with its prediction. Raises SourceError where there are none."""
    status = record.get("status_code", OK)
    if not _is_ok(status):
        raise SourceError(f"the model answered with the status {status}")
    needed = _PAYLOADS if names.has_outputs else _PAYLOADS[:1]
    missing = [name for name in needed if record.get(name) is None]
    if missing:
        said = record.get("logging_error_codes")
        because = f", because of {', '.join(map(str, said))}" if isinstance(said, list) and said else ""
        raise SourceError(f"it has no {missing[0]}{because}; expected {' and '.join(needed)}")
    inputs = rows_in(parsed(record["request"], "request"), names)
    outputs: list[dict[str, Any]] = [{} for _ in inputs]
    if names.has_outputs:
        outputs = predictions_in(parsed(record["response"], "response"), names)
    shared = {name: cell for name, cell in record.items() if name not in _PAYLOADS}
    return joined(inputs, outputs, shared, numbered=_IDS)


def _is_ok(status: Any) -> bool:
    try:
        return float(status) == OK  # as an integer, as pandas writes it, or as a text
    except (TypeError, ValueError):
        return False
