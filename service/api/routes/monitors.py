"""The paths under one monitor: its state, its series, its measurements, its events."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003  # FastAPI reads the annotations at run time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Query

from service.api.models import Distribution, Event, Measurement, MonitorState, NewestWindow, Series
from service.api.routes.dependencies import known_name
from service.core.read_models import Axis, SeriesFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.api.ports import Callables
    from service.core.read_models import ColumnDistribution, StoredEvent, StoredMeasurement, StoredSeries
    from service.status import monitor_state as status

MAX_ROWS = 2_000
MAX_EVENTS = 500


def monitor_routes(callables: Callables) -> APIRouter:
    """Return the paths under `/v1/monitors/{name}`; a name that no monitor has is not found."""
    queries = callables.queries
    router = APIRouter(prefix="/v1/monitors/{name}", dependencies=[known_name(queries)], tags=["monitors"])

    @router.get("/state", response_model=MonitorState)
    async def state(name: str) -> status.MonitorState:
        """Return whether a monitor is fine, since when not and why, by aspect."""
        return await queries.state(name)

    @router.get("/series", response_model=list[Series])
    async def series(name: str) -> Sequence[StoredSeries]:
        """List which series a monitor has, without those of its cycles' own health."""
        return await queries.series(name)

    @router.get("/windows/latest", response_model=NewestWindow)
    async def latest_window(name: str) -> status.NewestWindow:
        """Return the newest window's measurements, the most severe first."""
        return await queries.latest_window(name)

    @router.get("/events", response_model=list[Event])
    async def events(
        name: str,
        *,
        since: datetime | None = None,
        kind: str | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 50,
    ) -> Sequence[StoredEvent]:
        """Return alarms raised and ended and schema changes, the newest first; `since` is when recorded."""
        return await queries.events(name, since=since, kind=kind, limit=limit)

    @router.get("/columns/{column:path}/distribution", response_model=Distribution)
    async def distribution(name: str, column: str, window_end: datetime | None = None) -> ColumnDistribution:
        """Return a column's values in a window, else in the newest, and in the reference."""
        return await queries.distribution(name, column, window_end)

    @router.get("/metrics", response_model=list[Measurement])
    async def metrics(
        name: str,
        *,
        aspect: str | None = None,
        column: str | None = None,
        segment: str | None = None,
        metric: str | None = None,
        definition: str | None = None,
        axis: Axis = "computed_at",
        since: datetime | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 1_000,
    ) -> Sequence[StoredMeasurement]:
        """Return a monitor's newest measurements, oldest first.

        `axis` is what is newest, and what `since` is compared with: when it was computed (without `since` of
        the last day) or, for a chart of event time, where the window ends.
        """
        wanted = SeriesFilter(
            monitor=name,
            aspect=aspect,
            column=column,
            segment=segment,
            metric=metric,
            definition=definition,
        )
        return await queries.measurements(wanted, axis=axis, since=since, limit=limit)

    return router
