"""Answers requests that bring rows or labels, as an ASGI application of its own.

Behind FastAPI's own handling a single row took 0.2 ms before anything looked at it. The paths are in the
OpenAPI document all the same: `routes/rows.py` describes them.
"""

from __future__ import annotations

import hmac
from difflib import get_close_matches
from typing import TYPE_CHECKING

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from starlette.routing import Route

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
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive, Scope, Send

    from service.api.bodies import BodyReader
    from service.api.ports import IntakePort, MonitorQueries
    from service.core import inbox

STATUS: dict[type[IntakeError], int] = {
    NoInboxError: 409,
    RowsTooLargeError: 413,
    UnknownFormatError: 415,
    UnreadableRowsError: 422,
    BacklogError: 429,
    InboxUnavailableError: 503,
}


class RowsDoor:
    """Answers the requests of one kind; with a `token` every one has to bear it."""

    def __init__(
        self,
        kind: BatchKind,
        reader: BodyReader,
        intake: IntakePort,
        queries: MonitorQueries,
        token: str | None,
    ) -> None:
        self._kind = kind
        self._reader = reader
        self._intake = intake
        self._queries = queries
        self._token = token

    @property
    def route(self) -> Route:
        """Where it answers: `{name}` is the monitor's."""
        return Route(f"/v1/monitors/{{name}}/{self._kind.value}", self, methods=["POST"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Raises HTTPException where it is refused before its content is looked at."""
        name = scope["path_params"]["name"]
        # Of a header that comes twice the first one counts.
        headers = {
            key.decode("latin-1"): value.decode("latin-1") for key, value in reversed(scope["headers"])
        }
        self._admit(name, headers)
        with self._reader.room(headers.get("content-length", "")):
            body = await self._reader.read(receive)
            if body is None:
                return  # its sender has gone
            posted = Posted(body, headers.get("content-type", ""), headers.get("content-encoding", ""))
            key = headers.get("idempotency-key")
            try:
                receipt = await self._intake.take_in(name, self._kind, posted, key=key)
            except IntakeError as error:
                await _refusal(error)(scope, receive, send)
                return
        await _answer(receipt)(scope, receive, send)

    def _admit(self, name: str, headers: Mapping[str, str]) -> None:
        if self._token is not None and not _bears(headers.get("authorization", ""), self._token):
            raise HTTPException(
                401, "expected the header Authorization: Bearer TOKEN, with the token of "
                "TIDEGAUGE_INGEST_TOKEN", {"www-authenticate": "Bearer"},
            )  # fmt: skip
        if self._intake.takes(name):
            return
        names = [monitor.name for monitor in self._queries.monitors()]
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise HTTPException(404, f"no monitor is named {name!r}{hint}")


def _answer(receipt: inbox.Receipt) -> JSONResponse:
    content = Receipt(
        accepted=receipt.accepted,
        rejected=receipt.rejected,
        rejects=[Reject(row=reject.row, reason=reject.reason) for reject in receipt.rejects],
        repeated=receipt.is_repeat,
    )
    return JSONResponse(content.model_dump(mode="json"), 202)


def _refusal(error: IntakeError) -> JSONResponse:
    headers = {} if error.retry_seconds is None else {"retry-after": str(error.retry_seconds)}
    return JSONResponse({"detail": str(error)}, STATUS[type(error)], headers)


def _bears(authorization: str, token: str) -> bool:
    scheme, _, given = authorization.partition(" ")
    same = hmac.compare_digest(given.strip().encode(), token.encode())
    return same and scheme.lower() == "bearer"
