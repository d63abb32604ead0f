"""The path to which monitors are sent."""

from __future__ import annotations

import httpx
import pytest

from service.api.app import build
from service.errors import ConfigurationError, DefinedByFileError
from tests.unit.api.doors import callables, gate


class Monitors:
    """Keeps what was sent, and refuses by name."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes, str]] = []

    async def put(self, name: str, body: bytes, sent_by: str) -> bool:
        if name == "bad":
            raise ConfigurationError("bad.yaml:1: one\nbad.yaml:2: two")
        if name == "mounted":
            raise DefinedByFileError("mounted.yaml defines mounted")
        self.sent.append((name, body, sent_by))
        return len(self.sent) == 1


async def _put(monitors: Monitors | None, name: str, *, is_open: bool = True) -> httpx.Response:
    app = build(callables(monitors=monitors, gate=gate(is_open=is_open)))
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test") as client:
        return await client.put(f"/v1/monitors/{name}", content=b"window: {}")


@pytest.mark.parametrize(
    ("name", "status"), [("shop", 201), ("bad", 422), ("mounted", 409)], ids=["good", "bad", "mounted"]
)
async def test_what_becomes_of_a_monitor_that_is_sent(name: str, status: int) -> None:
    """It is made, refused with a line per fault, or left to the file that defines it."""
    answer = await _put(Monitors(), name)
    assert answer.status_code == status
    if name == "bad":
        assert answer.json()["faults"] == ["bad.yaml:1: one", "bad.yaml:2: two"]


async def test_a_change_is_told_from_a_new_one() -> None:
    """Both are kept with the address that sent them."""
    monitors = Monitors()
    assert [(await _put(monitors, "shop")).status_code for _ in range(2)] == [201, 200]
    assert monitors.sent[0] == ("shop", b"window: {}", "127.0.0.1")


async def test_a_monitor_is_sent_where_that_is_allowed() -> None:
    """By default none may be; elsewhere than on the service's own machine it takes a token."""
    monitors = Monitors()
    assert (await _put(None, "shop")).status_code == 403
    assert (await _put(monitors, "shop", is_open=False)).status_code == 401
    assert monitors.sent == []
