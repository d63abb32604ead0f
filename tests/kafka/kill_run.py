"""A run in which service and broker are killed while rows are sent, and the auditor's verdict on it.

`make kafka-test` runs it with a million rows and five kills of either side.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from service.core.rows.id_sums import sums_of
from service.core.rows.row_hash import of_texts
from tests.kafka.broker import Broker
from tests.service_process import Place, end, lay_out

ROWS = int(os.environ.get("KAFKA_ROWS", "20000"))
KILLS = int(os.environ.get("KAFKA_KILLS", "1"))  # of either side
PARTITIONS = 3
SENT_AT_ONCE = 500
SECONDS = 60 + ROWS / 1_000
TOPIC = "killed"
MONITOR = """\
source: {{type: kafka, brokers: "{brokers}", topic: killed, timestamp: at, allowed_lateness: 3650d}}
reference: {{path: "{{data_dir}}/reference.csv"}}
columns: {{size: numerical, colour: categorical, guess: numerical, truth: numerical}}
prediction: guess
target: truth
id: key
window: {{size: 2d, hop: 1d, min_rows: 20}}
drift: {{methods: [ks, "psi:robust"], thresholds: evidently}}
"""
COUNTED = """
SELECT coalesce(sum(measured_rows + rejected_rows), 0)::bigint FROM tidegauge.inbox_audit
"""
IN_PANES = "SELECT coalesce(sum(rows), 0)::bigint FROM tidegauge.pane"


async def _send(broker: Broker, record: Path, pace: float) -> None:
    """Send all rows, a hundredth of them unusable, and keep a record of what the broker acknowledged."""
    draw = np.random.default_rng(5)
    producer = AIOKafkaProducer(
        bootstrap_servers=broker.address, enable_idempotence=True, linger_ms=20, max_batch_size=1 << 18
    )
    async with producer:
        with record.open("w") as file:
            for first in range(0, ROWS, SENT_AT_ONCE):
                keys = [f"k{number}" for number in range(first, min(first + SENT_AT_ONCE, ROWS))]
                acknowledged = [
                    await producer.send(TOPIC, _message(key, draw), partition=number % PARTITIONS)
                    for number, key in enumerate(keys)
                ]
                await asyncio.gather(*acknowledged)
                sums = sums_of(of_texts(np.array(keys, dtype=np.str_)), len(keys))
                line = {"monitor": "toy", "key": str(first), "rows": sums.rows, "ids": sums.ids}
                file.write(json.dumps(line | {"mixed": sums.mixed}) + "\n")
                await asyncio.sleep(pace)


def _message(key: str, draw: np.random.Generator) -> bytes:
    number = int(key[1:])
    minute = number * 20 * 24 * 60 // ROWS
    at = f"2024-01-{1 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:00Z"
    row: dict[str, Any] = {
        "key": key,
        "at": "soon" if number % 100 == 7 else at,
        "size": draw.normal(),
        "colour": ("red", "green", "blue")[number % 3],
        "guess": draw.normal(10, 3),
        "truth": draw.normal(10, 3),
    }
    return json.dumps(row).encode()


async def _kills(broker: Broker, place: Place, process: subprocess.Popen[str], **there: str) -> Any:
    """Kill both sides in turn at random moments; return the service's last process."""
    moments = random.Random(3)  # noqa: S311  # moments, no secrets
    for number in range(2 * KILLS):
        await asyncio.sleep(moments.uniform(0.5, 1.5 if KILLS == 1 else 6))
        if number % 2:
            await asyncio.to_thread(broker.end)
            await asyncio.sleep(moments.uniform(0.1, 1))
            await asyncio.to_thread(broker.start)
        else:
            assert end(process, signal.SIGKILL) == -signal.SIGKILL
            process = place.start(**there)
            await asyncio.to_thread(place.until, '"http"', process)
    return process


async def run(folder: Path, broker: Broker, database_url: str, pool: asyncpg.Pool) -> str:
    """Send, kill and measure; return what the auditor prints of it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    await admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])
    await admin.close()
    place = lay_out(folder / "place", days=12)
    (place.root / "monitors/toy.yaml").write_text(MONITOR.format(brokers=broker.address))
    record = folder / "sent.jsonl"
    there = {"TIDEGAUGE_DATABASE_URL": database_url, "TIDEGAUGE_CYCLE_SECONDS": "0.2"}
    process = place.start(**there)
    try:
        await asyncio.to_thread(place.until, '"http"', process)
        sending = asyncio.create_task(_send(broker, record, 3 * SENT_AT_ONCE / ROWS))
        process = await _kills(broker, place, process, **there)
        await sending
        async with asyncio.timeout(SECONDS):
            while await pool.fetchval(COUNTED) < ROWS:
                assert process.poll() is None, place.log
                await asyncio.sleep(0.1)
        assert await asyncio.to_thread(end, process, signal.SIGTERM) == 0, place.log
    finally:
        process.kill()  # where the test failed; it has ended otherwise
    audit = place.command("audit", "--record", str(record), TIDEGAUGE_DATABASE_URL=database_url)
    assert audit.returncode == 0, audit.stdout
    bad = sum(number % 100 == 7 for number in range(ROWS))
    assert await pool.fetchval(IN_PANES) == ROWS - bad
    return audit.stdout
