"""Where the API cannot be served, the message names the variable to change."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import pytest

from service.api.app import build
from service.api.server import serving
from service.errors import ConfigurationError
from tests.unit.api.doors import callables


async def _serve(host: str, port: int) -> None:
    async with serving(build(callables()), host=host, port=port):
        raise AssertionError("it must not be served")


async def test_a_taken_port_is_named() -> None:
    """Two services on one port: the second says which variable to change."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"TIDEGAUGE_HTTP_PORT={port}: cannot listen on 127"):
            await _serve("127.0.0.1", port)


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid", "a" * 70])
async def test_a_host_that_is_not_ours_is_named(host: str) -> None:
    """A foreign address, a name that does not resolve and one that cannot be a name: not the port's fault."""
    with pytest.raises(ConfigurationError, match=f"TIDEGAUGE_HTTP_HOST={host}: not an address of this"):
        await _serve(host, 0)


async def test_an_answer_waits_for_no_acknowledgement() -> None:
    """Connections send at once: an answer in two parts took 40 ms on a connection that is in use."""
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        del scope
        connection = receive.__self__.transport.get_extra_info("socket")
        found.append(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    for host in ("127.0.0.1", "::1"):
        async with serving(app, host=host, port=0) as url, httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(url)).status_code == 204
    assert found == [1, 1]


async def _sent(app: Any, content: bytes, *, shut: bool, read: bool = True) -> bytes:
    async with serving(app, host="127.0.0.1", port=0) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(content)
        if shut:
            writer.write_eof()
        found = b""
        if read:
            async with asyncio.timeout(10):
                found = await reader.read()
        writer.close()
    return found


@pytest.mark.parametrize("requests", [1, 3])
async def test_who_has_closed_its_own_side_is_answered(requests: int) -> None:
    """The request was whole and is served: without an answer its sender would send it again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        await asyncio.sleep(0.05)  # the end of the sender's side comes first
        await send({"type": "http.response.start", "status": 202, "headers": []})
        await send({"type": "http.response.body", "body": scope["path"].encode()})

    request = b"POST /done HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    found = await _sent(app, request * requests, shut=True)
    assert found.count(b"202 Accepted") == found.count(b"/done") == requests


@pytest.mark.parametrize("path", ["/v1/kserve", "/v1/logs", "/sign-in"])
async def test_a_body_that_is_cut_off_is_no_error_of_the_service(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A sender whose connection breaks leaves no traceback in the log."""
    request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n[".encode()
    await _sent(build(callables()), request, shut=True)
    assert [line for line in caplog.records if line.levelname == "ERROR"] == []
