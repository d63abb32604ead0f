"""What the HTTP routes are handed: callables and their results."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from service.core.read_models import (
        Axis,
        ColumnDistribution,
        SeriesFilter,
        StoredEvent,
        StoredMeasurement,
        StoredSeries,
    )
    from service.core.windows.records import WindowRun
    from service.status.live_feed import EventBroadcaster
    from service.status.monitor_state import CycleStatus, MonitorState, NewestWindow


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, and what keeps it from it."""

    ready: bool
    checks: dict[str, str]


class MonitorQueries(Protocol):
    """What is asked of the monitors, each named by one that `monitors` lists. Raises StoreError."""

    def monitors(self) -> Sequence[CycleStatus]:
        """List the monitors and how their cycles go."""
        ...

    def columns(self, monitor: str) -> Collection[str]:
        """Return the columns that a monitor watches."""
        ...

    async def state(self, monitor: str) -> MonitorState:
        """Return a monitor's state."""
        ...

    async def latest_window(self, monitor: str) -> NewestWindow:
        """Return a monitor's newest window."""
        ...

    async def series(self, monitor: str) -> Sequence[StoredSeries]:
        """Return which series a monitor has."""
        ...

    async def measurements(
        self, wanted: SeriesFilter, *, axis: Axis, since: datetime | None, limit: int
    ) -> Sequence[StoredMeasurement]:
        """Return the newest measurements by `axis`, oldest first."""
        ...

    async def unknown_name(self, wanted: SeriesFilter) -> str | None:
        """Return what to say of a name in a filter that the monitor does not have; None where it has all."""
        ...

    async def events(
        self, monitor: str, *, since: datetime | None, kind: str | None, limit: int
    ) -> Sequence[StoredEvent]:
        """Return events, the newest first."""
        ...

    async def distribution(
        self, monitor: str, column: str, window_end: datetime | None
    ) -> ColumnDistribution:
        """Return a column's bins in a window, else in the newest."""
        ...


@dataclass(frozen=True, slots=True)
class Callables:
    """What the API answers with; the wiring fills it in.

    - `queries`: what is asked of the monitors
    - `readiness`: the checks behind `/readyz`
    - `scrape`: body and content type of `/metrics`, by the header `accept`
    - `windows`: a monitor's measured windows, the newest first, at most so many
    - `report`: the HTML of a window's report
    - `refused`: by monitor, else by file, why a monitor file is not used
    - `broadcaster`: the live stream
    """

    queries: MonitorQueries
    readiness: Callable[[], Awaitable[Readiness]]
    scrape: Callable[[str], Awaitable[tuple[bytes, str]]]
    windows: Callable[[str, int], Awaitable[Sequence[WindowRun]]]
    report: Callable[[str, int], Awaitable[str]]
    refused: Callable[[], Mapping[str, str]]
    broadcaster: EventBroadcaster
