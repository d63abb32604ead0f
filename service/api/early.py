"""Build the HTTP API of a service that has not reached its database yet: what can be taken in without it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi import Response  # noqa: TC002  # read at run time
from fastapi.responses import JSONResponse

from service import __version__
from service.api.access.middleware import AskGate
from service.api.access.openapi import GuardedApi
from service.api.routes.rows import row_routes
from service.api.rows_door import open_doors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from service.access.gate import Gate
    from service.api.ports import IntakePort

AWAY = "the database was not reached since this service started; send again later"
RETRY_SECONDS = 5
# Which tokens and monitors there are beyond those on this disk is the database's to say.
UNDECIDED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}


class _Named(NamedTuple):
    name: str


class _Names:
    """The monitors that have a file."""

    def __init__(self, names: Sequence[str]) -> None:
        self._found = [_Named(name) for name in names]

    def monitors(self) -> list[_Named]:
        """List them."""
        return self._found


def build_early(intake: IntakePort, names: Sequence[str], gate: Gate) -> FastAPI:
    """Return the application: health, and the paths to which rows and labels are sent."""
    app = GuardedApi(title="Tidegauge", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(AskGate, gate=gate)
    app.add_middleware(_Undecided)  # the last is the first to see a request

    open_doors(app, intake, _Names(names))

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        """Return that the process is alive: the event loop answers."""
        return {"status": "alive", "version": __version__}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, Any]:
        """Return that the service waits for its database."""
        response.status_code = HTTPStatus.SERVICE_UNAVAILABLE
        return {"ready": False, "checks": {"database": AWAY}}

    app.include_router(row_routes(intake))
    return app


class _Undecided:
    """Answers 503 where a refusal would be for good, and might be wrong: senders keep their rows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application; its refusal is replaced by another."""
        is_replaced = False

        async def send_or_replace(message: Message) -> None:
            nonlocal is_replaced
            if message["type"] == "http.response.start" and message["status"] in UNDECIDED:
                is_replaced = True
                headers = {"retry-after": str(RETRY_SECONDS)}
                await JSONResponse({"detail": AWAY}, 503, headers)(scope, receive, send)
            if not is_replaced:
                await send(message)

        await self._app(scope, receive, send_or_replace)
