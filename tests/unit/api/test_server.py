"""Where the API cannot be served, the message names the variable to change."""

from __future__ import annotations

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
