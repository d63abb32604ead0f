"""Text COPY of the same rows into a logged table on the service's own server."""

from __future__ import annotations

import asyncio
import io
import time
from typing import TYPE_CHECKING

import asyncpg

from service.store.embedded.server import EmbeddedServer
from tests.benchmarks.ingest.flights import COLUMNS
from tests.parity.flights import NUMBERS

if TYPE_CHECKING:
    from pathlib import Path


def seconds(data_dir: Path, content: bytes, *, number: str) -> float:
    """Return how long COPY takes, with its commit, into columns of the type `number` and texts."""
    return asyncio.run(_seconds(data_dir, content, number))


async def _seconds(data_dir: Path, content: bytes, number: str) -> float:
    typed = ", ".join(f"{name} {number if name in NUMBERS else 'text'}" for name in COLUMNS)
    async with EmbeddedServer(data_dir) as server:
        connection = await asyncpg.connect(server.dsn)
        try:
            await connection.execute(f"CREATE TABLE public.copied ({typed})")
            began = time.perf_counter()
            await connection.copy_to_table("copied", schema_name="public", source=io.BytesIO(content))
            took = time.perf_counter() - began
            await connection.execute("DROP TABLE public.copied")
        finally:
            await connection.close()
    return took
