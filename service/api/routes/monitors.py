"""What can be asked of one monitor: its state, its series, its numbers, its events."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # FastAPI reads the annotations at run time
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query

from service.api.models import Distribution, Event, Measurement, MonitorState, NewestWindow, Series
from service.api.routes.dependencies import known_name

if TYPE_CHECKING:
    from service.api.ports import Callables

MOST_ROWS = 2_000
MOST_EVENTS = 500


def monitor_routes(callables: Callables) -> APIRouter:
    """Return the paths under `/v1/monitors/{name}`; a name that no monitor has is not found."""
    found = known_name(callables.monitors)
    router = APIRouter(prefix="/v1/monitors/{name}", dependencies=[found], tags=["monitors"])

    @router.get("/state", response_model=MonitorState)
    async def state(name: str) -> Any:
        """Say whether a monitor is fine, since when not and why, by aspect."""
        return await callables.state(name)

    @router.get("/series", response_model=list[Series])
    async def series(name: str) -> Any:
        """List which numbers a monitor has measured, without those of its cycles' own health."""
        return await callables.series(name)

    @router.get("/windows/latest", response_model=NewestWindow)
    async def latest_window(name: str) -> Any:
        """Return the newest window's numbers, the most severe first."""
        return await callables.latest_window(name)

    @router.get("/events", response_model=list[Event])
    async def events(
        name: str,
        *,
        since: datetime | None = None,
        kind: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_EVENTS)] = 50,
    ) -> Any:
        """Return alarms raised and ended and schema changes, the newest first; `since` is when recorded."""
        return await callables.events(monitor=name, since=since, kind=kind, limit=limit)

    @router.get("/columns/{column:path}/distribution", response_model=Distribution)
    async def distribution(name: str, column: str, window_end: datetime | None = None) -> Any:
        """Return a column's values in a window, else in the newest, beside the reference's."""
        return await callables.distribution(monitor=name, column=column, window_end=window_end)

    @router.get("/metrics", response_model=list[Measurement])
    async def metrics(
        name: str,
        *,
        aspect: str | None = None,
        column: str | None = None,
        segment: str | None = None,
        metric: str | None = None,
        definition: str | None = None,
        axis: Literal["computed_at", "window_end"] = "computed_at",
        since: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 1_000,
    ) -> Any:
        """Return a monitor's newest measurements, oldest first.

        `axis` is what is newest, and what `since` is compared with: when it was computed (without `since` of
        the last day) or, for a chart of event time, where the window ends.
        """
        return await callables.measurements(
            monitor=name,
            aspect=aspect,
            column=column,
            segment=segment,
            metric=metric,
            definition=definition,
            axis=axis,
            since=since,
            limit=limit,
        )

    return router
