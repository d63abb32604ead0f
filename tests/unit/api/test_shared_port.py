"""Several processes serve one port, and each one of its own."""

from __future__ import annotations

import asyncio
import socket
import urllib.request

import pytest
from fastapi import FastAPI

from service.api.server import reserve, serving
from service.errors import ConfigurationError

HOST = "127.0.0.1"


def _app(name: str) -> FastAPI:
    app = FastAPI()

    @app.get("/name")
    async def answer() -> str:
        return name

    return app


def _get(url: str) -> str:
    with urllib.request.urlopen(f"{url}/name", timeout=10) as answer:  # noqa: S310  # of this test
        return str(answer.read().decode())


async def test_all_answer_at_the_shared_port_and_each_at_its_own() -> None:
    """The kernel spreads connections among those that serve; the one that reserved the port takes none."""
    with reserve(HOST, 0) as reserved:
        port = reserved.getsockname()[1]
        async with (
            serving(_app("one"), host=HOST, port=port, own_port=0) as one,
            serving(_app("two"), host=HOST, port=port, own_port=0) as two,
        ):
            assert len({one, two, f"http://{HOST}:{port}"}) == 3
            assert await asyncio.to_thread(_get, one) == '"one"'
            assert await asyncio.to_thread(_get, two) == '"two"'
            shared = {await asyncio.to_thread(_get, f"http://{HOST}:{port}") for _ in range(40)}
            assert shared == {'"one"', '"two"'}


async def test_a_port_of_its_own_that_is_taken_is_another_one() -> None:
    """What else listens there is no reason not to serve."""
    with socket.create_server((HOST, 0)) as taken, reserve(HOST, 0) as reserved:
        port, own = reserved.getsockname()[1], taken.getsockname()[1]
        async with serving(_app("one"), host=HOST, port=port, own_port=own) as address:
            assert address != f"http://{HOST}:{own}"
            assert await asyncio.to_thread(_get, address) == '"one"'


def test_a_port_that_another_group_shares_is_taken() -> None:
    """Two groups would get each other's connections."""
    with reserve(HOST, 0) as reserved, pytest.raises(ConfigurationError, match="choose another port"):
        reserve(HOST, reserved.getsockname()[1])
