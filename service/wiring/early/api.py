"""Serve the paths that rows are sent to, on the spool alone.

Takes half a second to import: `service/wiring/early/start.py` does that where it is needed.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NoReturn

from service.api.early import build_early
from service.api.server import serving
from service.errors import StoreUnavailableError
from service.wiring.http.access import gate_by, tls_files
from service.wiring.inbox.intake import intake_into

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from service.config.settings import Settings
    from service.sources.protocol import Receiver


class Away:
    """A database that was not reached yet: what asks it is told so, and uses the disk."""

    async def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise StoreUnavailableError("the database was not reached since the start")

    append = append_segment = ping = is_committed = backlog = forget_keys = read = set_used = revoke = _refuse


@asynccontextmanager
async def serve_early_api(
    settings: Settings, names: Sequence[str], receivers: Mapping[str, Receiver], worker: int | None = None
) -> AsyncIterator[str]:
    """Serve while the context lasts, as `worker` of several processes where it has a number.

    Yields the address.
    """
    away = Away()
    async with intake_into(away, settings, receivers) as taking_in, gate_by(settings, away) as admitting:
        app = await asyncio.to_thread(build_early, taking_in, names, admitting)
        async with serving(
            app,
            host=settings.http_host,
            port=settings.http_port,
            tls=tls_files(settings),
            own_port=None if worker is None else settings.http_port + worker,
        ) as address:
            yield address
