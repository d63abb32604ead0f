"""Topics on a test's broker: made, written to and changed."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from service.core.rows.id_sums import IdSums, sums_of
from service.core.rows.row_hash import of_texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from tests.kafka.broker import Broker

_numbers = count(1)


@dataclass
class TestTopic:
    """A topic, its sender and the sender's own record of what brokers acknowledged."""

    __test__ = False
    name: str
    broker: Broker
    admin: AIOKafkaAdminClient
    producer: AIOKafkaProducer
    sent: IdSums = field(default_factory=IdSums)

    def source(self, **more: Any) -> dict[str, Any]:
        """Return the section of a monitor file that reads it."""
        base = {"type": "kafka", "brokers": self.broker.address, "topic": self.name, "timestamp": "at"}
        return {key: each for key, each in (base | {"max_ahead": "1m"} | more).items() if each is not None}

    async def send(self, rows: Iterable[dict[str, Any]], partition: int = 0, **more: Any) -> None:
        """Send rows as JSON, and keep a record of their ids."""
        rows = list(rows)
        await self.write([json.dumps(row).encode() for row in rows], partition, **more)
        self.count([row.get("key", "") for row in rows])

    def count(self, ids: list[str]) -> None:
        """Add rows to the record."""
        self.sent += sums_of(of_texts(np.array(ids, dtype=np.str_)), len(ids))

    async def write(self, values: Iterable[bytes | None], partition: int = 0, **more: Any) -> None:
        """Send messages, and wait until the broker has them."""
        for each in [
            await self.producer.send(self.name, value, key=b"k", partition=partition, **more)
            for value in values
        ]:
            await each

    async def make(self, partitions: int = 1, **options: str) -> None:
        """Make it."""
        settings = {name.replace("_", "."): value for name, value in options.items()}
        await self.admin.create_topics([NewTopic(self.name, partitions, 1, topic_configs=settings)])


@asynccontextmanager
async def a_topic(broker: Broker, partitions: int = 1, **options: str) -> AsyncIterator[TestTopic]:
    """Make a topic with these settings (`_` for `.`) and give it."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, linger_ms=2)
    await admin.start()
    await producer.start()
    try:
        topic = TestTopic(f"predictions-{next(_numbers)}", broker, admin, producer)
        await topic.make(partitions, **options)
        yield topic
    finally:
        await producer.stop()
        await admin.close()
