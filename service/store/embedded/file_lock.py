"""File locks that the kernel releases when their holder dies, however it dies.

A lock lives as long as any process has the descriptor it was taken on: a server that inherits one holds it
with all its own processes, in whatever process namespace they are.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from service.errors import EmbeddedServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

POLL_SECONDS = 0.02


def take(path: Path, *, shared: bool = False) -> int | None:
    """Lock `path` now and return the descriptor that holds the lock, None where another process holds it.

    Several `shared` locks may be held at once, but not together with an exclusive one.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether a process holds `path` exclusively."""
    descriptor = take(path, shared=True)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


@asynccontextmanager
async def alone(path: Path, seconds: float) -> AsyncIterator[None]:
    """Hold `path` alone, waiting up to `seconds` for it; raises EmbeddedServerError after that."""
    deadline = time.monotonic() + seconds
    while (descriptor := take(path)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"{path}: another process has been starting or stopping the server for {seconds:.0f} s; "
                "end it, then start again"
            )
        await asyncio.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)
