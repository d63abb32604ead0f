"""A service that starts while its database is away takes rows, and counts them once it is there."""

from __future__ import annotations

import asyncio
from signal import SIGKILL, SIGTERM
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.integration.client.live_service import LiveService, laid_out
from tests.integration.inbox.proxy import proxied

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.inbox.proxy import Proxy

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

TOKEN = "0123456789abcdef" * 2


def row(key: str) -> dict[str, Any]:
    return {"key": key, "size": 1.5, "colour": "red", "guess": 10.0}


async def _until_early(service: LiveService) -> None:
    until = '"event": "database away at the start"'
    await asyncio.to_thread(service.start, until=until, TIDEGAUGE_INGEST_TOKEN=TOKEN)


async def _until_watching(service: LiveService, proxy: Proxy) -> None:
    assert service.process is not None
    watching = asyncio.create_task(
        asyncio.to_thread(service.place.until, '"event": "watching"', service.process)
    )
    await asyncio.sleep(0)
    proxy.open()
    await watching


async def test_rows_are_taken_before_the_database_was_reached(database_url: str, tmp_path: Path) -> None:
    """Killed and stopped before it is, it loses none; what only the database could decide is a 503."""
    async with proxied(database_url) as (proxy, through):
        proxy.cut()
        service = laid_out(tmp_path / "service", through)
        bearer = {"authorization": f"Bearer {TOKEN}"}
        client = httpx.AsyncClient(base_url=service.url, trust_env=False, headers=bearer)
        try:
            for number, end in enumerate((SIGKILL, SIGTERM)):
                await _until_early(service)
                key = {"idempotency-key": f"k{number}"}
                answer = await client.post("/v1/monitors/toy/rows", json=[row(f"r{number}")], headers=key)
                assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
                await asyncio.to_thread(service.end, end)
            await _until_early(service)
            again = await client.post(
                "/v1/monitors/toy/rows", json=[row("r0")], headers={"idempotency-key": "k0"}
            )
            assert again.status_code == 202
            assert (await client.get("/readyz/ingest")).status_code == 200
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).json()["ready"] is False
            other = {"authorization": f"Bearer {TOKEN[::-1]}"}
            made_since = await client.post("/v1/monitors/toy/rows", json=[row("x")], headers=other)
            assert (made_since.status_code, made_since.headers["retry-after"]) == (503, "5")
            unknown = await client.post("/v1/monitors/made_by_put/rows", json=[row("x")])
            assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "5")
            wrong = await client.post("/v1/monitors/toy/rows", json=[{"nothing": 1}])
            assert wrong.status_code == 422

            await _until_watching(service, proxy)
            assert (await client.post("/v1/monitors/toy/rows", json=[row("r2")])).status_code == 202
            service.database_url = database_url
            async with asyncio.timeout(30):
                while await service.counted() != 3:  # noqa: ASYNC110  # the drain says so by no event
                    await asyncio.sleep(0.1)
            assert not list((tmp_path / "service/data/inbox").rglob("*.rows"))
        finally:
            await client.aclose()
            service.end(SIGKILL)


async def test_a_database_that_is_lost_during_the_start_is_waited_for(
    empty_database_url: str, tmp_path: Path
) -> None:
    """Whichever answer of the migration is the last, the start goes on where it was."""
    async with proxied(empty_database_url) as (proxy, through):
        service = laid_out(tmp_path / "service", through)
        seen: list[str] = []

        def watch(statement: str) -> None:
            seen.append(statement)
            if len(seen) in {12, 40, 90}:
                proxy.answers_left = 0

        proxy.watch = watch
        try:
            starting = asyncio.create_task(asyncio.to_thread(service.start, until='"event": "watching"'))
            while not starting.done():
                await asyncio.sleep(0.05)
                proxy.open()
            await starting
            assert "database lost during the start" in service.place.log
        finally:
            service.end(SIGKILL)
