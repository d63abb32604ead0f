"""Sign a message as Standard Webhooks does (www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import hashlib
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105 - how the standard marks a secret that is base64


def key_of(secret: str) -> bytes:
    """Return the signing key of a secret: behind `whsec_` it is base64, otherwise the text itself.

    Raises ValueError where that is not base64.
    """
    if secret.startswith(SECRET_PREFIX):
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    return secret.encode()


def signature(key: bytes, name: str, seconds: int, body: bytes) -> str:
    """Return the signature of a message: HMAC-SHA256 of id, time and body, as Standard Webhooks has it."""
    signed = b".".join((name.encode(), str(seconds).encode(), body))
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"
