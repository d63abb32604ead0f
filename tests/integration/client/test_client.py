"""Rows that are logged reach the service, and count once, whatever is away or killed in between."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

from tidegauge_client import AsyncClient

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.client.live_service import LiveService

LOG_FOR_EVER = """
import sys, time
from itertools import count
from tidegauge_client import Client
client = Client(sys.argv[1], spool=sys.argv[2], interval=0.05)
monitor = client.monitor("toy", timestamp="at")
for number in count():
    monitor.log({"key": f"k{number}", "size": 1.5, "colour": "red", "guess": 10.0})
    if number == 2_000:
        client.flush(0)
        while client._pipeline._outbox.memory_bytes:
            time.sleep(0.01)
        print("spooled", flush=True)
        sys.stdin.read()
"""


def row(key: str) -> dict[str, Any]:
    """Return a row of this moment."""
    at = datetime.now(UTC).isoformat()
    return {"key": key, "at": at, "size": 1.5, "colour": "red", "guess": 10.0}


def _killed_with_a_spool(url: str, spool: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LOG_FOR_EVER, url, str(spool)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "spooled\n"
    process.kill()
    process.communicate()


async def test_every_row_counts_once_whatever_is_killed(service: LiveService, tmp_path: Path) -> None:
    """Service killed and started again, the client's process killed with a spool: each row counts once."""
    spool = tmp_path / "spool"
    async with AsyncClient(service.url, spool=spool, interval=0.05) as client:
        monitor = client.monitor("toy")
        monitor.log(row(f"a{number}") for number in range(1_000))
        assert await client.flush(60)
        assert (client.stats().accepted, client.stats().waiting) == (1_000, 0)
        assert await service.counted() == 1_000
        assert not list(spool.rglob("*.batch"))

        service.end(SIGKILL)
        for number in range(1_000):
            monitor.log(row(f"b{number}"))
        assert not await client.flush(0.5)
        await asyncio.to_thread(_killed_with_a_spool, service.url, spool)
        assert client.stats().batches_on_disk >= 1

        await asyncio.to_thread(service.start)
        assert await client.flush(60)
        assert client.stats().waiting == 0
    async with AsyncClient(service.url, spool=spool, interval=0.05) as other:
        other.monitor("toy").log(row("c"))
        assert await other.flush(60)
        assert other.stats().accepted == other.stats().taken_over + 1
    # The first takes it over where this test is slow.
    assert client.stats().taken_over + other.stats().taken_over == 2_001
    assert not {**client.stats().reasons, **other.stats().reasons}
    assert await service.counted() == 1_000 + 1_000 + 2_001 + 1
