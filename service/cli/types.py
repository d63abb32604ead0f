"""The types of arguments: what each accepts, and what it says of anything else."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime


def positive(text: str) -> int:
    """Return a whole number from 1. Raises ArgumentTypeError."""
    number = int(text) if text.isascii() and text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1, got {text}")
    return number


def pair(text: str) -> tuple[str, str]:
    """Return the name and the value of NAME=VALUE. Raises ArgumentTypeError."""
    name, found, value = text.rpartition("=")
    if not found or not name or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text}")
    return name, value


def limit(text: str) -> tuple[str, float]:
    """Return the metric and the number of METRIC=NUMBER. Raises ArgumentTypeError."""
    name, value = pair(text)
    try:
        return name, float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected METRIC=NUMBER such as mae=1.5, got {text}") from None


def instant(text: str) -> datetime:
    """Return an ISO 8601 time; without a zone it is UTC. Raises ArgumentTypeError."""
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected an ISO 8601 time such as 2026-01-31T00:00:00Z, got {text}"
        ) from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
