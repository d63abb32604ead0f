"""Translate the driver's errors into StoreError: what was tried, what the database said."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import asyncpg

from service.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

# All that asyncpg raises for a refusal, a lost connection or a wrong use; TimeoutError is an OSError.
DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise StoreError, with what was being done, for any error of the driver in the block."""
    try:
        yield
    except DRIVER_ERRORS as error:
        raise StoreError(f"{doing}: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """Return an error's message in one line; a timeout has none of its own."""
    text = " ".join(str(error).split())
    if isinstance(error, TimeoutError):
        return f"no answer in time{f' ({text})' if text else ''}"
    if isinstance(error, asyncpg.LockNotAvailableError):
        return f"{text}: another session holds a lock on the table; /readyz names it"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{text}; `tidegauge check` says which GRANT an administrator has to run"
    detail = getattr(error, "detail", None)
    return f"{text or type(error).__name__}{f' ({detail})' if detail else ''}"
