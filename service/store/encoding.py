"""How the core's values become Postgres's: instants, finite numbers, and text and JSON that it can hold."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from service.core.time_units import to_datetime
from service.errors import StoreError

if TYPE_CHECKING:
    from datetime import datetime


def instant(microseconds: int) -> datetime:
    """Return UTC microseconds since 1970 as a datetime, exactly.

    Raises StoreError outside the years 1 to 9999.
    """
    try:
        return to_datetime(microseconds)
    except OverflowError as error:
        raise StoreError(
            f"the instant {microseconds} µs after 1970 cannot be stored; expected the years 1 to 9999: "
            "correct the rows' timestamps (are they in microseconds?)"
        ) from error


def finite(number: float | None) -> float | None:
    """Return a number that charts can show, None for NaN and the infinities."""
    return None if number is None or not math.isfinite(number) else number


def text(value: str) -> str:
    """Return text that Postgres can hold: U+FFFD replaces NUL and half a surrogate pair."""
    if value.isascii() and "\x00" not in value:
        return value
    return "".join("\ufffd" if char == "\x00" or "\ud800" <= char <= "\udfff" else char for char in value)


def to_json(value: Any) -> str:
    """Return JSON that jsonb can hold; what JSON has no form for is kept as its text (NaN as "NaN")."""
    try:
        plain = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return json.dumps(_plain(value))
    # Escapes of NUL and of surrogates are valid JSON, but no text for Postgres.
    return json.dumps(_plain(value)) if "\\u0000" in plain or "\\ud" in plain else plain


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return text(value)
    if isinstance(value, bool | int) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {text(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return text(str(value))
