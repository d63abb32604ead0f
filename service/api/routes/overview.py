"""The paths over all monitors: a page of their states, and their newest events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from service.api.models import MonitorEvent, Overview
from service.api.routes.arguments import PageNumber, Search, Text  # noqa: TC001  # read at run time
from service.core.paging import PageRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.api.ports import Callables
    from service.core.read_models import MonitorEvent as StoredMonitorEvent
    from service.status import overview as status

MAX_MONITORS = 100
MAX_EVENTS = 500


def overview_routes(callables: Callables) -> APIRouter:
    """Return `/v1/overview` and `/v1/events`."""
    queries = callables.queries
    router = APIRouter(prefix="/v1", tags=["monitors"])

    @router.get("/overview", response_model=Overview)
    async def overview(
        *,
        search: Search = "",
        name: Annotated[
            Text | None, Query(description="only the monitor of that name, if there is one")
        ] = None,
        page: PageNumber = 1,
        limit: Annotated[int, Query(ge=1, le=MAX_MONITORS, description="per page")] = 20,
    ) -> status.Overview:
        """Return the monitors' states, the worst first; a search looks at names and descriptions."""
        return await queries.overview(PageRequest(search, page, limit), name)

    @router.get("/events", response_model=list[MonitorEvent])
    async def events(
        *,
        search: Search = "",
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 50,
    ) -> Sequence[StoredMonitorEvent]:
        """Return the newest events of the monitors that match, the newest first."""
        return await queries.newest_events(PageRequest(search, 1, limit))

    return router
