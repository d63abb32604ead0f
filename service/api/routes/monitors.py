"""The paths under one monitor: its state, its series, its measurements, its events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, HTTPException, Query

from service.api.models import Distribution, Event, Measurement, MonitorState, NewestWindow, Series
from service.api.routes.arguments import Instant, Text  # noqa: TC001  # read at run time
from service.api.routes.dependencies import known_name
from service.core.measurement import Aspect  # noqa: TC001  # as above
from service.core.read_models import Axis, SeriesFilter
from service.status.known_names import EVENT_KINDS, advice

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

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
        since: Instant | None = None,
        kind: Text | None = None,
        limit: Annotated[int, Query(ge=1, le=MAX_EVENTS)] = 50,
    ) -> Sequence[StoredEvent]:
        """Return alarms raised and ended and schema changes, the newest first; `since` is when recorded."""
        _check_kind(kind)
        return await queries.events(name, since=since, kind=kind, limit=limit)

    @router.get("/columns/{column:path}/distribution", response_model=Distribution)
    async def distribution(name: str, column: str, window_end: Instant | None = None) -> ColumnDistribution:
        """Return a column's values in a window, else in the newest, and in the reference.

        A column that the monitor does not watch, and of which nothing is kept, is not found.
        """
        known = queries.columns(name)
        if "\x00" in column:  # no column has it, and the database cannot even be asked
            raise HTTPException(404, unknown_column(name, column, known))
        found = await queries.distribution(name, column, window_end)
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
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 1_000,
    ) -> Sequence[StoredMeasurement]:
        """Return a monitor's newest measurements, oldest first.

        `axis` is what is newest, and what `since` is compared with: when it was computed (without `since` of
        the last day) or, for a chart of event time, where the window ends. A column, segment, metric or
        definition that the monitor does not have is not found.
        """
        wanted = SeriesFilter(
            monitor=name,
            aspect=aspect,
            column=column,
            segment=segment,
            metric=metric,
            definition=definition,
        )
        found = await queries.measurements(wanted, axis=axis, since=since, limit=limit)
        unknown = None if found else await queries.unknown_name(wanted)
        if unknown is not None:
            raise HTTPException(404, unknown)
        return found

    return router


def _check_kind(kind: str | None) -> None:
    if kind is not None and kind not in EVENT_KINDS:
        raise HTTPException(404, f"no event is of the kind {kind!r}{advice(kind, EVENT_KINDS)}")


def unknown_column(monitor: str, column: str, known: Collection[str]) -> str:
    """Return the message for a column that a monitor does not have: the nearest one and the list."""
    return f"{monitor} has no column {column!r}{advice(column, known)}"
