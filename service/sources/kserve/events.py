"""CloudEvents 1.0 as KServe's logger and others send them by HTTP: binary, structured and batched mode."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from service.core.inbox import PushedEvent
from service.errors import RowsTooLargeError, UnreadableRowsError

if TYPE_CHECKING:
    from collections.abc import Mapping

FORM = "kserve"
PREFIX = "ce-"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
NEEDED = ("specversion", "id", "type", "source")
MAX_EVENTS = 10_000  # of a batch
MAX_ATTRIBUTE = 2_000  # characters


def decoded(headers: Mapping[str, str], body: bytes) -> list[PushedEvent]:
    """Return the events of a request; `headers` by lower-case name. Raises IntakeError where it has none."""
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == STRUCTURED:
        return [_structured(_json(body))]
    if content_type == BATCH:
        events = _json(body)
        if not isinstance(events, list) or not events:
            raise UnreadableRowsError(f"the content of {BATCH} is no array of events")
        if len(events) > MAX_EVENTS:
            raise RowsTooLargeError(f"the batch has {len(events):,} events; expected {MAX_EVENTS:,} at most")
        return [_structured(each) for each in events]
    attributes = {
        name.removeprefix(PREFIX): _text(value) for name, value in headers.items() if name.startswith(PREFIX)
    }
    attributes["datacontenttype"] = content_type
    return [_event(attributes, body, "the headers lack Ce-")]


def _text(value: str) -> str:
    """Return a header as it was meant: the agent sends UTF-8, and quotes nothing."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def _structured(content: Any) -> PushedEvent:
    if not isinstance(content, dict):
        raise UnreadableRowsError("an event of the content is no JSON object")
    attributes = {
        name.lower(): value if isinstance(value, str) else json.dumps(value)
        for name, value in content.items()
        if name not in {"data", "data_base64"} and value is not None
    }
    return _event(attributes, _data(content), "the event lacks ")


def _data(content: dict[str, Any]) -> bytes:
    encoded, data = content.get("data_base64"), content.get("data")
    if encoded is not None:
        try:
            return base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise UnreadableRowsError("data_base64 of an event is no base64") from error
    if data is None:
        return b""
    return data.encode(errors="surrogatepass") if isinstance(data, str) else json.dumps(data).encode()


def _event(attributes: dict[str, str], body: bytes, lacks: str) -> PushedEvent:
    missing = [name for name in NEEDED if not attributes.get(name)]
    if missing:
        raise UnreadableRowsError(
            f"no CloudEvent: {lacks}{missing[0]}; expected version 1.0 in binary mode (the headers Ce-Id, "
            f"Ce-Type, Ce-Source and Ce-Specversion), {STRUCTURED} or {BATCH}"
        )
    if not attributes["specversion"].startswith("1."):
        raise UnreadableRowsError(
            f"the event is of version {attributes['specversion'][:40]!r} of CloudEvents; expected 1.0"
        )
    for name, value in attributes.items():
        if len(value) > MAX_ATTRIBUTE and name not in {"metadata", "annotations"}:
            raise UnreadableRowsError(
                f"{name[:40]} of the event has {len(value):,} characters; expected {MAX_ATTRIBUTE:,} at most"
            )
    return PushedEvent(FORM, _subject(attributes), attributes, body)


def _subject(attributes: Mapping[str, str]) -> str:
    names = (attributes.get("namespace"), attributes.get("inferenceservicename"))
    return "/".join(name for name in names if name) or "(no Ce-Inferenceservicename)"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableRowsError(f"the content is no JSON: {error}") from error
