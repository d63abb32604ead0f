"""Several replicas share the monitors of one database, whatever happens to one of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.store.embedded.server import EmbeddedServer
from tests.conftest import TEMPLATE, fresh_database, on_database
from tests.faults.replicas import play
from tests.faults.replicas.stage import Stage, lay_out

MONITORS, DAYS = 12, 20
LEASE_SECONDS = 2.5
SLACK = 6.0  # seconds that a busy machine may add


@pytest.mark.slow
@pytest.mark.postgres
async def test_one_killed_one_paused_one_added(
    tmp_path: Path,
    server: EmbeddedServer,
    database_url: str,
    pool: asyncpg.Pool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every slot is used once, every window measured once, and only by the holder of the monitor's lease."""
    place = lay_out(tmp_path / "place", monitors=MONITORS, days=DAYS)
    admin = await asyncpg.connect(on_database(server.admin_dsn, urlsplit(database_url).path.lstrip("/")))
    stage = Stage(place, database_url, admin, pool, lease_seconds=LEASE_SECONDS, cycle_seconds=0.5)
    async with fresh_database(server, TEMPLATE) as straight_url:
        straight = asyncio.create_task(asyncio.to_thread(play.run_straight, place, straight_url))
        try:
            found = await play.play(stage, monitors=MONITORS, pause_seconds=2 * LEASE_SECONDS)
            await straight
            other = await asyncpg.connect(straight_url)
            counts = {
                "writes, each by the holder": await play.check_writers(admin),
                "slots, each used once": await play.check_slots(admin, stage.cycle_seconds),
                "measurements as of one replica": await play.check_same_metrics(admin, other),
            }
            await other.close()
        finally:
            await stage.close()
            await admin.close()
    assert all(each.lease_times < 2 + SLACK / stage.lease_seconds for each in found), found
    with capsys.disabled():
        sys.stdout.write("".join(f"\n{each}" for each in (*found, counts)) + "\n")
