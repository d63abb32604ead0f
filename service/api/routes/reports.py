"""Which windows were measured, and Evidently's report of one."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from service.api.routes.dependencies import known_name
from service.core.time_units import EPOCH
from service.errors import ReportError, SourceError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Windows = Callable[[str, int], Awaitable[list[Any]]]
    ReportOf = Callable[[str, int], Awaitable[str]]

LARGEST_ID = 2**63 - 1
# Evidently's page is one file with its scripts inside; nothing of it may reach out or touch this door.
POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:"
)


class Window(BaseModel):
    """One measuring of one window."""

    id: int
    start: datetime
    end: datetime
    revision: int
    rows: int
    computed_at: datetime


def report_routes(
    monitors: Callable[[], list[dict[str, Any]]], windows: Windows, report: ReportOf
) -> APIRouter:
    """Return the routes under a monitor's windows."""
    found = known_name(monitors)
    router = APIRouter(prefix="/v1/monitors/{name}/windows", dependencies=[found], tags=["reports"])

    @router.get("", response_model=list[Window])
    async def list_windows(name: str, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> list[Window]:
        """List a monitor's measured windows, the newest first."""
        return [_window(run) for run in await windows(name, limit)]

    @router.get("/{window}/report", response_class=HTMLResponse)
    async def window_report(name: str, window: Annotated[int, Path(ge=1, le=LARGEST_ID)]) -> HTMLResponse:
        """Return Evidently's report of a window against the reference; made now unless it is kept."""
        try:
            page = await report(name, window)
        except ReportError as error:
            raise HTTPException(404, str(error)) from error
        except (WorkerError, SourceError) as error:
            raise HTTPException(503, str(error)) from error
        return HTMLResponse(page, headers={"content-security-policy": POLICY})

    return router


def _window(run: Any) -> Window:
    found = asdict(run)
    instants = {name: EPOCH + timedelta(microseconds=found[name]) for name in ("start", "end", "computed_at")}
    return Window(**{**found, **instants})
