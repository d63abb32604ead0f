"""A monitor for every way in, and senders that bring rows by all of them the whole time.

Each sender keeps the sums of the ids that were acknowledged to it, which an audit compares.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts
from service.sources.kserve.half import event_sums
from tests.unit.sources.otlp.made import attributes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.faults.replicas.stage import Stage

SOURCES = {
    "kafka": '{{type: kafka, brokers: "{brokers}", topic: "{topic}", timestamp: at, group: "{topic}-shown"}}',
    "table": '{{type: table, table: public.predictions, url: "${{PLAY_TABLE_URL}}", timestamp: at}}',
    "files": '{{type: files, path: "{{data_dir}}/in/**/*.jsonl", timestamp: at, settle: 0s}}',
    "kserve": "{{type: kserve, inference_service: toy, outputs: [guess]}}",
    "otlp": "{{type: otlp, event_name: prediction}}",
    "http": "{{type: http, timestamp: at}}",
}
LABELLED = ("kafka", "table", "http")  # their labels come later
MONITOR = """\
source: {source}
reference: {{path: "{reference}"}}
columns: {{size: numerical, colour: categorical, guess: numerical, truth: numerical}}
prediction: guess
target: truth
id: key
window: {{size: 2s, min_rows: 5, lateness: 1s}}
drift: {{methods: [ks], thresholds: evidently}}
sample_rows: 0
"""
TABLE = """
CREATE TABLE public.predictions (
    key text PRIMARY KEY, at timestamptz NOT NULL, size double precision, colour text,
    guess double precision, truth double precision
);
GRANT SELECT ON public.predictions TO tidegauge
"""
INSERT = "INSERT INTO public.predictions VALUES ($1, $2, $3, $4, $5)"
PARTITIONS, ROWS, PAUSE_SECONDS = 3, 5, 0.2
LABEL_AFTER = 8  # takes of a sender


def lay_out(root: Path, reference: Path, *, brokers: str, topic: str) -> None:
    """Write the monitor files below `root`."""
    for name in ("monitors", "in"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name, source in SOURCES.items():
        made = source.format(brokers=brokers, topic=topic)
        text = MONITOR.format(source=made, reference=reference)
        if name in LABELLED:
            text += "labels: {wait: 1d}\n"
        if name == "table":
            text += "deduplicate: id\n"
        (root / f"monitors/{name}.yaml").write_text(text)


@dataclass
class Sent:
    """What was acknowledged to one sender."""

    rows: IdSums = field(default_factory=IdSums)
    labels: IdSums = field(default_factory=IdSums)

    def as_lines(self, monitor: str) -> Iterable[str]:
        """Return the lines of a sender's record, which `tidegauge audit` reads."""
        for what, sums in (("rows", self.rows), ("labels", self.labels)):
            if sums.rows:
                line = {"monitor": monitor, "what": what, "key": what, "rows": sums.rows, "ids": sums.ids}
                yield json.dumps(line | {"mixed": sums.mixed}) + "\n"


