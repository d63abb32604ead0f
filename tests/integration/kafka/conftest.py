"""A broker for the tests of a session, and a producer that writes to it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from tests.kafka.broker import Broker, why_missing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Start a broker; tests use topics of their own."""
    missing = why_missing()
    if missing is not None:
        assert not os.environ.get("CI"), f"CI tests with a real broker, which {missing}"
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="tidegauge-kafka-") as folder:
        running = Broker(Path(folder))
        running.format()
        running.start()
        yield running
        running.end()


@pytest_asyncio.fixture
async def producer(broker: Broker) -> AsyncIterator[AIOKafkaProducer]:
    """Give a producer that is connected."""
    made = AIOKafkaProducer(bootstrap_servers=broker.address, linger_ms=5)
    await made.start()
    yield made
    await made.stop()
