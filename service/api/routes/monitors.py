"""The paths under one monitor: its state, its series, its measurements, its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query

from service.api.models import Columns, Distribution, Event, Measurement, MonitorState, NewestWindow, Series
from service.api.routes.arguments import Instant, PageNumber, Search, Text  # noqa: TC001  # read at run time
from service.api.routes.dependencies import known_name, known_parameters
from service.core.measurement import Aspect  # noqa: TC001  # as above
from service.core.paging import PageRequest
from service.core.read_models import Axis, SeriesFilter
from service.status.known_names import EVENT_KINDS, advice
from service.status.window_page import MeasurementFilter, SecondOpinions

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from service.api.ports import Callables, MonitorQueries
    from service.core.read_models import ColumnDistribution, StoredEvent, StoredMeasurement, StoredSeries
    from service.status import monitor_state as status
    from service.status.columns import ColumnPage
    from service.status.window_page import WindowPage

MAX_ROWS = 2_000
MAX_EVENTS = 500
MAX_COLUMNS = 100
MAX_WINDOW_ROWS = 1_000


def monitor_routes(callables: Callables) -> APIRouter:
    """Return the paths under `/v1/monitors/{name}`; a name that no monitor has is not found."""
    queries = callables.queries
    router = APIRouter(
        prefix="/v1/monitors/{name}", dependencies=[known_name(queries), known_parameters], tags=["monitors"]
    )

    @router.get("/state", response_model=MonitorState)
    async def state(name: str) -> status.MonitorState:
        """Return whether a monitor is fine, since when not and why, by aspect."""
        return await queries.state(name)

    @router.get("/series", response_model=list[Series])
    async def series(name: str) -> Sequence[StoredSeries]:
        """List which series a monitor has, without those of its cycles' own health."""
        return await queries.series(name)

    @router.get("/windows/latest", response_model=NewestWindow)
    async def latest_window(
        name: str,
        *,
        aspect: Aspect | None = None,
        search: Search = "",
        beyond: Annotated[bool, Query(description="only those beyond their threshold or in alarm")] = False,
        second_opinions: Annotated[
            SecondOpinions,
            Query(description="measurements beyond their threshold that raise no alarm of their own"),
        ] = "with",
        page: PageNumber = 1,
        limit: Annotated[
            int | None, Query(ge=1, le=MAX_WINDOW_ROWS, description="per page; by default all")
        ] = None,
    ) -> WindowPage:
        """Return the newest window's measurements, the worst first: performance, then by severity."""
        wanted = MeasurementFilter(aspect=aspect, beyond=beyond, second_opinions=second_opinions)
        return await queries.window_page(name, wanted, PageRequest(search, page, limit))

    @router.get("/columns", response_model=Columns)
    async def columns(
        name: str,
        *,
        search: Search = "",
        page: PageNumber = 1,
        limit: Annotated[int, Query(ge=1, le=MAX_COLUMNS, description="per page")] = 25,
    ) -> ColumnPage:
        """Return a monitor's columns, the worst first: drift and its history, missing share, distribution."""
        return await queries.column_page(name, PageRequest(search, page, limit))

    @router.get("/events", response_model=list[Event])
    async def events(
        name: str,
        *,
        since: Instant | None = None,
        kind: Text | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 50,
    ) -> Sequence[StoredEvent]:
        """Return alarms raised and ended and schema changes, the newest first; `since` is when recorded."""
        _check_kind(kind)
        return await queries.events(name, since=since, kind=kind, limit=limit)

    @router.get("/columns/{column:any_text}/distribution", response_model=Distribution)
    async def distribution(
        name: str, column: str, window_end: Instant | None = None, against: Instant | None = None
    ) -> ColumnDistribution:
        """Return a column's values in a window, else in the newest, and in the reference.

        `against` is where another window ends, whose values are returned as well. An open bin that holds more
        than a tenth of a window's rows is continued by further ones.

        A column that the monitor does not watch, and of which nothing is kept, is not found.
        """
        known = queries.columns(name)
        if "\x00" in column:  # no column has it, and the database cannot even be asked
            raise HTTPException(404, unknown_column(name, column, known))
        found = await queries.distribution(name, column, window_end, against)
        if found.window is None and column not in known:
            raise HTTPException(404, unknown_column(name, column, known))
        return found

    @router.get("/metrics", response_model=list[Measurement])
    async def metrics(
        name: str,
        *,
        aspect: Aspect | None = None,
        column: Text | None = None,
        segment: Text | None = None,
        metric: Text | None = None,
        definition: Text | None = None,
        axis: Axis = "computed_at",
        since: Instant | None = None,
        until: Instant | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 1_000,
    ) -> Sequence[StoredMeasurement]:
        """Return a monitor's newest measurements, oldest first.

        `axis` is what is newest, and what `since` and `until` (both included) are compared with: when it was
        computed (without `since` of the last day, or of the day before `until`) or, for a chart of event
        time, where the window ends. A column, segment, metric or definition that the monitor does not have
        is not found.
        """
        wanted = SeriesFilter(
            monitor=name,
            aspect=aspect,
            column=column,
            segment=segment,
            metric=metric,
            definition=definition,
        )
        found = await queries.measurements(wanted, axis=axis, since=since, until=until, limit=limit)
        await _check_names(queries, wanted, found)
        return found

    return router


async def _check_names(
    queries: MonitorQueries, wanted: SeriesFilter, found: Sequence[StoredMeasurement]
) -> None:
    unknown = None if found else await queries.unknown_name(wanted)
    if unknown is not None:
        raise HTTPException(404, unknown)


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in EVENT_KINDS:
        raise HTTPException(404, f"no event is of the kind {kind!r}{advice(kind, EVENT_KINDS)}")


def unknown_column(monitor: str, column: str, known: Collection[str]) -> str:
    """Return the message for a column that a monitor does not have: the nearest one and the list."""
    return f"{monitor} has no column {column!r}{advice(column, known)}"
