"""Read requests of OTLP/HTTP for logs, in JSON or protobuf, compressed or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import UnknownFormatError
from service.sources.http.content_types import decompressed
from service.sources.http.table_limits import MAX_BYTES
from service.sources.otlp import json_logs, protobuf_logs
from service.sources.otlp.records import grouped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.inbox import PushedEvent

JSON = "application/json"
PROTOBUF = "application/x-protobuf"


def decoded(headers: Mapping[str, str], body: bytes) -> Sequence[PushedEvent]:
    """Return the log records of a request, by service and event; `headers` by lower-case name.

    Raises IntakeError where they cannot be read, or are too many.
    """
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    read = {JSON: json_logs.read, PROTOBUF: protobuf_logs.read}.get(content_type)
    if read is None:
        raise UnknownFormatError(
            f"the content type is {content_type[:100] or 'not given'}; expected {PROTOBUF} or {JSON}"
        )
    return grouped(read(decompressed(body, headers.get("content-encoding", ""), MAX_BYTES)))
