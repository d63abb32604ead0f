"""A token that is sent is written nowhere: not in a log, an answer, a measurement or a traceback."""

from __future__ import annotations

import logging
import socket
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from service.access.secret import digest_of, new_token
from service.api.app import build
from service.api.server import serving
from service.core.access import Grant, Scope, Token
from service.core.inbox import Receipt
from tests.unit.api.doors import Queries, callables, gate

ROWS = "monitors/shop/rows"


class Shop(Queries):
    name = "shop"


class Failing:
    """An intake that keeps a batch, then fails as a defect would."""

    def __init__(self) -> None:
        self.calls = 0

    async def take_in(self, *_: Any, **__: Any) -> Receipt:
        self.calls += 1
        if self.calls > 1:
            raise RuntimeError("a defect")
        return Receipt(1)

    def takes(self, _: str) -> bool:
        return True

    def trouble(self) -> None:
        return None


class Tracing:
    """A middleware around all others, which notes what it sees of a request's address."""

    def __init__(self, app: Any, seen: list[str]) -> None:
        self._app, self._seen = app, seen

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._seen.append(f"{scope['path']} {scope['raw_path']} {scope['query_string']}")
        await self._app(scope, receive, send)


async def _scrape(*_: Any) -> tuple[bytes, str]:
    return b"up 1\n", "text/plain"


async def test_a_token_is_written_nowhere(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """In the path or a header, taken or refused, with an error of ours, a redirect or no HTTP at all."""
    own, secret = new_token()
    closed = gate()
    closed.tokens.replace([Token(own, digest_of(secret), Grant(frozenset(Scope)))])
    said: list[str] = []
    caplog.set_level(logging.DEBUG)
    for name in ("httpx", "httpcore"):  # the sender's own log
        caplog.set_level(logging.WARNING, name)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        caplog.set_level(logging.DEBUG, name)
    app = build(callables(queries=Shop(), intake=Failing(), gate=closed, scrape=_scrape))
    app.add_middleware(Tracing, seen=said)
    with capture_logs() as logs:
        async with (
            serving(app, host="127.0.0.1", port=0) as address,
            httpx.AsyncClient(base_url=address) as client,
        ):
            statuses = []
            for token in (secret, secret, secret[:-1]):  # kept, failing, refused
                answer = await client.post(f"/v1/t/{token}/{ROWS}", json=[])
                statuses.append(answer.status_code)
                said.append(f"{answer.headers} {answer.text}")
            for path in (f"/v1/t/{secret}/{ROWS}/", f"/v1/t/{secret}/nothing", f"/v1/t/{secret}"):
                answer = await client.post(path, json=[])
                said.append(f"{answer.headers} {answer.text}")
            for headers in ({"authorization": f"Bearer {secret}"}, {"authorization": secret}):
                answer = await client.get("/v1/nothing", headers=headers)
                said.append(f"{answer.headers} {answer.text}")
            answer = await client.get(
                f"/{ROWS}", headers={"accept": "text/html", "referer": f"/v1/t/{secret}"}
            )
            said.append(f"{answer.headers} {answer.text}")
            said.append((await client.get("/metrics")).text)
            host, port = address.removeprefix("http://").split(":")
            with socket.create_connection((host, int(port))) as raw:
                raw.sendall(f"POST /v1/t/{secret}/{ROWS} NONSENSE\r\nx\r\n\r\n".encode())
    assert statuses == [202, 500, 401]
    assert "RuntimeError: a defect" in caplog.text
    written = capfd.readouterr()
    everything = " ".join([*said, caplog.text, str(logs), written.out, written.err])
    assert secret[20:-1] not in everything
