"""A browser signs in with a token, gets a cookie, and signs out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.access.gate import Gate
from service.access.secret import digest_of, new_token
from service.api.access.middleware import AskGate
from service.api.access.sign_in_page import own_path
from service.api.app import build
from service.core.access import Grant, Scope, Token
from tests.unit.api.doors import Queries, callables, gate

HTML = {"accept": "text/html,application/xhtml+xml"}


class Shop(Queries):
    name = "shop"


@pytest.fixture
def closed() -> Gate:
    return gate()


@pytest_asyncio.fixture
async def browser(closed: Gate) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build(callables(queries=Shop(), gate=closed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test") as client:
        yield client


def token_of(found: Gate, *scopes: Scope, monitors: frozenset[str] | None = None) -> str:
    own, secret = new_token()
    found.tokens.replace(
        [*found.tokens.known.values(), Token(own, digest_of(secret), Grant(frozenset(scopes), monitors))]
    )
    return secret


async def test_a_browser_gets_the_form_where_it_was_going_and_then_goes_there(
    closed: Gate, browser: httpx.AsyncClient
) -> None:
    """The page asks for the token; with it the browser is sent on, and reads by its cookie."""
    secret = token_of(closed, Scope.READ)
    asked = await browser.get("/v1/monitors/a&b/windows/3/report", headers=HTML)
    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, 'Bearer realm="tidegauge"')
    assert 'value="/v1/monitors/a&amp;b/windows/3/report"' in asked.text
    assert (await browser.get("/sign-in/style.css")).status_code == 200
    answer = await browser.post("/sign-in", data={"token": f" {secret}\n", "next": "/v1/monitors"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/monitors")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert secret[20:] not in cookie
    assert (await browser.get("/v1/monitors")).status_code == 200
    assert (await browser.get("/", headers=HTML)).text.count("<script") > 0
    assert "Sign out" in (await browser.get("/sign-in")).text
    out = await browser.post("/sign-out")
    assert (out.status_code, "Max-Age=0" in out.headers["set-cookie"]) == (303, True)
    assert (await browser.get("/v1/monitors")).status_code == 401


async def test_a_revoked_token_ends_its_sessions(closed: Gate, browser: httpx.AsyncClient) -> None:
    """Who was signed in with it is asked again."""
    secret = token_of(closed, Scope.READ)
    await browser.post("/sign-in", data={"token": secret})
    assert (await browser.get("/v1/monitors")).status_code == 200
    closed.tokens.replace([])
    assert (await browser.get("/v1/monitors")).status_code == 401


async def test_a_wrong_token_is_said_and_shown_to_nobody(closed: Gate, browser: httpx.AsyncClient) -> None:
    """Wrong, for sending only, or for one monitor: the form says which, and there is no cookie."""
    for secret, status, said in (
        (new_token()[1], 401, "wrong or revoked"),
        (token_of(closed, Scope.ROWS), 403, "does not admit to reading"),
        (token_of(closed, Scope.LABELS, monitors=frozenset({"shop"})), 403, "with the scope read"),
    ):
        answer = await browser.post("/sign-in", data={"token": secret, "next": "/<script>"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)
        assert said in answer.text
        assert secret not in answer.text
        assert "<script>" not in answer.text


async def test_another_sites_page_signs_nobody_in_or_out(closed: Gate, browser: httpx.AsyncClient) -> None:
    """Nobody is signed in with somebody else's token, or out, without wanting it."""
    secret = token_of(closed, Scope.READ)
    for path in ("/sign-in", "/sign-out"):
        answer = await browser.post(path, data={"token": secret}, headers={"origin": "http://evil.test"})
        assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)


@pytest.mark.parametrize("path", ["//evil.test", "/\\evil.test", "https://evil.test", "evil", "", "/a\nb"])
async def test_the_form_leads_nowhere_else(closed: Gate, browser: httpx.AsyncClient, path: str) -> None:
    """Where the browser goes afterwards is a path of this service, whatever the form was given."""
    assert own_path(path) == "/"
    answer = await browser.post("/sign-in", data={"token": token_of(closed, Scope.READ), "next": path})
    assert answer.headers["location"] == "/"


async def test_a_form_that_is_none_is_refused(browser: httpx.AsyncClient) -> None:
    """Beyond its size, or of any bytes: no error of the service."""
    assert (await browser.post("/sign-in", content=b"token=" + b"x" * 20_000)).status_code == 413
    assert (await browser.post("/sign-in", content=b"\xff\x00&&=%zz")).status_code == 401


async def test_a_stream_ends_when_its_token_is_revoked(closed: Gate) -> None:
    """What was admitted before a token was revoked gets nothing after it."""
    secret = token_of(closed, Scope.READ)
    sent = []

    async def stream(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        closed.tokens.replace([])
        await send({"type": "http.response.body", "body": b"two", "more_body": True})
        await send({"type": "http.response.body", "body": b"three", "more_body": True})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    headers = [(b"authorization", f"Bearer {secret}".encode())]
    scope = {"type": "http", "method": "GET", "path": "/v1/stream", "headers": headers, "client": None}
    await AskGate(stream, closed)(scope, receive, send)
    assert [(message.get("body"), message.get("more_body")) for message in sent] == [
        (None, None), (b"one", True), (b"", False),
    ]  # fmt: skip
