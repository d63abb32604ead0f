"""A browser's session: a cookie that admits to reading, by the token that was signed in with.

The cookie is not the token: browsers send cookies to every port of a host, and what a session admits to is
reading alone. It is signed with the token's hash, so that every replica can check it, without a database
too, and it ends with the token. A reader of the hashes could forge one, and has the database already.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.access import Token

COOKIE = "tidegauge_session"
SESSION_SECONDS = 7 * 86_400
_SECOND = 1_000_000
_FORM = re.compile(r"([0-9a-f]{12})\.([0-9]{1,12})\.([0-9a-f]{64})")


def signed_session(token: Token, now: int) -> str:
    """Return the value of the cookie for a token, from `now` (UTC microseconds) on."""
    until = now // _SECOND + SESSION_SECONDS
    return f"{token.id}.{until}.{_signature(token, until)}"


def session_cookies(header: str) -> list[str]:
    """Return the values of this cookie in a header Cookie, whatever other cookies of the host look like.

    Other services on the same host, at any port, have theirs in it, and some of them are no proper ones.
    """
    pairs = (part.partition("=") for part in header.split(";"))
    return [value.strip().strip('"') for name, _, value in pairs if name.strip() == COOKIE]


def session_token(value: str, tokens: Mapping[str, Token], now: int) -> Token | None:
    """Return the token that a cookie's value stands for; None where it is none, has ended or is revoked."""
    found = _FORM.fullmatch(value)
    token = None if found is None else tokens.get(found[1])
    if found is None or token is None:
        return None
    until = int(found[2])
    same = hmac.compare_digest(found[3], _signature(token, until))
    return token if same and now // _SECOND < until else None


def _signature(token: Token, until: int) -> str:
    return hmac.new(token.digest, f"session:{token.id}:{until}".encode(), hashlib.sha256).hexdigest()
