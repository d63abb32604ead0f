"""What the HTTP routes are handed: callables and their results."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from service.access.gate import Gate
    from service.core.inbox import BatchKind, Posted, Receipt, Unrouted
    from service.core.paging import PageRequest
    from service.core.read_models import (
        Axis,
        ColumnDistribution,
        IntakeState,
        MonitorEvent,
        SeriesFilter,
        StoredEvent,
        StoredMeasurement,
        StoredSeries,
    )
    from service.core.report_status import ReportStatus
    from service.core.windows.records import WindowRun
    from service.status.columns import ColumnPage
    from service.status.live_feed import EventBroadcaster
    from service.status.monitor_state import CycleStatus, MonitorState
    from service.status.overview import Overview
    from service.status.window_page import MeasurementFilter, WindowPage


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether the service can do its work, what keeps it from it, and which replica holds which monitors."""

    ready: bool
    checks: dict[str, str]
    replicas: dict[str, list[str]] = field(default_factory=dict)


class EventIntakePort(Protocol):
    """Takes in events that a system pushes. Raises IntakeError."""

    @property
    def unrouted(self) -> Sequence[Unrouted]:
        """The events that no monitor takes, by subject, since the start."""
        ...

    @property
    def refused(self) -> Mapping[str, int]:
        """How many requests were refused, by the kind of push, since the start."""
        ...

    async def take_in(
        self, form: str, headers: Mapping[str, str], body: bytes, *, monitor: str | None = None
    ) -> Receipt:
        """Return what became of a request's events, once they are durable."""
        ...


class IntakePort(Protocol):
    """Takes in rows and labels that are sent. Raises IntakeError."""

    @property
    def events(self) -> EventIntakePort:
        """What takes in events."""
        ...

    async def take_in(
        self, monitor: str, kind: BatchKind, posted: Posted, *, key: str | None = None
    ) -> Receipt:
        """Return what became of a request's rows or labels, once they are durable."""
        ...

    def takes(self, monitor: str) -> bool:
        """Whether rows can be sent to a monitor."""
        ...

    def trouble(self) -> str | None:
        """Return why rows cannot be made durable now; None where they can."""
        ...


class MonitorsPort(Protocol):
    """Takes in monitor files that are sent."""

    async def put(self, name: str, body: bytes, sent_by: str) -> bool:
        """Make or change a monitor; return whether it is a new one.

        Raises ConfigurationError with a line per fault, DefinedByFileError where a file defines the name.
        """
        ...


class Named(Protocol):
    """A monitor, of which no more than the name is asked."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class NamedMonitors(Protocol):
    """Which monitors there are."""

    def monitors(self) -> Sequence[Named]:
        """List them."""
        ...


class MonitorQueries(Protocol):
    """What is asked of the monitors, each named by one that `monitors` lists. Raises StoreError."""

    def of(self, names: Collection[str]) -> MonitorQueries:
        """Return what answers of these monitors alone, as if there were no others."""
        ...

    def monitors(self) -> Sequence[CycleStatus]:
        """List the monitors and how their cycles go."""
        ...

    def columns(self, monitor: str) -> Collection[str]:
        """Return the columns that a monitor watches."""
        ...

    async def state(self, monitor: str) -> MonitorState:
        """Return a monitor's state."""
        ...

    async def overview(self, request: PageRequest, name: str | None = None) -> Overview:
        """Return a page of the monitors' states, the worst first; with `name` only that monitor's."""
        ...

    async def newest_events(self, request: PageRequest) -> Sequence[MonitorEvent]:
        """Return the newest events of the monitors that match, the newest first."""
        ...

    async def window_page(self, monitor: str, wanted: MeasurementFilter, request: PageRequest) -> WindowPage:
        """Return a page of the newest window's measurements, the worst first."""
        ...

    async def column_page(self, monitor: str, request: PageRequest) -> ColumnPage:
        """Return a page of a monitor's columns, the worst first."""
        ...

    async def intake(self, monitor: str) -> IntakeState:
        """Return what comes in from a monitor's source, and what was refused of it."""
        ...

    async def series(self, monitor: str) -> Sequence[StoredSeries]:
        """Return which series a monitor has."""
        ...

    async def measurements(
        self,
        wanted: SeriesFilter,
        *,
        axis: Axis,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> Sequence[StoredMeasurement]:
        """Return the newest measurements by `axis`, from `since` to `until` (both included), oldest first."""
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
        self, monitor: str, column: str, window_end: datetime | None, against_end: datetime | None
    ) -> ColumnDistribution:
        """Return a column's bins in a window, else in the newest, and in another one."""
        ...


@dataclass(frozen=True, slots=True)
class Callables:
    """What the API answers with; the wiring fills it in.

    - `queries`: what is asked of the monitors
    - `readiness`: the checks behind `/readyz`
    - `scrape`: body and content type of `/metrics`, by the header `accept` and the monitors in it (None: all)
    - `windows`: a monitor's measured windows, the newest first, at most so many
    - `report`: the HTML of a window's report
    - `report_status`: how far the report of a window is, by its id, by its end, or of the newest
    - `refused`: by monitor, else by file, why a monitor file is not used
    - `broadcaster`: the live stream
    - `intake`: takes in rows that are sent
    - `monitors`: takes in monitors that are sent; None where none may be
    - `gate`: who is let in
    """

    queries: MonitorQueries
    readiness: Callable[[], Awaitable[Readiness]]
    scrape: Callable[[str, frozenset[str] | None], Awaitable[tuple[bytes, str]]]
    windows: Callable[[str, int], Awaitable[Sequence[WindowRun]]]
    report: Callable[[str, int], Awaitable[str]]
    report_status: Callable[[str, int | None, datetime | None], Awaitable[ReportStatus]]
    refused: Callable[[], Mapping[str, str]]
    broadcaster: EventBroadcaster
    intake: IntakePort
    monitors: MonitorsPort | None
    gate: Gate
