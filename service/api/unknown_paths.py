"""Answer requests to paths, or with methods, that the service does not have, with those that it has."""

from __future__ import annotations

import asyncio
import re
from difflib import get_close_matches
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Request  # noqa: TC002  # read at run time
from fastapi.exception_handlers import http_exception_handler
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from service.api.access.visible import names_for, unknown_monitor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

    from service.api.ports import NamedMonitors

MAX_SHOWN = 200  # characters of a path
# Paths that the OpenAPI document does not have.
PAGES = {"/": ["GET"], "/docs": ["GET"], "/openapi.json": ["GET"], "/sign-in": ["GET", "POST"]}
_UNDECIDED = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_TOKEN = re.compile(r"tg_[^/]*")  # where a path was spelled so that it was not taken out
_MONITOR = re.compile(r"/v1/monitors/([^/]+)(?:/|$)")


def answer_unknown_paths(app: FastAPI, queries: NamedMonitors) -> None:
    """Let an application say which paths and methods there are, where a request asks for another."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> Response:
        is_bare = error.status_code in _UNDECIDED and error.detail == HTTPStatus(error.status_code).phrase
        if not is_bare:
            return await http_exception_handler(request, error)
        document = await asyncio.to_thread(app.openapi)
        known = PAGES | {
            path: [method.upper() for method in operations] for path, operations in document["paths"].items()
        }
        return _answer(request, known, queries)


def _answer(request: Request, known: dict[str, list[str]], queries: NamedMonitors) -> Response:
    path = request.scope["path"]
    methods = sorted({each for found in _matching(path, known) for each in known[found]})
    if methods:
        expected = " or ".join(methods)
        said = f"{request.method} is not answered at {_shown(path)}; expected {expected}; /docs describes it"
        return JSONResponse({"detail": said}, 405, {"allow": ", ".join(methods)})
    monitor = _MONITOR.match(path)
    names = names_for(request.scope, queries)
    if monitor is not None and monitor[1] not in names:
        error = unknown_monitor(monitor[1], names)
        return JSONResponse({"detail": error.detail}, error.status_code)
    name = "NAME" if monitor is None else quote(monitor[1], safe="")
    others = [other.replace("{name}", name) for other in known]
    near = get_close_matches(path[:MAX_SHOWN], others, n=1)
    nearest = f"; the nearest is {near[0]}" if near else ""
    return JSONResponse({"detail": f"there is no path {_shown(path)}{nearest}; /docs lists them"}, 404)


def _matching(path: str, known: dict[str, list[str]]) -> Iterator[str]:
    for template in known:
        # A column's name may hold anything; no other part of a path holds a slash.
        pattern = re.escape(template).replace(r"\{column\}", r"[\s\S]*")
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", pattern), path):
            yield template


def _shown(path: str) -> str:
    plain = _TOKEN.sub("tg_...", path)
    return plain if len(plain) <= MAX_SHOWN else f"{plain[:MAX_SHOWN]}..."
