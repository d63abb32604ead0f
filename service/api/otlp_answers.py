"""Answers of OTLP/HTTP, in JSON or protobuf as the request was: what was taken, or why nothing was.

They are two small messages, ExportLogsServiceResponse and google.rpc.Status, which are written here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fastapi import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
INVALID, EXHAUSTED, INTERNAL, UNAVAILABLE, NOT_FOUND = 3, 8, 13, 14, 5  # of google.rpc.Code
CODES = {400: INVALID, 404: NOT_FOUND, 409: 9, 413: EXHAUSTED, 415: INVALID, 429: EXHAUSTED, 503: UNAVAILABLE}


def taken(rejected: int, message: str, *, is_json: bool) -> Response:
    """Return the answer to a request of which `rejected` records were rejected; empty where all is well."""
    if is_json:
        partial = {"rejectedLogRecords": str(rejected)} if rejected else {}
        partial |= {"errorMessage": message} if message else {}
        return _answer({"partialSuccess": partial} if partial else {}, 200)
    partial_success = _number(1, rejected) + _bytes(2, message.encode(errors="replace"))
    return Response(_bytes(1, partial_success), 200, media_type=PROTOBUF)


def refused(
    status: int, message: str, *, is_json: bool, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer to a request of which nothing was taken."""
    code = CODES.get(status, INTERNAL)
    if is_json:
        return _answer({"code": code, "message": message}, status, headers)
    content = _number(1, code) + _bytes(2, message.encode(errors="replace"))
    return Response(content, status, dict(headers or {}), media_type=PROTOBUF)


def _answer(content: object, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(content), status, dict(headers or {}), media_type=JSON)


def _number(field: int, value: int) -> bytes:
    return bytes([field << 3]) + _varint(value) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(value)) + value if value else b""


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits per byte
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
