"""Encode an event as Standard Webhooks defines it, for which most languages have a verifier.

A JSON body with `type`, `timestamp` and `data`, and the headers `webhook-id`, `webhook-timestamp` (seconds)
and `webhook-signature` (www.standardwebhooks.com).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.store.tables.webhook_outbox import Outgoing


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
            **({"story": event.story} if event.story else {}),
            **event.details,
        },
    }
    return json.dumps(content, separators=(",", ":")).encode()
