"""The paths by which a browser signs in with a token, and out."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from service.access.cross_site import is_cross_site
from service.access.secret import id_of
from service.access.session import (
    COOKIE,
    SESSION_SECONDS,
    session_cookies,
    session_token,
    signed_session,
)
from service.api.access.sign_in_page import HEADERS, STYLE, not_needed_page, own_path, page, signed_in_page
from service.core.access import Scope

if TYPE_CHECKING:
    from service.access.gate import Gate

MAX_FORM_BYTES = 16_384
WRONG = "The token is wrong or revoked."
NO_READING = "The token does not admit to reading: expected one with the scope read."


def sign_in_routes(gate: Gate) -> APIRouter:
    """Return `/sign-in` and `/sign-out`."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def form(request: Request) -> HTMLResponse:
        """Return the form, or for a browser that is signed in what it can do."""
        if gate.is_open:
            return HTMLResponse(not_needed_page(), headers=HEADERS)
        sessions = (each for header in request.headers.getlist("cookie") for each in session_cookies(header))
        if any(session_token(each, gate.tokens.known, gate.now()) is not None for each in sessions):
            return HTMLResponse(signed_in_page(), headers=HEADERS)
        return HTMLResponse(page("/"), headers=HEADERS)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        """Give a browser a session for the token of the form."""
        _check_own(request)
        given = parse_qs((await _form(request)).decode("latin-1"))
        token, after = given.get("token", [""])[-1].strip(), own_path(given.get("next", ["/"])[-1])
        grant = gate.tokens.grant_of(token)
        known = gate.tokens.known.get(id_of(token) or "")
        if grant is None or known is None:
            return HTMLResponse(page(after, wrong=WRONG if grant is None else NO_READING), 401, HEADERS)
        if Scope.READ not in grant.scopes:
            return HTMLResponse(page(after, wrong=NO_READING), 403, HEADERS)
        answer = RedirectResponse(quote(after, safe="/%~:@!$&'()*+,;="), 303, HEADERS)
        _set(answer, signed_session(known, gate.now()), SESSION_SECONDS, is_secure=_is_secure(gate, request))
        return answer

    @router.post("/sign-out")
    async def sign_out(request: Request) -> Response:
        """End a browser's session: it forgets the cookie."""
        _check_own(request)
        answer = RedirectResponse("/sign-in", 303, HEADERS)
        _set(answer, "", 0, is_secure=_is_secure(gate, request))
        return answer

    @router.get("/sign-in/style.css")
    async def style() -> Response:
        """Return the look of the form, for which nobody needs to be signed in."""
        return Response(STYLE, media_type="text/css", headers={"x-content-type-options": "nosniff"})

    return router


def _check_own(request: Request) -> None:
    headers = request.headers
    if is_cross_site(headers.get("sec-fetch-site"), headers.get("origin"), headers.get("host")):
        raise HTTPException(403, "a page of another site sent this; expected the service's own form")


async def _form(request: Request) -> bytes:
    body = b""
    try:
        async for part in request.stream():
            body += part
            if len(body) > MAX_FORM_BYTES:
                raise HTTPException(413, f"the form is larger than {MAX_FORM_BYTES:,} bytes")
    except ClientDisconnect as error:
        raise HTTPException(400, "the connection was closed within the form") from error
    return body


def _set(answer: Response, value: str, seconds: int, *, is_secure: bool) -> None:
    answer.set_cookie(
        COOKIE, value, max_age=seconds, path="/", httponly=True, samesite="strict", secure=is_secure
    )


def _is_secure(gate: Gate, request: Request) -> bool:
    """Return whether the browser came by https, to us or to the proxy before us."""
    peer = None if request.client is None else request.client.host
    by_proxy = gate.proxy is not None and gate.proxy.trusts(peer)
    forwarded = request.headers.get("x-forwarded-proto", "") if by_proxy else ""
    return request.url.scheme == "https" or forwarded.lower() == "https"
