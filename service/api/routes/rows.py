"""The paths to which rows and labels are sent.

Annotations are evaluated at once here: FastAPI would not find a dependency that is local to a function.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Response

from service.api.models import IngestReadiness, Receipt
from service.api.ports import IntakePort

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

ANSWERED_BEFORE = "RowsDoor answers this path"

Key = Annotated[str | None, Header(alias="Idempotency-Key", description=KEY_SAYS)]


def row_routes(intake: IntakePort) -> APIRouter:
    """Return the paths; what is sent to them `RowsDoor` answers, and here it is described."""
    router = APIRouter(tags=["rows"])
    described: dict[str, Any] = {"status_code": 202, "responses": ANSWERS, "openapi_extra": BODY}

    @router.post("/v1/monitors/{name}/rows", **described)
    async def send_rows(name: str, key: Key = None) -> Receipt:
        """Take in rows: an array of objects, an object per line, an Arrow stream, Parquet or CSV.

        The answer comes once the rows are durable; the next cycle measures them.
        """
        raise NotImplementedError(ANSWERED_BEFORE)

    @router.post("/v1/monitors/{name}/labels", **described)
    async def send_labels(name: str, key: Key = None) -> Receipt:
        """Take in labels that come after their rows, each with the id of its row."""
        raise NotImplementedError(ANSWERED_BEFORE)

    @router.get("/readyz/ingest", tags=["health"])
    async def ready_to_ingest(response: Response) -> IngestReadiness:
        """Return whether rows can be made durable now; 503 where they cannot."""
        trouble = intake.trouble()
        response.status_code = 200 if trouble is None else 503
        return IngestReadiness(ready=trouble is None, reason=trouble)

    return router
