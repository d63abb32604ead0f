"""The API's answers, as the OpenAPI page shows them.

Instants have a time zone; a missing value has its reason.

They are read from the dataclasses of `core/read_models.py` and `status/monitor_state.py`, field by field.
"""

from __future__ import annotations

from datetime import datetime  # pydantic reads the annotations at run time
from typing import Any

from pydantic import BaseModel, Field

from service.core.measurement import Aspect, Worse  # as above
from service.core.report_status import ReportState  # as above
from service.status.monitor_state import Verdict  # as above


class Monitor(BaseModel):
    """A monitor and how its cycles go."""

    name: str
    description: str = ""
    cycle_seconds: float = Field(description="from cycle to cycle; 0 is as fast as it goes")
    cycles: int = Field(description="since the service started; all, where another process runs them")
    failures_in_a_row: int
    finished: bool = Field(description="whether its source is exhausted or its cycles are done")
    last_cycle: datetime | None = Field(description="when the last good cycle ended")
    waits: str = Field("", description="what it waits for, such as rows of its reference; else empty")
    replica: str | None = Field(
        None, description="the process that runs its cycles; None where there is one alone, or none runs them"
    )


class MonitorSent(BaseModel):
    """A monitor that was sent, and whether it is a new one."""

    name: str
    created: bool


class RefusedFile(BaseModel):
    """A monitor file that is not used, as it is now."""

    name: str = Field(description="the monitor that goes on by an earlier version of it, else the file")
    reason: str
    runs: bool = Field(description="whether a monitor of that name goes on by an earlier version of it")


class Reject(BaseModel):
    """A row that cannot be used."""

    row: dict[str, Any] = Field(description="its cells, sensitive ones masked")
    reason: str


class Receipt(BaseModel):
    """What became of the rows or labels of a request, which are durable now."""

    accepted: int = Field(description="how many are measured by the next cycle")
    rejected: int = Field(description="how many cannot be used")
    rejects: list[Reject] = Field(description="the first ten of these")
    repeated: bool = Field(description="whether this is the answer of an earlier request under the same key")


class Unrouted(BaseModel):
    """Events of one subject that no monitor takes."""

    subject: str = Field(description="whom they are about, such as namespace/inference service")
    reason: str = Field(description="why no monitor takes the last of them")
    events: int = Field(description="how many came since the start of the service")
    last: datetime = Field(description="when the last came")


class PushState(BaseModel):
    """What became of pushed events that were not kept, since the start of the service."""

    unrouted: list[Unrouted]
    refused: int = Field(description="requests that were refused for another reason; the log says why")


class IngestReadiness(BaseModel):
    """Whether rows can be made durable now."""

    ready: bool
    reason: str | None


class Series(BaseModel):
    """What is measured."""

    aspect: Aspect
    column_name: str = Field(description="empty for a measurement of the whole window")
    segment: str
    metric: str
    definition: str = Field(description="whose definition it follows where there is more than one")
    unit: str
    worse: Worse


class Value(Series):
    """A value of one window, or the reason why there is none."""

    value: float | None
    reference: float | None = Field(description="the same metric of the reference")
    threshold: float | None
    breached: bool | None
    severity: float | None = Field(description="1 at the threshold, higher is worse, at most 100")
    error_bound: float | None = Field(description="how far the value can lie from the exact one")
    low: float | None = Field(description="of its 95 % band")
    high: float | None
    rows: int
    reason: str | None


class Measurement(Value):
    """A value of one window with both its times."""

    monitor: str
    window_start: datetime
    window_end: datetime
    computed_at: datetime
    revision: int


class NewestMeasurement(Value):
    """A measurement of the newest window."""

    alarm: bool = Field(description="whether it represents a raised alarm")
    decides: bool = Field(description="whether it is breached and its breach counts for the aspect's verdict")


class Window(BaseModel):
    """A measured window, in event time."""

    window_start: datetime
    window_end: datetime
    revision: int
    rows: int
    computed_at: datetime


class WindowRun(BaseModel):
    """One measurement of one window, by its id."""

    id: int
    start: datetime
    end: datetime
    revision: int
    rows: int
    computed_at: datetime


class ReportStatus(BaseModel):
    """How far Evidently's report of a window is.

    The states: `impossible` (with the reason), `possible` (not asked for since the service started),
    `making`, `ready`, `failed` (with the reason; asking again tries again).
    """

    state: ReportState
    window: WindowRun | None
    reason: str | None
    path: str | None = Field(
        description="GET it to make the report or to open it; None where there is no window"
    )


