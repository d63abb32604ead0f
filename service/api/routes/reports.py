"""The paths of a monitor's measured windows and of Evidently's report of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse

from service.api.models import ReportStatus, WindowRun
from service.api.routes.arguments import Instant  # noqa: TC001  # read at run time
from service.api.routes.dependencies import known_name
from service.core.time_units import to_datetime
from service.errors import ReportError, SourceError, WorkerError

if TYPE_CHECKING:
    from service.api.ports import Callables
    from service.core.windows import records

LARGEST_ID = 2**63 - 1
# Evidently's page is one file with its scripts inside; it may load nothing and touch nothing of this API.
POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


def report_routes(callables: Callables) -> APIRouter:
    """Return the routes under a monitor's windows."""
    router = APIRouter(
        prefix="/v1/monitors/{name}/windows",
        dependencies=[known_name(callables.queries)],
        tags=["reports"],
    )

    @router.get("", response_model=list[WindowRun])
    async def list_windows(name: str, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> list[WindowRun]:
        """List a monitor's measured windows, the newest first."""
        return [_model(run) for run in await callables.windows(name, limit)]

    @router.get("/{window}/report", response_class=HTMLResponse)
    async def window_report(name: str, window: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> HTMLResponse:
        """Return Evidently's report of a window against the reference; made now unless it is kept."""
        try:
            page = await callables.report(name, window)
        except ReportError as error:
            raise HTTPException(404, str(error)) from error
        except (WorkerError, SourceError) as error:
            raise HTTPException(503, str(error)) from error
        return HTMLResponse(page, headers={"content-security-policy": POLICY})

    @router.get("/report", response_model=ReportStatus)
    async def report_status(
        name: str,
        *,
        window: Annotated[int | None, Query(ge=1, le=LARGEST_ID)] = None,
        window_end: Instant | None = None,
    ) -> ReportStatus:
        """Return how far the report of a window is: by its id, by when it ends, or of the newest one."""
        try:
            found = await callables.report_status(name, window, window_end)
        except SourceError as error:
            raise HTTPException(503, str(error)) from error
        run = found.window
        return ReportStatus(
            state=found.state,
            window=None if run is None else _model(run),
            reason=found.reason,
            path=None if run is None else f"v1/monitors/{quote(name, safe='')}/windows/{run.id}/report",
        )

    return router


def _model(run: records.WindowRun) -> WindowRun:
    return WindowRun(
        id=run.id,
        start=to_datetime(run.start),
        end=to_datetime(run.end),
        revision=run.revision,
        rows=run.rows,
        computed_at=to_datetime(run.computed_at),
    )
