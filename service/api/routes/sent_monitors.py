"""The path to which monitors are sent; who may send one was asked before (`service/api/access`).

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse

from service.api.bodies import BodyReader
from service.api.models import MonitorSent
from service.api.ports import MonitorsPort
from service.errors import ConfigurationError, DefinedByFileError

BODY: dict[str, object] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "object"}},
        },
    }
}
ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": MonitorSent, "description": "changed, or as it was"},
    403: {"description": "no monitor may be sent to this service"},
    409: {"description": "a monitor file on the service's disk defines this name"},
    408: {"description": "the body did not come in time"},
    413: {"description": "larger than is taken at once"},
    429: {"description": "too much is being read at once; Retry-After says when to send again"},
    422: {"description": "not a monitor file that can be used: a line per fault; nothing was changed"},
}
NOT_ALLOWED = (
    "no monitor may be sent to this service; whoever runs it allows it by TIDEGAUGE_SENT_MONITORS=true"
)


def sent_monitor_routes(monitors: MonitorsPort | None) -> APIRouter:
    """Return the path; without `monitors` it refuses."""
    reader = BodyReader()
    router = APIRouter(tags=["monitors"])

    @router.put(
        "/v1/monitors/{name}",
        status_code=201,
        response_model=MonitorSent,
        responses=ANSWERS,
        openapi_extra=BODY,
    )
    async def send_monitor(name: str, request: Request) -> Response:
        """Make a monitor, or change one that was made so: its monitor file, as YAML or JSON.

        The answer comes once it is kept and its cycles run by it here; other replicas follow in a moment.
        """
        if monitors is None:
            raise HTTPException(403, NOT_ALLOWED)
        with reader.room(request):
            body = await reader.read(request)
            sender = "an unknown address" if request.client is None else request.client.host
            try:
                is_new = await monitors.put(name, body, sender)
            except ConfigurationError as error:
                return JSONResponse({"detail": str(error), "faults": str(error).splitlines()}, 422)
            except DefinedByFileError as error:
                raise HTTPException(409, str(error)) from error
        sent = MonitorSent(name=name, created=is_new)
        return JSONResponse(sent.model_dump(mode="json"), 201 if is_new else 200)

    return router
