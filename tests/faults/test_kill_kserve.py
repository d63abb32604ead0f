"""Events of KServe's agent are neither lost nor counted twice when the service is killed between halves."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.sources.kserve.half import event_sums
from service.store.embedded.cluster import free_port
from tests.integration.kserve.test_agent import CLIENTS, attributes_of, captured
from tests.service_process import end, lay_out, listening

KILLS = 2
MONITOR = """\
source: {type: kserve, inference_service: toy, namespace: shop, outputs: [guess], allowed_lateness: 3650d}
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


class Logger:
    """Sends each event, once more where no answer came, as a proxy does, and keeps what was acknowledged."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}/v1/kserve"
        self.acknowledged: list[tuple[str, str]] = []
        self.repeated = 0

    async def send(self, client: httpx.AsyncClient, event: dict[str, Any]) -> None:
        headers = [(name, value.encode("latin-1")) for name, value in event["headers"] if name != "Host"]
        answer = None
        while answer is None or answer.status_code != 202:
            try:
                body = base64.b64decode(event["body"])
                answer = await client.post(self.address, content=body, headers=headers)
            except httpx.TransportError:  # it was killed, and may have kept the event
                self.repeated += 1
                await asyncio.sleep(0.1)
        found = attributes_of(event)
        self.acknowledged.append((found["id"], found["type"].rpartition(".")[2]))

    def record(self, path: Path) -> None:
        lines = []
        for number, event in enumerate(self.acknowledged):
            sums = event_sums([event])
            line = {"monitor": "toy", "key": str(number), "rows": 1, "ids": sums.ids, "mixed": sums.mixed}
            lines.append(json.dumps(line) + "\n")
        path.write_text("".join(lines))

    def pairs(self) -> int:
        """Return how many events have both their halves acknowledged, and can be used."""
        sides = defaultdict(set)
        for name, side in self.acknowledged:
            sides[name].add(side)
        return sum(len(each) == 2 for each in sides.values())


@pytest.mark.slow
async def test_kills_lose_no_event_that_was_acknowledged(
    tmp_path: Path, database_url: str, pool: Any
) -> None:
    """Killed while the halves of many inferences come, it ends with every pair and every other event once."""
    place = lay_out(tmp_path, days=3)
    (place.root / "monitors/toy.yaml").write_text(MONITOR)
    port = free_port()
    there = {
        "TIDEGAUGE_DATABASE_URL": database_url,
        "TIDEGAUGE_HTTP_PORT": str(port),
        "TIDEGAUGE_CYCLE_SECONDS": "0.1",
    }
    _, events = captured()
    logger, part = Logger(port), len(events) // (KILLS + 1) + 1
    process = await listening(place, **there)
    try:
        async with httpx.AsyncClient(timeout=10, limits=httpx.Limits(max_connections=CLIENTS)) as client:
            for start in range(0, len(events), part):
                sending = [
                    asyncio.create_task(logger.send(client, event)) for event in events[start : start + part]
                ]
                if start + part < len(events):
                    done = asyncio.as_completed(sending)
                    for _ in range(part * 2 // 3):
                        await next(done)
                    assert end(process, signal.SIGKILL) == -signal.SIGKILL
                    process = await listening(place, **there)
                await asyncio.gather(*sending)
        get = 1  # whose two halves cannot be used
        expected = 2 * (logger.pairs() - get)
        async with asyncio.timeout(60):
            while await pool.fetchval(MEASURED) != expected:
                assert process.poll() is None, place.log
                await asyncio.sleep(0.05)
        assert await asyncio.to_thread(end, process, signal.SIGTERM) == 0, place.log
    finally:
        process.kill()  # where the test failed; it has ended otherwise
    logger.record(tmp_path / "sent.jsonl")
    audit = place.command(
        "audit", "--record", str(tmp_path / "sent.jsonl"), TIDEGAUGE_DATABASE_URL=database_url
    )
    assert (audit.returncode, "equal: nothing" in audit.stdout) == (0, True), audit.stdout
    assert len(logger.acknowledged) == len(events)
    assert logger.repeated
