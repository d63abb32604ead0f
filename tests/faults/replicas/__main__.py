"""The long plays, `make replicas-test`: the lease time of the settings, pauses of a minute.

First 60 replays and one monitor that rows are sent to; then a monitor for every way in, in several rounds.
`ARGS=doors` plays the second alone.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from tests.conftest import HASTY, as_admin, on_database
from tests.faults.replicas import door_play, play
from tests.faults.replicas.stage import Stage, lay_out
from tests.kafka.broker import Broker, why_missing

MONITORS, DAYS = 60, 30
LEASE_SECONDS, CYCLE_SECONDS, PAUSE_SECONDS = 10.0, 4.0, 60.0
ROUNDS = 3  # of the doors


async def _main() -> None:
    with tempfile.TemporaryDirectory(prefix="tidegauge-replicas-") as folder:
        root = Path(folder)
        place = lay_out(root / "place", monitors=MONITORS, days=DAYS)
        async with EmbeddedServer(root / "server", settings=HASTY | {"max_connections": "100"}) as server:
            if sys.argv[1:] != ["doors"]:
                urls = [await _database(server, name) for name in ("disturbed", "straight")]
                await _play(server, place, *urls)
            await _play_doors(server, root)


async def _database(server: EmbeddedServer, name: str) -> str:
    await as_admin(server, f"CREATE DATABASE {name} OWNER tidegauge")
    connection = await asyncpg.connect(on_database(server.dsn, name))
    await migrate(connection, migrations_folder())
    await connection.close()
    return on_database(server.dsn, name)


async def _play(server: EmbeddedServer, place: play.Place, url: str, straight_url: str) -> None:
    admin = await asyncpg.connect(on_database(server.admin_dsn, urlsplit(url).path.lstrip("/")))
    pool = await open_pool(url, largest=2)
    stage = Stage(place, url, admin, pool, lease_seconds=LEASE_SECONDS, cycle_seconds=CYCLE_SECONDS)
    try:
        for found in await play.play(stage, monitors=MONITORS, pause_seconds=PAUSE_SECONDS):
            _say(f"{found.what}: taken over in {found.seconds:.1f} s, {found.lease_times:.2f} lease times")
        _say(f"{await play.check_writers(admin)} writes, each by the holder of the monitor's lease")
        _say(f"{await play.check_slots(admin, CYCLE_SECONDS)} slots, each used once")
        await asyncio.to_thread(play.run_straight, place, straight_url)
        other = await asyncpg.connect(straight_url)
        _say(f"{await play.check_same_metrics(admin, other)} measurements, the same as of one replica")
        await other.close()
    finally:
        await stage.close()
        await admin.close()
        await pool.close()


async def _play_doors(server: EmbeddedServer, root: Path) -> None:
    missing = why_missing()
    assert missing is None, f"the play of the doors needs a real Kafka broker, which {missing}"
    broker = Broker(root / "broker")
    broker.format()
    broker.start()
    url = await _database(server, "doors")
    pool = await open_pool(url, largest=2)
    try:
        found, counts = await door_play.play(
            root,
            broker,
            server,
            url,
            pool,
            rounds=ROUNDS,
            lease_seconds=LEASE_SECONDS,
            pause_seconds=PAUSE_SECONDS,
        )
    finally:
        await pool.close()
        broker.end()
    for each in found:
        _say(f"{each.what}: taken over in {each.seconds:.1f} s, {each.lease_times:.2f} lease times")
    for what, number in counts.items():
        _say(f"{number} {what}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


asyncio.run(_main())
