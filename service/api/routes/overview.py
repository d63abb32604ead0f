"""The paths over all monitors: their list, a page of their states, and their newest events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query, Request

from service.api.access.visible import queries_for
from service.api.models import Monitor, MonitorEvent, Overview
from service.api.routes.arguments import PageNumber, Search, Text  # noqa: TC001  # read at run time
from service.api.routes.dependencies import known_name
from service.core.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.api.ports import Callables
    from service.core.read_models import MonitorEvent as StoredMonitorEvent
    from service.status import overview as status
    from service.status.monitor_state import CycleStatus

MAX_MONITORS = 100
MAX_EVENTS = 500


def overview_routes(callables: Callables) -> APIRouter:
    """Return `/v1/monitors`, and one of the list, `/v1/overview` and `/v1/events`."""
    router = APIRouter(prefix="/v1", tags=["monitors"])

    @router.get("/monitors", response_model=list[Monitor])
    async def monitors(request: Request) -> Sequence[CycleStatus]:
        """List the monitors and how their cycles go."""
        return queries_for(request.scope, callables.queries).monitors()

    @router.get("/monitors/{name}", response_model=Monitor, dependencies=[known_name(callables.queries)])
    async def monitor(name: str) -> CycleStatus:
        """Return how a monitor's cycles go, as the list of all has it."""
        return next(each for each in callables.queries.monitors() if each.name == name)

    @router.get("/overview", response_model=Overview)
    async def overview(
        request: Request,
        *,
        search: Search = "",
        name: Annotated[
            Text | None, Query(description="only the monitor of that name, if there is one")
        ] = None,
        page: PageNumber = 1,
        limit: Annotated[int, Query(ge=1, le=MAX_MONITORS, description="per page")] = 20,
    ) -> status.Overview:
        """Return the monitors' states, the worst first; a search looks at names and descriptions."""
        queries = queries_for(request.scope, callables.queries)
        return await queries.overview(PageRequest(search, page, limit), name)

    @router.get("/events", response_model=list[MonitorEvent])
    async def events(
        request: Request,
        *,
        search: Search = "",
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 50,
    ) -> Sequence[StoredMonitorEvent]:
        """Return the newest events of the monitors that match, the newest first."""
        queries = queries_for(request.scope, callables.queries)
        return await queries.newest_events(PageRequest(search, 1, limit))

    return router
