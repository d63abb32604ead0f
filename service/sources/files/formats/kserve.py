"""Objects that the logger of KServe's agent writes: JSON from 0.16 on, also CSV and Parquet from 0.17 on.

An object holds one event or a batch of them. Its fields are named alike in all forms but for upper case and
underscores; the payload is Base64, in a column of bytes as it is.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

from service.core.inbox import PushedEvent
from service.errors import SourceError
from service.sources.kserve.events import FORM

if TYPE_CHECKING:
    from collections.abc import Mapping

_ATTRIBUTES = {
    "id": "id",
    "type": "reqtype",
    "datacontenttype": "contenttype",
    "inferenceservicename": "inferenceservice",
    "namespace": "namespace",
    "component": "component",
}
_NEEDED = {"id": "Id", "reqtype": "ReqType", "bytes": "Bytes"}


def event_of(record: Mapping[str, Any]) -> PushedEvent:
    """Return the event that a record is, with the attributes of a CloudEvent. Raises SourceError."""
    fields = {name.lower().replace("_", ""): value for name, value in record.items()}
    if len(fields) < len(record):
        raise SourceError("a field is in it more than once, in other letters; expected what the agent writes")
    missing = [shown for name, shown in _NEEDED.items() if name not in fields]
    if missing:
        raise SourceError(
            f"it has no {missing[0]}: it is no event of KServe's logger; expected an object that its agent "
            "wrote, with Id, ReqType and Bytes"
        )
    attributes = {}
    for name, field in _ATTRIBUTES.items():
        value = fields.get(field)
        if value is not None and not isinstance(value, str):
            raise SourceError(f"its {_shown(field)} is no text, but {type(value).__name__}")
        if value:
            attributes[name] = value
    for name in ("id", "type"):
        if name not in attributes:
            raise SourceError(f"its {_shown(_ATTRIBUTES[name])} is empty; expected that of an event")
    return PushedEvent(FORM, attributes["id"], attributes, _body(fields["bytes"]))


def _body(content: Any) -> bytes:
    if content is None or isinstance(content, bytes):
        return content or b""
    try:
        return base64.b64decode(content, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise SourceError("its Bytes are no Base64; expected the payload as the agent writes it") from error


def _shown(field: str) -> str:
    return _NEEDED.get(field, field)
