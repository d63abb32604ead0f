"""Background tasks that end with the service; a task that fails is always logged."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

log = structlog.get_logger(__name__)


@asynccontextmanager
async def background(work: Coroutine[None, None, None], *, name: str) -> AsyncIterator[None]:
    """Run `work` while the context lasts; where it fails by itself, the log says so at once."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_tell)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell(task: asyncio.Task[None]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None:
        log.error("background work ended", work=task.get_name(), error=str(error), exc_info=error)
