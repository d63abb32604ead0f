"""Log records are neither lost nor counted twice when the service is killed while exporters send them."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from service.commands.audit import lines_of, read_record, sums_in
from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts
from service.store.embedded.cluster import free_port
from service.store.tables.inbox import audit
from tests.service_process import end, lay_out, listening
from tests.unit.sources.otlp.made import AT, JSON, PROTOBUF, protobuf, record, request

KILLS = 2
REQUESTS, RECORDS, EXPORTERS = 150, 12, 10
RETRIED = {429, 502, 503, 504}  # what an exporter sends again; what is answered otherwise it drops
MONITOR = """\
source: {type: otlp, event_name: prediction, service_name: shop, allowed_lateness: 3650d}
reference: {path: "{data_dir}/reference.csv"}
columns: {size: numerical, colour: categorical, guess: numerical, truth: numerical}
prediction: guess
target: truth
id: key
labels: {wait: 1d}
window: {size: 1m}
drift: {methods: [ks], thresholds: evidently}
"""
MEASURED = "SELECT measured_rows FROM tidegauge.inbox_audit WHERE monitor = 'toy'"


def made(number: int) -> tuple[bytes, dict[str, str], list[str]]:
    """Return a request as a collector sends it, and the ids of its records, but for one that is a reject."""
    keys = [f"r{number}-{place}" for place in range(RECORDS - 1)]
    records = [
        record(
            {
                "key": {"stringValue": key},
                "size": {"doubleValue": number / 100},
                "colour": {"stringValue": "red"},
                "guess": {"doubleValue": 10.5},
            },
            timeUnixNano=str(AT + (number * RECORDS + place) * 1_000_000),
        )
        for place, key in enumerate(keys)
    ]
    unusable = record({"guess": {"bytesValue": "AA=="}}, timeUnixNano=str(AT + number))
    content = request(*records, unusable, record({}, "other"), service="shop")
    body = json.dumps(content).encode() if number % 3 == 0 else protobuf(content)
    form = JSON if number % 3 == 0 else PROTOBUF
    return gzip.compress(body, 1), form | {"content-encoding": "gzip"}, keys


class Exporters:
    """Send each request until it is answered for good, as an exporter does, and keep what was taken."""

    def __init__(self, port: int, record: Path) -> None:
        self.address = f"http://127.0.0.1:{port}/v1/logs"
        self.record = record
        self.sent = iter(range(REQUESTS))
        self.taken = asyncio.Semaphore(0)  # counts up
        self.repeated = 0

    async def work(self, client: httpx.AsyncClient) -> None:
        for number in self.sent:
            body, headers, keys = made(number)
            await self._until_taken(client, body, headers)
            sums = sums_of(of_texts(np.array(keys, dtype=np.str_)), len(keys)) + IdSums(1)
            line = {"monitor": "toy", "key": str(number), **asdict(sums)}
            with self.record.open("a") as file:
                file.write(json.dumps(line) + "\n")
            self.taken.release()

    async def _until_taken(self, client: httpx.AsyncClient, body: bytes, headers: dict[str, str]) -> None:
        while True:
            try:
                answer = await client.post(self.address, content=body, headers=headers)
            except httpx.TransportError:  # it was killed, and may have kept the records
                self.repeated += 1
            else:
                if answer.status_code == httpx.codes.OK:
                    return
                assert answer.status_code in RETRIED, answer.text
            await asyncio.sleep(0.1)


@pytest.mark.slow
async def test_kills_lose_no_record_that_was_acknowledged(
    tmp_path: Path, database_url: str, pool: Any
) -> None:
    """Killed twice while ten exporters send, it ends with each record that was answered for once."""
    place = lay_out(tmp_path, days=3)
    (place.root / "monitors/toy.yaml").write_text(MONITOR)
    port = free_port()
    there = {
        "TIDEGAUGE_DATABASE_URL": database_url,
        "TIDEGAUGE_HTTP_PORT": str(port),
        "TIDEGAUGE_CYCLE_SECONDS": "0.1",
    }
    exporters = Exporters(port, tmp_path / "sent.jsonl")
    process = await listening(place, **there)
    try:
        async with httpx.AsyncClient(timeout=10) as client, asyncio.TaskGroup() as working:
            for _ in range(EXPORTERS):
                working.create_task(exporters.work(client))
            for _ in range(KILLS):
                for _ in range(REQUESTS // (KILLS + 1)):
                    await exporters.taken.acquire()
                assert end(process, signal.SIGKILL) == -signal.SIGKILL
                process = await listening(place, **there)
        async with asyncio.timeout(60):
            while await pool.fetchval(MEASURED) != REQUESTS * (RECORDS - 1):
                assert process.poll() is None, place.log
                await asyncio.sleep(0.05)
        assert await asyncio.to_thread(end, process, signal.SIGTERM) == 0, place.log
    finally:
        process.kill()  # where the test failed; it has ended otherwise
    account = await audit.read(pool, "toy", sums_in)
    lines, agrees = lines_of("toy", account, read_record(exporters.record))
    assert (agrees, account.total.rows) == (True, REQUESTS * RECORDS), lines
    assert account.rejected.rows == REQUESTS
    assert exporters.repeated
