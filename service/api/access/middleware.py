"""Ask the gate about every request, before a route sees it; a token is taken out of the path first."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.responses import HTMLResponse, JSONResponse

from service.access.gate import Asked
from service.access.rules import without_token
from service.api.access.sign_in_page import HEADERS, page
from service.api.access.visible import VISIBLE

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.access.gate import Gate, Refusal

UNAUTHORIZED, UNAVAILABLE = 401, 503
RETRY_SECONDS = 5  # a service that starts knows its tokens soon
CHALLENGE = {"www-authenticate": 'Bearer realm="tidegauge"'}
# Answers without an end: what was admitted at their beginning may be revoked before it.
ENDLESS = frozenset({"/v1/stream"})


PATH_TOKEN = "tidegauge.path_token"  # noqa: S105 - where in a scope the token of its path is kept


def without_path_token(scope: Scope) -> Scope:
    """Return a request's scope without the token in its path, which is kept apart for the gate."""
    path, token = without_token(scope["path"])
    if token is None:
        return scope
    return {**scope, "path": path, "raw_path": quote(path).encode(), PATH_TOKEN: token}


class AskGate:
    """Middleware that answers what the gate refuses; nothing behind it sees a token of a path."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # nothing else is served
        scope = without_path_token(scope)
        path, client = scope["path"], scope.get("client")
        peer = client[0] if client else None
        asked = Asked(scope["method"], path, scope["headers"], peer, scope.get(PATH_TOKEN))
        refusal = self._gate.refusal(asked)
        scope[VISIBLE] = partial(self._gate.visible, asked)
        if refusal is not None:
            await _answer(refusal, asked)(scope, receive, send)
        elif path in ENDLESS:
            await self._app(scope, receive, self._while_admitted(asked, send))
        else:
            await self._app(scope, receive, send)

    def _while_admitted(self, asked: Asked, send: Send) -> Send:
        """Return what sends as long as the gate admits the request to the same, and then ends the answer."""
        ended, visible = False, self._gate.visible(asked)

        def is_admitted() -> bool:
            return self._gate.refusal(asked) is None and self._gate.visible(asked) == visible

        async def send_admitted(message: Message) -> None:
            nonlocal ended
            if ended:
                return
            if message["type"] == "http.response.body" and not is_admitted():
                ended = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        return send_admitted


def _answer(refusal: Refusal, asked: Asked) -> ASGIApp:
    challenge = CHALLENGE if refusal.status == UNAUTHORIZED else {}
    if refusal.status == UNAVAILABLE:
        challenge = {"retry-after": str(RETRY_SECONDS)}
    accept = next((value for name, value in asked.headers if name == b"accept"), b"")
    if refusal.status == UNAUTHORIZED and asked.method == "GET" and b"text/html" in accept:
        return HTMLResponse(page(asked.path), refusal.status, {**HEADERS, **challenge})
    return JSONResponse(
        {"detail": refusal.reason}, refusal.status, {**challenge, "cache-control": "no-store"}
    )
