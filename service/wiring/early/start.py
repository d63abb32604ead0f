"""Take in rows before the database was reached: a start during an outage makes them durable on the disk."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_receiver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.sources.protocol import Receiver

    EarlyApi = Callable[
        [Settings, Sequence[str], Mapping[str, Receiver], int | None], AbstractAsyncContextManager[str]
    ]

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 30.0  # of a service to which no rows are sent
EARLY_SECONDS = 3.0  # for which a start waits until it takes rows without the database


@asynccontextmanager
async def early_intake(
    settings: Settings, monitors: Sequence[Monitor], worker: int | None = None
) -> AsyncIterator[float]:
    """Take in rows of the monitors' files while the context lasts, if that is longer than a moment.

    `worker` is the number of one of several processes. Yields for how many seconds to wait for the database:
    without an end where rows are taken meanwhile.
    """
    receivers = {
        monitor.name: receiver
        for monitor in monitors
        if (receiver := build_receiver(monitor, lambda: hash_key(settings))) is not None
    }
    if settings.database_url is None or not receivers:
        yield PATIENCE_SECONDS
        return
    names = [monitor.name for monitor in monitors]
    ended = asyncio.Event()
    serving = asyncio.create_task(_serve(settings, names, receivers, ended, worker), name="early intake")
    try:
        yield math.inf
    finally:
        ended.set()
        await serving


async def _serve(
    settings: Settings,
    names: Sequence[str],
    receivers: Mapping[str, Receiver],
    ended: asyncio.Event,
    worker: int | None,
) -> None:
    try:
        await asyncio.wait_for(ended.wait(), EARLY_SECONDS)
    except TimeoutError:
        pass
    else:
        return
    early_api = await asyncio.to_thread(_load)
    async with early_api(settings, names, receivers, worker) as address:
        hint = "rows are taken and kept on the disk; cycles start once the database answers"
        log.warning("database away at the start", http=address, hint=hint)
        await ended.wait()


def _load() -> EarlyApi:
    """Import what serves HTTP; the import is done once."""
    from service.wiring.early.api import serve_early_api

    return serve_early_api
