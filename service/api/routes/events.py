"""The paths to which systems push events of their own form.

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.bodies import BodyReader
from service.api.models import PushState, Receipt, Unrouted
from service.api.ports import IntakePort, MonitorQueries
from service.api.routes.dependencies import known_name
from service.api.routes.rows import ANSWERS, accepted, refusal
from service.core.time_units import to_datetime
from service.errors import IntakeError

KSERVE = "kserve"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            name: {"schema": {"type": "object"}}
            for name in ("application/json", "application/cloudevents+json")
        },
    }
}
EVENT_ANSWERS = ANSWERS | {404: {"description": "no monitor takes the event, or none has this name"}}


def event_routes(intake: IntakePort, queries: MonitorQueries) -> APIRouter:
    """Return the paths; who may send was asked before (`service/api/access`)."""
    reader = BodyReader()

    async def taken(request: Request, form: str, monitor: str | None = None) -> Response:
        with reader.room(request):
            body = await reader.read(request)
            try:
                receipt = await intake.events.take_in(form, dict(request.headers), body, monitor=monitor)
            except IntakeError as error:
                return refusal(error)
        return accepted(receipt)

    router = APIRouter(tags=["rows"])
    described: dict[str, Any] = {
        "status_code": 202,
        "response_model": Receipt,
        "responses": EVENT_ANSWERS,
        "openapi_extra": BODY,
    }

    @router.post("/v1/kserve", **described)
    async def log_inference(request: Request) -> Response:
        """Take in events of KServe's logger (CloudEvents) for the monitors of their inference service."""
        return await taken(request, KSERVE)

    @router.post("/v1/monitors/{name}/kserve", dependencies=[known_name(queries)], **described)
    async def log_inference_of(name: str, request: Request) -> Response:
        """Take in events of KServe's logger (CloudEvents) for one monitor."""
        return await taken(request, KSERVE, name)

    @router.get("/v1/kserve")
    async def unrouted_inferences() -> PushState:
        """List the inference services whose events no monitor takes."""
        found = [
            Unrouted(
                subject=each.subject, reason=each.reason, events=each.events, last=to_datetime(each.last)
            )
            for each in intake.events.unrouted
            if each.form == KSERVE
        ]
        return PushState(unrouted=found, refused=intake.events.refused.get(KSERVE, 0))

    return router
