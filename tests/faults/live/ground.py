"""What all fault runs share: a server with a template database, and a process that forks services."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from tests.conftest import HASTY, TEMPLATE, as_admin, fresh_database, on_database
from tests.faults.live.running import Zygote, zygote
from tests.faults.live.scene import scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.faults.live.scene import Scene


@dataclass
class Ground:
    """Where fault runs take place, each in a folder and on a database of its own."""

    server: EmbeddedServer
    forks: Zygote
    folder: Path
    _numbers: count[int] = field(default_factory=count)

    @asynccontextmanager
    async def scene(
        self, limits: list[tuple[int, int]] | None = None, forks: Zygote | None = None, **variables: str
    ) -> AsyncIterator[Scene]:
        """Give a run."""
        folder = self.folder / f"run{next(self._numbers)}"
        async with (
            fresh_database(self.server, TEMPLATE) as url,
            scene(forks or self.forks, folder, url, limits=limits, **variables) as running,
        ):
            yield running


@asynccontextmanager
async def ground(folder: Path | None = None, **settings: str) -> AsyncIterator[Ground]:
    """Give a ground with a server of its own; `settings` are the server's."""
    with tempfile.TemporaryDirectory(prefix="tidegauge-faults-", dir=folder) as own:
        root = Path(own)
        async with (
            EmbeddedServer(root / "server", settings={**HASTY, **settings}) as server,
            zygote() as forks,
        ):
            await as_admin(server, f"CREATE DATABASE {TEMPLATE} OWNER tidegauge")
            connection = await asyncpg.connect(on_database(server.dsn, TEMPLATE))
            try:
                await migrate(connection, migrations_folder())
            finally:
                await connection.close()
            yield Ground(server, forks, root)
