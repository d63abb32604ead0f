"""Rows that are sent are neither lost nor counted twice, whatever dies: the sender's own record says so."""

from __future__ import annotations

import asyncio
import csv
import random
import signal
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import pandas as pd
import pytest

from service.store.embedded.cluster import free_port
from simulator.send import SendOptions, SendResult, send
from tests.integration.inbox.proxy import proxied
from tests.service_process import Place, end, lay_out

DAYS = 12
KILLS = 5
SENT = """\
source: {type: http, timestamp: at, allowed_lateness: 30d}
reference: {path: "{data_dir}/reference.csv"}
columns: {size: numerical, colour: categorical, guess: numerical, truth: numerical}
prediction: guess
target: truth
id: key
window: {size: 2d, hop: 1d, min_rows: 20}
drift: {methods: [ks, "psi:robust"], thresholds: evidently}
"""
WAITS = "SELECT count(*) FROM tidegauge.inbox_batch"


def _laid_out(root: Path) -> tuple[Place, pd.DataFrame]:
    place = lay_out(root, days=DAYS)
    (place.root / "monitors/toy.yaml").write_text(SENT)
    rows = pd.read_csv(place.root / "data/rows.csv").sort_values("at", ignore_index=True)
    rows.insert(0, "key", [f"k{number}" for number in range(len(rows))])
    rows.loc[::50, "at"] = "soon"  # these are rejects
    return place, rows


async def _send(place: Place, rows: pd.DataFrame, port: int, *, rate: float) -> SendResult:
    options = SendOptions(
        f"http://127.0.0.1:{port}",
        "toy",
        identity="key",
        rate=rate,
        rows_per_request=5,
        connections=1,
        patience_seconds=180,
    )
    with (place.root / "sent.jsonl").open("a") as record:
        return await send(rows, options, record)


async def _until_taken(pool: asyncpg.Pool, place: Place, process: subprocess.Popen[str]) -> None:
    async with asyncio.timeout(60):
        while await pool.fetchval(WAITS) or list((place.root / "data/inbox").rglob("*.rows")):
            assert process.poll() is None, place.log
            await asyncio.sleep(0.05)


def _measured(place: Place, **variables: str) -> list[list[str]]:
    done = place.command("metrics", "--format", "csv", **variables)
    assert done.returncode == 0, done.stderr
    header, *lines = csv.reader(done.stdout.splitlines())
    kept = [i for i, name in enumerate(header) if name not in {"computed_at", "revision"}]
    aspect, metric = header.index("aspect"), header.index("metric")
    # How old a window's newest row was when it came is the clock's to say.
    clocked = [line for line in lines if line[aspect] == "health" or line[metric] == "freshness_seconds"]
    return sorted([line[i] for i in kept] for line in lines if line not in clocked)


@pytest.mark.slow
async def test_kills_lose_no_row_that_was_acknowledged(
    tmp_path: Path, database_url: str, pool: asyncpg.Pool, empty_database_url: str
) -> None:
    """Killed five times, twice without its database, it ends with the sums and measurements of no kill."""
    (killed, rows), (straight, _) = (_laid_out(tmp_path / name) for name in ("killed", "straight"))
    moments = random.Random(3)  # noqa: S311  # moments, no secrets
    async with proxied(database_url) as (proxy, through):
        port = free_port()
        there = {
            "TIDEGAUGE_DATABASE_URL": through,
            "TIDEGAUGE_HTTP_PORT": str(port),
            "TIDEGAUGE_CYCLE_SECONDS": "0.1",
        }
        process = killed.start(**there)
        try:
            await asyncio.to_thread(killed.until, '"http"', process)
            sending = asyncio.create_task(_send(killed, rows, port, rate=len(rows) / 20))
            for number in range(KILLS):
                await asyncio.sleep(moments.uniform(0.3, 1.5))
                if number % 2:
                    proxy.cut()
                    await asyncio.sleep(moments.uniform(0.2, 0.6))
                assert end(process, signal.SIGKILL) == -signal.SIGKILL
                proxy.open()
                process = killed.start(**there)
                await asyncio.to_thread(killed.until, '"http"', process)
            result = await sending
            assert not result.refused, result
            await _until_taken(pool, killed, process)
            assert await asyncio.to_thread(end, process, signal.SIGTERM) == 0, killed.log
        finally:
            process.kill()  # where the test failed; it has ended otherwise
    audit = killed.command(
        "audit", "--record", str(killed.root / "sent.jsonl"), TIDEGAUGE_DATABASE_URL=database_url
    )
    assert (audit.returncode, "equal: nothing" in audit.stdout) == (0, True), audit.stdout
    assert f"{len(rows):,} rows" in audit.stdout

    port = free_port()
    other: dict[str, Any] = {"TIDEGAUGE_DATABASE_URL": empty_database_url, "TIDEGAUGE_HTTP_PORT": str(port)}
    process = straight.start(**other)
    straight.until('"http"', process)
    await _send(straight, rows, port, rate=0)
    straight.until('"rows": 0', process)
    assert end(process, signal.SIGTERM) == 0, straight.log
    expected = _measured(straight, TIDEGAUGE_DATABASE_URL=empty_database_url)
    assert len(expected) > 100
    assert _measured(killed, TIDEGAUGE_DATABASE_URL=database_url) == expected
