"""The events that KServe's own agent sent, replayed: 300 requests, a model error, an outage of the sink."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from service.commands.audit import sums_in
from service.core.time_units import to_microseconds
from service.store.tables.inbox import audit
from tests.integration.inbox.live import MINUTE, Live, living

CAPTURE = Path(__file__).parent / "data" / "kserve_agent.jsonl.gz"
SOURCE = {"type": "kserve", "inference_service": "toy", "namespace": "shop", "outputs": ["guess"]}
CLIENTS = 16
REASONS = "SELECT reason FROM tidegauge.rejected_row ORDER BY reason"


def captured() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what happened, and the events in the order in which the sink took them."""
    with gzip.open(CAPTURE, "rt") as file:
        happened, *events = (json.loads(line) for line in file)
    return happened, events


async def replay(live: Live, events: list[dict[str, Any]]) -> None:
    """Send events, as many at once as the agent had clients."""
    room = asyncio.Semaphore(CLIENTS)

    async def send(event: dict[str, Any]) -> None:
        headers = [
            (name, value.encode("latin-1"))
            for name, value in event["headers"]
            if name not in {"Host", "Content-Length"}
        ]
        async with room:
            answer = await live.client.post(
                "/v1/kserve", content=base64.b64decode(event["body"]), headers=headers
            )
        assert answer.status_code == 202, answer.text

    await asyncio.gather(*(send(event) for event in events))


async def test_the_agents_events_are_measured_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Every pair once, by its id; what was lost on the way is said, and every event is accounted for."""
    happened, events = captured()
    lost = {name for name, _ in happened["lost"]}
    async with living(pool, tmp_path, source=SOURCE) as live:
        live.clock.now = _newest(events) + MINUTE
        for start in range(0, len(events), 100):
            await replay(live, events[start : start + 100])
            await live.run()
        await replay(live, events[:50])  # again: a proxy may repeat what it has no answer to
        for _ in range(12):
            live.clock.now += MINUTE
            await live.run()
        expected = 300 - 1 - len(lost)  # the model failed once
        named = {event["id"] for event in map(attributes_of, events)} - {"order 0%/ü"}
        assert len(named) == 300 - len(lost)  # a GET and no order 0
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.total.rows) == (2 * expected, len(events))
        reasons = [row["reason"] for row in await pool.fetch(REASONS)]
        assert len(reasons) == 3
        assert reasons[0] == "request without response"
        assert "body is empty" in reasons[1]
        assert reasons[2].startswith("the response has neither outputs")
        waiting = await pool.fetch("SELECT identity FROM tidegauge.pending_row")
        rows = sum(1 + number % 3 for number in range(300) if number != happened["failed"])
        rows -= sum(1 + number % 3 for number in range(150, 170))
        assert len(waiting) == len({row["identity"] for row in waiting}) == await live.counted() == rows


def attributes_of(event: dict[str, Any]) -> dict[str, str]:
    """Return the attributes of an event in binary mode."""
    return {
        name.lower().removeprefix("ce-"): value.encode("latin-1").decode() for name, value in event["headers"]
    }


def _newest(events: list[dict[str, Any]]) -> int:
    return max(to_microseconds(datetime.fromisoformat(attributes_of(event)["time"])) for event in events)
