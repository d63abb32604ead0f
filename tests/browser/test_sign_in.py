"""A browser before a service that asks for tokens: it signs in, follows the stream, and is signed out."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from service.access.secret import digest_of, new_token
from service.api.app import build
from service.api.server import serving
from service.core.access import Grant, Scope, Token
from tests.browser.conftest import Opened
from tests.browser.test_states import Door
from tests.unit.api.doors import callables, gate

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_the_page_is_used_with_a_token(opened: Opened) -> None:
    """The form, then the page with its live stream; once the token is revoked the form again, by itself."""
    door, closed, (own, secret) = Door(), gate(), new_token()
    closed.tokens.replace([Token(own, digest_of(secret), Grant(frozenset({Scope.READ})))])
    app = build(callables(queries=door, broadcaster=door.broadcaster, refused=dict, gate=closed))
    async with serving(app, host="127.0.0.1", port=0) as url:
        try:
            seen = await opened(f"{url}/")
            page = seen.page
            await expect(page.get_by_label("Token with the scope read")).to_be_focused()
            await page.keyboard.type("tg_wrong")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_have_text("The token is wrong or revoked.")
            await page.get_by_label("Token with the scope read").fill(secret)
            await page.get_by_role("button", name="Sign in").click()
            await expect(page.locator(".card")).to_contain_text("shop")
            assert page.url == f"{url}/"
            assert len(door.broadcaster._subscribers) == 1
            assert await page.evaluate("document.cookie") == ""
            assert await seen.refused() == []
            closed.tokens.replace([])
            door.broadcaster.notify_list()
            await expect(page.get_by_label("Token with the scope read")).to_be_visible()
        finally:
            door.broadcaster.close()
