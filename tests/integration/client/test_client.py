"""Rows that are logged reach the service, and count once, whatever is away or killed in between."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tidegauge_client import Client

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.client.live_service import LiveService


def row(number: int) -> dict[str, Any]:
    """Return a row of this moment."""
    at = datetime.now(UTC).isoformat()
    return {"key": f"r{number}", "at": at, "size": 1.5, "colour": "red", "guess": 10.0}


async def test_logged_rows_are_counted_by_the_service(service: LiveService, tmp_path: Path) -> None:
    """A thousand rows are accepted, and the service has a thousand."""
    with Client(service.url, spool=tmp_path / "spool") as client:
        monitor = client.monitor("toy")
        for number in range(1_000):
            monitor.log(row(number))
        assert await asyncio.to_thread(client.flush, 30)
        stats = client.stats()
    assert (stats.logged, stats.accepted, stats.waiting) == (1_000, 1_000, 0)
    assert await service.counted() == 1_000
    assert not list((tmp_path / "spool").rglob("*.batch"))
