"""What a webhook is sent: the form of Standard Webhooks, for which most languages have a verifier.

A JSON body with `type`, `timestamp` and `data`, and the headers `webhook-id`, `webhook-timestamp` (seconds)
and `webhook-signature` (www.standardwebhooks.com).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.store.tables.webhook_outbox import Outgoing

SECRET_PREFIX = "whsec_"  # noqa: S105 - how the standard marks a secret that is base64


def key_of(secret: str) -> bytes:
    """Return the signing key of a secret: behind `whsec_` it is base64, otherwise the text itself.

    Raises ValueError where it is no base64.
    """
    if secret.startswith(SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


def signature(key: bytes, name: str, seconds: int, body: bytes) -> str:
    """Return the signature of a message: HMAC-SHA256 of id, time and body, as Standard Webhooks has it."""
    signed = b".".join((name.encode(), str(seconds).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"


def body_of(event: Outgoing) -> bytes:
    """Return an event as the JSON that is posted."""
    content = {
        "type": f"tidegauge.{event.kind}",
        "timestamp": event.recorded_at.isoformat(),
        "data": {
            "id": event.id,
            "monitor": event.monitor,
            "at": event.at.isoformat(),
            "column": event.column_name,
            "metric": event.metric,
            "message": event.message,
            **event.details,
        },
    }
    return json.dumps(content, separators=(",", ":")).encode()
