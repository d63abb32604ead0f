"""Requests of OTLP in both forms, and the receiver of a monitor."""

from __future__ import annotations

import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from service.core.rows.masking import Masking, RowMask
from service.core.rows.schema import Column, Kind, Schema
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.otlp.events import decoded
from service.sources.otlp.receiver import TIME, OtlpReceiver, Watched
from service.sources.otlp.records import LogEvent
from service.sources.table_format import PLAIN

JSON = {"content-type": "application/json"}
PROTOBUF = {"content-type": "application/x-protobuf"}
AT = 1_767_225_600_000_000_000  # 2026-01-01, nanoseconds
SCHEMA = Schema((Column("score", Kind.NUMERICAL), Column("country", Kind.CATEGORICAL)), identity="key")


def attributes(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return attributes; each value is an AnyValue."""
    return [{"key": name, "value": value} for name, value in values.items()]


def record(values: dict[str, Any], name: str = "prediction", **more: Any) -> dict[str, Any]:
    """Return a log record."""
    known = {"timeUnixNano": str(AT), "eventName": name, "attributes": attributes(values)}
    return known | more


def request(*records: dict[str, Any], service: str = "iris") -> dict[str, Any]:
    """Return a request of one service."""
    resource = {"attributes": attributes({"service.name": {"stringValue": service}})}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": list(records)}]}]}


def events(*records: dict[str, Any]) -> list[LogEvent]:
    """Return the events of a request in JSON."""
    found = decoded(JSON, json.dumps(request(*records)).encode())
    assert all(isinstance(each, LogEvent) for each in found)
    return [each for each in found if isinstance(each, LogEvent)]


def protobuf(content: dict[str, Any]) -> bytes:
    """Return a request in protobuf, made by OpenTelemetry's own classes."""
    made = json_format.ParseDict(content, ExportLogsServiceRequest())
    return bytes(made.SerializeToString())


def receiver(
    schema: Schema = SCHEMA,
    *,
    timestamp: str | None = None,
    event: str = "prediction",
    service: str | None = None,
    masked: frozenset[str] = frozenset(),
    name: str = "toy",
) -> OtlpReceiver:
    """Return what reads the predictions of a monitor."""
    masking = RowMask(Masking(masked, b"a key of sixteen bytes"), dict)
    shape = RowShape(schema, timestamp or TIME, PLAIN)
    return OtlpReceiver(HttpReceiver(name, shape, masking, 60_000_000, None), Watched(event, service))
