"""Events of KServe's logger, from the HTTP API to what the panes count."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg

from service.commands.audit import sums_in
from service.store.tables.inbox import audit
from tests.integration.inbox.live import MINUTE, START, Live, living

SOURCE = {
    "type": "kserve",
    "inference_service": "toy",
    "namespace": "shop",
    "wait": "10m",
}
PATH = "/v1/kserve"


def request_of(rows: int = 1, **more: Any) -> dict[str, Any]:
    """Return a request of the Open Inference Protocol."""
    tensors = {"size": ("FP64", 1.5), "colour": ("BYTES", "red")} | more
    return {
        "inputs": [
            {"name": name, "shape": [rows], "datatype": kind, "data": [value] * rows}
            for name, (kind, value) in tensors.items()
        ]
    }


def response_of(rows: int = 1) -> dict[str, Any]:
    """Return the response to it."""
    data = [10.0] * rows
    return {"outputs": [{"name": "guess", "shape": [rows], "datatype": "FP64", "data": data}]}


async def log(
    live: Live, name: str, side: str, body: Any, *, path: str = PATH, minute: float = 0.0, **more: str
) -> int:
    """Send one event as the logger does; return the status of the answer."""
    seconds = START / 1e6 + minute * 60
    headers = {
        "Ce-Specversion": "1.0",
        "Ce-Id": name,
        "Ce-Type": f"org.kubeflow.serving.inference.{side}",
        "Ce-Source": "http://localhost:9081/",
        "Ce-Time": f"2026-01-01T00:{int(minute):02d}:{seconds % 60:09.6f}Z",
        "Ce-Inferenceservicename": "toy",
        "Ce-Namespace": "shop",
        "Ce-Component": "predictor",
        "Content-Type": "application/json",
    } | {key.replace("_", "-"): value for key, value in more.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await live.client.post(path, content=content, headers=headers)
    return answer.status_code


async def rejects(pool: asyncpg.Pool) -> dict[str, str]:
    """Return why each rejected event was rejected, by its id and side."""
    rows = await pool.fetch('SELECT "row", reason FROM tidegauge.rejected_row')
    found = [(row["row"], row["reason"]) for row in rows]
    return {f"{cells['id']} {cells.get('event', '')}".strip(): reason for cells, reason in found}


async def test_halves_pair_in_any_order(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Request first, response first, in one cycle or in several: each pair is measured once."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        assert await log(live, "a", "request", request_of()) == 202
        assert await log(live, "b", "response", response_of(3), minute=1) == 202
        assert (await live.run()).record.rows == 0
        assert await live.count("inbox_half") == 2
        assert await log(live, "a", "response", response_of(), path="/v1/monitors/toy/kserve") == 202
        assert await log(live, "b", "request", request_of(3), minute=1) == 202
        assert await log(live, "c", "response", response_of(2), minute=1) == 202
        assert await log(live, "c", "request", request_of(2), minute=1) == 202
        assert (await live.run()).record.rows == 6
        assert await live.count("inbox_half") == 0
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.total.rows) == (6, 6)


async def test_what_is_sent_twice_counts_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The same event again is known; another one under its id is rejected by name."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        for _ in range(2):
            assert await log(live, "a", "request", request_of()) == 202
            assert await log(live, "a", "response", response_of()) == 202
        assert await log(live, "a", "request", request_of(size=("FP64", 2.5))) == 202
        assert (await live.run()).record.rows == 1
        assert await log(live, "a", "response", response_of()) == 202
        assert (await live.run()).record.rows == 0
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.rejected.rows, account.total.rows) == (2, 1, 3)
        assert "had the same id" in (await rejects(pool))["a"]


async def test_halves_that_never_pair_are_given_up(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """After the wait they are counted, and kept by name; a break of the service prolongs the wait."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        await log(live, "a", "request", request_of())
        await log(live, "b", "response", response_of())
        await live.run()
        live.clock.now += 60 * MINUTE
        await live.run()  # the service was away: what it missed may still come
        assert await live.count("inbox_half") == 2
        for _ in range(11):
            live.clock.now += MINUTE
            report = await live.run()
            if report.record.rejected:
                break
        assert await rejects(pool) == {
            "a request": "request without response",
            "b response": "response without request",
        }
        found = await pool.fetch(
            "SELECT metric, value FROM tidegauge.cycle_metrics WHERE metric LIKE '%\\_events' "
            "ORDER BY computed_at DESC, metric LIMIT 2"
        )
        assert {row["metric"]: row["value"] for row in found} == {"unpaired_events": 2, "waiting_events": 0}
        account = await audit.read(pool, "toy", sums_in)
        assert (account.rejected.rows, account.total.rows) == (2, 2)
