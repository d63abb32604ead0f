"""A service that takes rows, and a folder for spools."""

from __future__ import annotations

import asyncio
from signal import SIGKILL
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.integration.client.live_service import LiveService, laid_out

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def service(tmp_path: Path, database_url: str) -> AsyncIterator[LiveService]:
    """Run a service of the test's own."""
    running = laid_out(tmp_path / "service", database_url)
    await asyncio.to_thread(running.start)
    yield running
    running.end(SIGKILL)
