"""Requests of OTLP in JSON: names in lowerCamelCase, 64-bit integers as texts, unknown fields ignored."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from service.core.rows.label_text import composed_name
from service.errors import UnreadableRowsError
from service.sources.http.table_limits import check_json
from service.sources.otlp.limits import check_records
from service.sources.otlp.records import LogRecord, Resource
from service.sources.otlp.values import MAX_DEPTH, TOO_DEEP, Fault, keyed

if TYPE_CHECKING:
    from service.sources.otlp.values import Value

Records = list[tuple[Resource, LogRecord]]


def read(content: bytes) -> Records:
    """Return the log records of a request. Raises UnreadableRowsError, and RowsTooLargeError."""
    check_json(content)
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnreadableRowsError(f"the content is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise UnreadableRowsError('the JSON is no object; expected {"resourceLogs": [...]}')
    records: Records = []
    for sent in _list(found, "resourceLogs"):
        resource = Resource(_attributes(_object(sent.get("resource"), "resource")))
        for scope in _list(sent, "scopeLogs"):
            for record in _list(scope, "logRecords"):
                records.append((resource, _record(record)))
                check_records(len(records))
    return records


def _record(record: dict[str, Any]) -> LogRecord:
    return LogRecord(
        _text(record, "eventName"),
        _nanoseconds(record, "timeUnixNano"),
        _nanoseconds(record, "observedTimeUnixNano"),
        _value(record.get("body"), 0),
        _attributes(record),
        _text(record, "traceId"),
        _text(record, "spanId"),
    )


def _attributes(holder: dict[str, Any], key: str = "attributes", depth: int = 0) -> dict[str, Value]:
    return keyed(
        (composed_name(_text(each, "key")), _value(each.get("value"), depth)) for each in _list(holder, key)
    )


def _value(value: Any, depth: int) -> Value:  # noqa: PLR0911 - one line a type
    held = {name: each for name, each in _object(value, "a value").items() if each is not None}
    if "stringValue" in held:
        return _text(held, "stringValue")
    if "boolValue" in held:
        if not isinstance(held["boolValue"], bool):
            raise UnreadableRowsError("boolValue is neither true nor false")
        return held["boolValue"]
    if "intValue" in held:
        return _whole(held, "intValue", -(2**63), 2**63 - 1)
    if "doubleValue" in held:
        return _number(held["doubleValue"])
    if "bytesValue" in held:
        return _bytes(held)
    if depth >= MAX_DEPTH and held.keys() & {"arrayValue", "kvlistValue"}:
        return Fault(TOO_DEEP)
    if "arrayValue" in held:
        inner = _object(held["arrayValue"], "arrayValue")
        return [_value(each, depth + 1) for each in _list(inner, "values")]
    if "kvlistValue" in held:
        return _attributes(_object(held["kvlistValue"], "kvlistValue"), "values", depth + 1)
    return None


def _list(holder: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = holder.get(key)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise UnreadableRowsError(f"{key} is no array of objects")
    return found


def _object(found: Any, name: str) -> dict[str, Any]:
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UnreadableRowsError(f"{name} is no object")
    return found


def _text(holder: dict[str, Any], key: str) -> str:
    found = holder.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise UnreadableRowsError(f"{key} is no text")
    return found


def _nanoseconds(record: dict[str, Any], key: str) -> int:
    return 0 if record.get(key) is None else _whole(record, key, 0, 2**64 - 1)


def _whole(holder: dict[str, Any], key: str, least: int, greatest: int) -> int:
    found = holder[key]
    try:
        whole = found if isinstance(found, int) else int(found) if isinstance(found, str) else None
    except ValueError:
        whole = None
    if whole is None or isinstance(found, bool) or not least <= whole <= greatest:
        raise UnreadableRowsError(f'{key} is no integer of 64 bits; expected one such as "3"')
    return whole


def _number(found: Any) -> float:
    try:
        return float("nan" if isinstance(found, bool | None) else found)
    except (TypeError, ValueError, OverflowError) as error:
        raise UnreadableRowsError("doubleValue is no number; expected one such as 0.9") from error


def _bytes(held: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(_text(held, "bytesValue"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise UnreadableRowsError("bytesValue is no base64") from error
