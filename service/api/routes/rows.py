"""The paths to which rows and labels are sent.

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from service.api.bodies import BodyReader
from service.api.models import IngestReadiness, Receipt, Reject
from service.api.ports import IntakePort, NamedMonitors
from service.core import inbox
from service.core.inbox import BatchKind
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

STATUS: dict[type[IntakeError], int] = {
    UnroutedEventError: 404,
    NoInboxError: 409,
    RowsTooLargeError: 413,
    UnknownFormatError: 415,
    UnreadableRowsError: 422,
    BacklogError: 429,
    InboxUnavailableError: 503,
}
CONTENT: dict[str, dict[str, object]] = {
    "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
    **{
        name: {"schema": {"type": "string", "format": "binary"}}
        for name in (
            "application/x-ndjson", "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet",
            "text/csv",
        )
    },
}  # fmt: skip
BODY: dict[str, object] = {"requestBody": {"required": True, "content": CONTENT}}
KEY_SAYS = "kept for seven days; the same content sent again under it gets the same answer and counts once"
ANSWERS: dict[int | str, dict[str, Any]] = {
    404: {"description": "no monitor has this name"},
    409: {"description": "the monitor takes no rows that are sent"},
    413: {"description": "larger than is taken at once"},
    415: {"description": "a content type or encoding that is not read"},
    422: {"description": "not what its type says, or no row can be used; nothing was kept"},
    429: {"description": "too many rows wait; Retry-After says when to send again"},
    503: {"description": "rows cannot be made durable now; Retry-After says when to send again"},
}

Key = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_SAYS)]


def row_routes(intake: IntakePort, queries: NamedMonitors) -> APIRouter:
    """Return the paths; who may send was asked before (`service/api/access`)."""
    reader = BodyReader()

    def known(name: str) -> None:
        names = [monitor.name for monitor in queries.monitors()]
        if name not in names:
            near = get_close_matches(name, names, n=1)
            hint = f"; the nearest is {near[0]!r}" if near else ""
            raise HTTPException(404, f"no monitor is named {name!r}{hint}")

    router = APIRouter(tags=["rows"])
    guard = [Depends(known)]

    @router.post(
        "/v1/monitors/{name}/rows",
        status_code=202,
        response_model=Receipt,
        responses=ANSWERS,
        openapi_extra=BODY,
        dependencies=guard,
    )
    async def send_rows(name: str, request: Request, key: Key = None) -> Response:
        """Take in rows: an array of objects, an object per line, an Arrow stream, Parquet or CSV.

        The answer comes once the rows are durable; the next cycle measures them.
        """
        return await _answered(reader, request, partial(intake.take_in, name, BatchKind.ROWS, key=key))

    @router.post(
        "/v1/monitors/{name}/labels",
        status_code=202,
        response_model=Receipt,
        responses=ANSWERS,
        openapi_extra=BODY,
        dependencies=guard,
    )
    async def send_labels(name: str, request: Request, key: Key = None) -> Response:
        """Take in labels that come after their rows, each with the id of its row."""
        return await _answered(reader, request, partial(intake.take_in, name, BatchKind.LABELS, key=key))

    @router.get("/readyz/ingest", tags=["health"])
    async def ready_to_ingest(response: Response) -> IngestReadiness:
        """Return whether rows can be made durable now; 503 where they cannot."""
        trouble = intake.trouble()
        response.status_code = 200 if trouble is None else 503
        return IngestReadiness(ready=trouble is None, reason=trouble)

    return router


async def _answered(
    reader: BodyReader, request: Request, take: Callable[[inbox.Posted], Awaitable[inbox.Receipt]]
) -> Response:
    with reader.room(request):
        body = await reader.read(request)
        headers = request.headers
        posted = inbox.Posted(body, headers.get("content-type", ""), headers.get("content-encoding", ""))
        try:
            receipt = await take(posted)
        except IntakeError as error:
            return refusal(error)
    return accepted(receipt)


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
