"""What senders of log records are answered before a record is looked at."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

import httpx
import pytest

from service.api import bodies
from service.api.app import build
from service.errors import BacklogError
from tests.unit.api.doors import callables
from tests.unit.sources.otlp.made import JSON

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


async def _stalled() -> AsyncIterator[bytes]:
    yield b"{"
    await asyncio.Event().wait()


async def test_records_that_do_not_come_in_time_are_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """OTLP's exporters drop what is answered by 408, and send again what is answered by 503."""
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.01)
    transport = httpx.ASGITransport(app=build(callables()))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test") as client:
        answer = await client.post("/v1/logs", content=_stalled(), headers=JSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["code"] == 14  # UNAVAILABLE


async def test_exporters_are_not_asked_to_wait_for_longer_than_they_would() -> None:
    """They drop at once what they may send again only after their patience of five minutes is over."""

    class Full:
        async def take_in(self, *_: Any, **__: Any) -> NoReturn:
            raise BacklogError("too many rows wait", retry_seconds=300)

    transport = httpx.ASGITransport(app=build(callables(intake=SimpleNamespace(events=Full()))))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test") as client:
        answer = await client.post("/v1/logs", content=b"{}", headers=JSON)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "30")