@dataclass
class Doors:
    """Sends rows to every monitor until `enough` is set."""

    stage: Stage
    folder: Path
    brokers: str
    topic: str
    table_url: str
    enough: asyncio.Event = field(default_factory=asyncio.Event)
    sent: dict[str, Sent] = field(default_factory=lambda: defaultdict(Sent))
    takers: set[str] = field(default_factory=set)

    async def work(self) -> None:
        """Send by all ways at once."""
        async with httpx.AsyncClient(timeout=2) as client, asyncio.TaskGroup() as group:
            for send in (self._to_kafka, self._to_kserve, self._to_otlp, self._to_http):
                group.create_task(send(client))
            group.create_task(self._to_table())
            group.create_task(self._to_files())

    def record(self, path: Path) -> None:
        """Write the senders' record."""
        path.write_text("".join(line for name, each in self.sent.items() for line in each.as_lines(name)))

    async def prepare(self) -> None:
        """Make the topic and the table."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])
        await admin.close()
        await self.stage.admin.execute(TABLE)

    async def _to_kafka(self, client: httpx.AsyncClient) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self.brokers, enable_idempotence=True) as producer:
            async for number, rows in self._takes("kafka"):
                for place, row in enumerate(rows):
                    content = json.dumps(row).encode()
                    await producer.send_and_wait(self.topic, content, partition=place % PARTITIONS)
                self._count("kafka", rows)
                await self._label(client, "kafka", number)

    async def _to_http(self, client: httpx.AsyncClient) -> None:
        async for number, rows in self._takes("http"):
            await self._post(client, number, "http/rows", rows, key=f"rows-{number}")
            self._count("http", rows)
            await self._label(client, "http", number)

    async def _to_otlp(self, client: httpx.AsyncClient) -> None:
        async for number, rows in self._takes("otlp"):
            records = [
                {
                    "timeUnixNano": str(round(datetime.fromisoformat(row["at"]).timestamp() * 1e9)),
                    "eventName": "prediction",
                    "attributes": attributes({
                        "key": {"stringValue": row["key"]},
                        "colour": {"stringValue": row["colour"]},
                        "size": {"doubleValue": row["size"]},
                        "guess": {"doubleValue": row["guess"]},
                    }),
                }
                for row in rows
            ]  # fmt: skip
            content = {"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}
            await self._post(client, number, "otlp/logs", content)
            self._count("otlp", rows)

    async def _to_kserve(self, client: httpx.AsyncClient) -> None:
        """Send the halves of each inference to different replicas, every other time the response first."""
        async for number, rows in self._takes("kserve"):
            (row, *_) = rows
            halves = {
                "request": {"instances": [{each: row[each] for each in ("size", "colour")}]},
                "response": {"predictions": [row["guess"]]},
            }
            for turn, side in enumerate(sorted(halves, reverse=bool(number % 2))):
                attributes = {
                    "Ce-Specversion": "1.0",
                    "Ce-Source": "play",
                    "Ce-Id": row["key"],
                    "Ce-Time": row["at"],
                    "Ce-Type": f"org.kubeflow.serving.inference.{side}",
                }
                await self._post(client, number + turn, "kserve/kserve", halves[side], headers=attributes)
                self.sent["kserve"].rows += event_sums([(row["key"], side)])

    async def _to_table(self) -> None:
        """Insert rows; every fourth transaction ends long after those that began later."""
        pending: list[asyncio.Task[None]] = []
        pool = await asyncpg.create_pool(self.table_url, min_size=1, max_size=6)
        try:
            async for number, rows in self._takes("table"):
                pending.append(asyncio.create_task(self._insert(pool, number, rows)))
            await asyncio.gather(*pending)
            await pool.execute("UPDATE public.predictions SET truth = 9 WHERE truth IS NULL")
        finally:
            await pool.close()

    async def _insert(self, pool: asyncpg.Pool, number: int, rows: list[dict[str, Any]]) -> None:
        async with pool.acquire() as connection, connection.transaction():
            for row in rows:
                at = datetime.fromisoformat(row["at"])
                await connection.execute(INSERT, row["key"], at, row["size"], row["colour"], row["guess"])
            if number % 4 == 0:
                await asyncio.sleep(3 * PAUSE_SECONDS)
        self._count("table", rows)
        if number >= LABEL_AFTER:
            await self._fill(pool, number - LABEL_AFTER)

    async def _fill(self, pool: asyncpg.Pool, number: int) -> None:
        keys = _keys("table", number)
        await pool.execute("UPDATE public.predictions SET truth = 9 WHERE key = ANY($1)", keys)

    async def _to_files(self) -> None:
        async for number, rows in self._takes("files"):
            half = self.folder / f".{number:05}.jsonl.tmp"
            half.write_text("".join(json.dumps(row) + "\n" for row in rows))
            half.rename(self.folder / f"{number:05}.jsonl")
            self._count("files", rows)

    async def _takes(self, name: str) -> Any:
        for number in count():
            at = datetime.now(UTC).isoformat()
            cells = {"at": at, "size": 1.5, "colour": "red", "guess": 2.5}
            yield number, [{"key": key, **cells} for key in _keys(name, number)]
            with suppress(TimeoutError):
                await asyncio.wait_for(self.enough.wait(), PAUSE_SECONDS)
            if self.enough.is_set():
                return

    async def _label(self, client: httpx.AsyncClient, name: str, number: int) -> None:
        if number < LABEL_AFTER:
            return
        keys = _keys(name, number - LABEL_AFTER)
        labels = [{"key": key, "truth": 9.0} for key in keys]
        await self._post(client, number, f"{name}/labels", labels, key=f"labels-{number}")
        self.sent[name].labels += _sums(keys)

    def _count(self, name: str, rows: list[dict[str, Any]]) -> None:
        self.sent[name].rows += _sums([row["key"] for row in rows])

    async def _post(
        self,
        client: httpx.AsyncClient,
        number: int,
        path: str,
        content: Any,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send to one replica after the other until one has accepted it."""
        headers = (headers or {}) | ({} if key is None else {"Idempotency-Key": key})
        for turn in count(number):
            alive = await self.stage.pool.fetch(
                "SELECT name, address FROM tidegauge.replicas WHERE address <> '' ORDER BY name"
            )
            if not alive:
                continue
            replica = alive[turn % len(alive)]
            address = f"{replica['address']}/v1/monitors/{path}"
            try:
                answer = await client.post(address, json=content, headers=headers)
            except httpx.HTTPError:  # it died, or is paused
                continue
            if answer.status_code in {200, 202}:
                self.takers.add(replica["name"])
                return
            assert answer.status_code == 503, (path, answer.status_code, answer.text)


def _keys(name: str, number: int) -> list[str]:
    return [f"{name}-{number}-{place}" for place in range(ROWS)]


def _sums(keys: list[str]) -> IdSums:
    return sums_of(of_texts(np.array(keys, dtype=np.str_)), len(keys))
