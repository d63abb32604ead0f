"""Options of an object store, in which secrets are named and never written."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from service.sources.secret import secret_of

_SECRET = frozenset(
    {"secret", "token", "password", "secret_key", "account_key", "sas_token", "client_secret",
     "connection_string", "credential", "aws_secret_access_key", "aws_session_token"}
)  # fmt: skip


def with_secrets(written: Any) -> Any:
    """Return options with their secrets read. Raises ValueError where one is written out."""
    if not isinstance(written, dict):
        return written
    found = {}
    for name, value in written.items():
        is_named = isinstance(value, str) and value.strip().startswith("${")
        is_file = isinstance(value, dict) and set(value) == {"file"}
        if is_named or is_file or name in _SECRET:
            try:
                secret = secret_of(value)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
            found[name] = secret if isinstance(secret, SecretStr) else SecretStr(secret)
        else:
            found[name] = with_secrets(value)
    return found


def revealed(options: dict[str, Any]) -> dict[str, Any]:
    """Return options with their secrets' values."""
    return {
        name: value.get_secret_value()
        if isinstance(value, SecretStr)
        else revealed(value)
        if isinstance(value, dict)
        else value
        for name, value in options.items()
    }
