"""Serve the HTTP API, which is imported off the event loop: that takes half a second."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from service.config.settings import Settings
    from service.wiring.http.running_parts import RunningParts

    ServeApi = Callable[[Settings, RunningParts], AbstractAsyncContextManager[str]]


def load() -> ServeApi:
    """Import what serves HTTP; the import is done once."""
    from service.wiring.http.api import serve_api

    return serve_api


@asynccontextmanager
async def serve_http(settings: Settings, parts: RunningParts) -> AsyncIterator[str]:
    """Serve the HTTP API while the context lasts; yields its address."""
    serve_api = await asyncio.to_thread(load)
    async with serve_api(settings, parts) as address:
        yield address
