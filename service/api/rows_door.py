"""Answers requests that bring rows or labels, as an ASGI application of its own.

Behind FastAPI's own handling a single row took 0.2 ms before anything looked at it. The paths are in the
OpenAPI document all the same: `routes/rows.py` describes them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request
from fastapi.responses import JSONResponse
from starlette.routing import Route

from service.api.access.visible import names_for, unknown_monitor
from service.api.bodies import BodyReader
from service.api.models import Receipt, Reject
from service.core.inbox import BatchKind, Posted
from service.errors import (
    BacklogError,
    InboxUnavailableError,
    IntakeError,
    NoInboxError,
    RowsTooLargeError,
    UnknownFormatError,
    UnreadableRowsError,
    UnroutedEventError,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import Receive, Scope, Send

    from service.api.ports import IntakePort, NamedMonitors
    from service.core import inbox

STATUS: dict[type[IntakeError], int] = {
    UnroutedEventError: 404,
    NoInboxError: 409,
    RowsTooLargeError: 413,
    UnknownFormatError: 415,
    UnreadableRowsError: 422,
    BacklogError: 429,
    InboxUnavailableError: 503,
}


def open_doors(app: FastAPI, intake: IntakePort, queries: NamedMonitors) -> None:
    """Let an application answer requests with rows and labels, before the routes that it gets after this.

    Who may send is asked before, by the middleware of `service/api/access`.
    """
    reader = BodyReader()
    for kind in (BatchKind.ROWS, BatchKind.LABELS):
        door = RowsDoor(kind, reader, intake, queries)
        app.router.routes.append(Route(f"/v1/monitors/{{name}}/{kind.value}", door, methods=["POST"]))


class RowsDoor:
    """Answers the requests of one kind."""

    def __init__(
        self, kind: BatchKind, reader: BodyReader, intake: IntakePort, queries: NamedMonitors
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._intake = intake
        self._queries = queries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises HTTPException where it is refused before its content is looked at."""
        request = Request(scope, receive)
        name, headers = scope["path_params"]["name"], request.headers
        self._check_name(name, scope)
        with self._reader.room(request):
            body = await self._reader.read(request)
            posted = Posted(body, headers.get("content-type", ""), headers.get("content-encoding", ""))
            key = headers.get("idempotency-key")
            try:
                receipt = await self._intake.take_in(name, self._kind, posted, key=key)
            except IntakeError as error:
                answer = refusal(error)
            else:
                answer = accepted(receipt)
        await answer(scope, receive, send)

    def _check_name(self, name: str, scope: Scope) -> None:
        if self._intake.takes(name):
            return
        names = names_for(scope, self._queries)
        if name not in names:
            raise unknown_monitor(name, names)


def accepted(receipt: inbox.Receipt) -> JSONResponse:
    """Return the answer to a request that is durable."""
    content = Receipt(
        accepted=receipt.accepted,
        rejected=receipt.rejected,
        rejects=[Reject(row=reject.row, reason=reject.reason) for reject in receipt.rejects],
        repeated=receipt.is_repeat,
    )
    return JSONResponse(content.model_dump(mode="json"), 202)


def refusal(error: IntakeError) -> JSONResponse:
    """Return the answer to a request that was not taken."""
    headers = {} if error.retry_seconds is None else {"retry-after": str(error.retry_seconds)}
    return JSONResponse({"detail": str(error)}, STATUS[type(error)], headers)
