"""The paths to which log records are sent by OTLP/HTTP.

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response

from service.api import otlp_answers
from service.api.bodies import BodyReader
from service.api.models import PushState, Unrouted
from service.api.ports import IntakePort, MonitorQueries
from service.api.routes.dependencies import known_name
from service.api.rows_door import STATUS
from service.core.inbox import Receipt
from service.core.time_units import to_datetime
from service.errors import IntakeError, UnreadableRowsError, UnroutedEventError

OTLP = "otlp"
TIMEOUT = 408
LONGEST_RETRY_SECONDS = 30  # an exporter drops at once what it may send again only after five minutes
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            otlp_answers.JSON: {"schema": {"type": "object"}},
            otlp_answers.PROTOBUF: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "durable; partialSuccess says which records were rejected"},
    400: {"description": "not what its type says"},
    404: {"description": "no monitor has this name"},
    409: {"description": "the monitor takes no log records"},
    413: {"description": "larger than is taken at once"},
    415: {"description": "a content type or encoding that is not read"},
    429: {"description": "too many rows wait; Retry-After says when to send again"},
    503: {"description": "rows cannot be made durable now; Retry-After says when to send again"},
}


def log_routes(intake: IntakePort, queries: MonitorQueries) -> APIRouter:
    """Return the paths; who may send was asked before (`service/api/access`)."""
    reader = BodyReader()

    async def taken(request: Request, monitor: str | None = None) -> Response:
        is_json = "json" in request.headers.get("content-type", "").lower()
        try:
            with reader.room(request):
                body = await reader.read(request)
                headers = dict(request.headers)
                receipt = await intake.events.take_in(OTLP, headers, body, monitor=monitor)
        except UnroutedEventError as error:  # a collector sends all logs
            return otlp_answers.taken(0, str(error), is_json=is_json)
        except IntakeError as error:
            status = 400 if isinstance(error, UnreadableRowsError) else STATUS[type(error)]
            return otlp_answers.refused(status, str(error), is_json=is_json, headers=_retry(error))
        except HTTPException as error:
            status, retry = error.status_code, dict(error.headers or {})
            if status == TIMEOUT:  # exporters drop what is answered so
                status, retry = 503, {"retry-after": "1"}
            return otlp_answers.refused(status, str(error.detail), is_json=is_json, headers=retry)
        return otlp_answers.taken(receipt.rejected, _said(receipt), is_json=is_json)

    router = APIRouter(tags=["rows"])
    described: dict[str, Any] = {"responses": ANSWERS, "openapi_extra": BODY}

    @router.post("/v1/logs", **described)
    async def send_logs(request: Request) -> Response:
        """Take in log records (OTLP/HTTP) for the monitors of their events."""
        return await taken(request)

    @router.post("/v1/monitors/{name}/logs", dependencies=[known_name(queries)], **described)
    async def send_logs_of(name: str, request: Request) -> Response:
        """Take in log records (OTLP/HTTP) for one monitor."""
        return await taken(request, name)

    @router.get("/v1/logs")
    async def unrouted_logs() -> PushState:
        """List the events whose log records no monitor takes."""
        found = [
            Unrouted(
                subject=each.subject, reason=each.reason, events=each.events, last=to_datetime(each.last)
            )
            for each in intake.events.unrouted
            if each.form == OTLP
        ]
        return PushState(unrouted=found, refused=intake.events.refused.get(OTLP, 0))

    return router


def _retry(error: IntakeError) -> dict[str, str]:
    if error.retry_seconds is None:
        return {}
    return {"retry-after": str(min(error.retry_seconds, LONGEST_RETRY_SECONDS))}


def _said(receipt: Receipt) -> str:
    return "; ".join(dict.fromkeys(reject.reason for reject in receipt.rejects))