class AspectState(BaseModel):
    """One aspect of a monitor: its verdict, since when, why."""

    aspect: Aspect
    verdict: Verdict
    since: datetime | None = Field(description="event time of the oldest alarm that is raised")
    alarms: int
    breaches: int = Field(description="of the newest window, those that count")
    numbers: int = Field(description="measurements with a value")
    gaps: int = Field(description="measurements without a value")
    reason: str | None = Field(description="why there is no value, or what is wrong with the cycles")
    headline: NewestMeasurement | None = Field(description="the worst, else the first with a reference")


class Alarm(BaseModel):
    """A series whose alarm is raised."""

    aspect: Aspect
    column_name: str
    segment: str
    metric: str
    definition: str
    since: datetime | None = Field(description="event time")
    message: str | None


class MonitorSummary(Monitor):
    """Whether a monitor is fine, since when not, and why, by aspect."""

    verdict: Verdict
    story: str = Field(description="the state in words: since when, and why")
    since: datetime | None
    window: Window | None = Field(description="the newest; None before the first")
    aspects: list[AspectState] = Field(description="performance first")


class MonitorState(MonitorSummary):
    """Whether a monitor is fine, since when not, and why, with every alarm that is raised."""

    alarms: list[Alarm]


class Overview(BaseModel):
    """A page of the monitors, the worst first: alarms, breaches, the rest; performance first in each."""

    total: int = Field(description="all monitors")
    alarms: int = Field(description="how many of all are in alarm")
    matched: int = Field(description="monitors that match the search, over all pages")
    monitors: list[MonitorSummary]


class NewestWindow(BaseModel):
    """The newest window's measurements and those of the newest cycle, the worst first.

    Alarms come first, then breaches that count, then second opinions, then the rest, and last those without a
    value; in each of these performance comes first, then the more severe before the less severe.
    """

    window: Window | None
    measurements: list[NewestMeasurement]
    total: int = Field(description="all measurements of the window")
    matched: int = Field(description="measurements that match the arguments, over all pages")
    second_opinions: int = Field(
        description="how many match that are beyond their threshold and raise no alarm of their own"
    )


class SparkPoint(BaseModel):
    """A value in one window of a column's history."""

    window_end: datetime
    value: float | None
    breached: bool | None


class ColumnShares(BaseModel):
    """Shares of rows by bin, in the order in which bins are drawn; the last bin is that of missing values."""

    window: list[float]
    reference: list[float]


class Column(BaseModel):
    """A column in the newest window, and its drift in the windows before."""

    column_name: str
    drift: NewestMeasurement | None = Field(description="the drift measurement that represents the column")
    missing: NewestMeasurement | None = Field(description="the share of missing values")
    history: list[SparkPoint] = Field(description="of `drift`, by event time, oldest first")
    distribution: ColumnShares | None


class Columns(BaseModel):
    """A page of a monitor's columns, the worst first."""

    window: Window | None
    total: int = Field(description="all columns")
    matched: int = Field(description="columns that match the search, over all pages")
    columns: list[Column]


class Event(BaseModel):
    """A mark on a chart: a breach, a recovery, a schema change."""

    id: int
    at: datetime = Field(description="event time")
    recorded_at: datetime
    kind: str
    column_name: str
    metric: str
    message: str
    details: dict[str, Any]


class RefusedRows(BaseModel):
    """Rows that were refused for one reason."""

    reason: str
    rows: int = Field(description="kept in the last day; events, where the source pairs these")
    newest: datetime


class IntakeState(BaseModel):
    """What comes in from a monitor's source; null where the source does not have such a thing."""

    taken: int = Field(description="rows in the last hour")
    refused: int = Field(description="rows in the last hour; events, where the source pairs these")
    repeated: int | None = Field(description="rows in the last hour that had been counted before")
    unpaired: int | None = Field(description="events given up in the last hour without their other halves")
    lag_seconds: float | None = Field(description="how far the newest cycle was behind")
    backlog: int | None = Field(description="rows that the newest cycle left for the next ones")
    waiting: int | None = Field(description="events that wait for their other halves")
    reasons: list[RefusedRows] = Field(description="why rows were refused in the last day, the newest first")


class MonitorEvent(Event):
    """An event of one of several monitors."""

    monitor: str


class Bin(BaseModel):
    """One bin that the reference fixed for a column, or one label."""

    label: str
    low: float | None = Field(description="included; None where there is no end, as for labels")
    high: float | None = Field(description="excluded")
    share: float | None = Field(description="of the window's rows")
    reference_share: float | None
    against_share: float | None = Field(description="of the rows of the window compared with")
    further: bool = Field(description="whether it is one of the bins that continue an open one")


class Distribution(BaseModel):
    """A column's values in a window and in the reference."""

    column_name: str
    window: Window | None = Field(description="None, and no bins, where nothing is kept of that column")
    against: Window | None = Field(description="the window compared with, where one was asked for")
    against_reason: str | None = Field(description="why the window asked for cannot be compared")
    bins: list[Bin] = Field(description="in the order in which they are drawn; the missing come last")
