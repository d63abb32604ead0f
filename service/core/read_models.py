"""Types of what is read back about the monitors, for the API, the page and the commands.

Instants are datetimes with a time zone here, unlike in the rest of the core: nothing is computed with them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from service.core.alarm_state import AlarmName

if TYPE_CHECKING:
    from datetime import datetime

    from service.core.measurement import Aspect, Worse

Axis = Literal["computed_at", "window_end"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFilter:
    """Which series are asked for; None: whichever. An empty `segment` is that of all rows."""

    monitor: str | None = None
    aspect: str | None = None
    column: str | None = None
    segment: str | None = None
    metric: str | None = None
    definition: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSeries:
    """What is measured; see `core/measurement.py` for the words."""

    aspect: Aspect
    column_name: str
    segment: str
    metric: str
    definition: str
    unit: str
    worse: Worse

    @property
    def alarm_name(self) -> AlarmName:
        """The alarm that a breach of this series counts for."""
        return AlarmName(self.aspect, self.column_name, self.segment, self.metric, self.definition)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredValue(StoredSeries):
    """A value of one window, or the reason why there is none.

    - `reference`: the same metric of the reference
    - `severity`: 1 at the threshold, higher is worse, at most 100
    - `error_bound`: how far the value can lie from the exact one
    - `low`, `high`: its 95 % band
    """

    value: float | None
    reference: float | None
    threshold: float | None
    breached: bool | None
    severity: float | None
    error_bound: float | None
    low: float | None
    high: float | None
    rows: int
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMeasurement(StoredValue):
    """A row of the view `metrics`."""

    monitor: str
    window_start: datetime
    window_end: datetime
    revision: int
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowValue(StoredValue):
    """A value of the newest window, or of the newest cycle's health, which has no `series_id`."""

    series_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredWindow:
    """A measured window, in event time."""

    window_start: datetime
    window_end: datetime
    revision: int
    rows: int
    computed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestWindow:
    """A monitor's newest window and its alarms, all of one instant.

    - `window`: None before the first
    - `values`: of the window, the most severe first; last, where asked for, the newest cycle's own health
    - `alarms`: as the checkpoint keeps them (`core/alarm_state.py`)
    - `started`: whether a cycle was committed
    - `ended`: whether the source has nothing left
    """

    window: MeasuredWindow | None
    values: list[WindowValue]
    alarms: dict[str, str]
    started: bool = True
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestMeasurement(StoredValue):
    """A measurement of the newest window.

    `alarm` is whether it represents a raised alarm, `decides` whether it is breached and its breach counts.
    """

    alarm: bool
    decides: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewestWindow:
    """A monitor's newest window, None before the first, and its measurements, the most important first.

    `started` and `ended` are as `LatestWindow` has them.
    """

    window: MeasuredWindow | None
    measurements: list[NewestMeasurement]
    started: bool = True
    ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmStart:
    """When an alarm was raised last, in event time, and what was said of it."""

    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RaisedAlarm:
    """An alarm that is raised; `since` is event time, None where it is not known."""

    aspect: Aspect
    column_name: str
    segment: str
    metric: str
    definition: str
    since: datetime | None
    message: str | None

    @property
    def alarm_name(self) -> AlarmName:
        """Which alarm it is."""
        return AlarmName(self.aspect, self.column_name, self.segment, self.metric, self.definition)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """A mark on a chart; `at` is event time."""

    id: int
    at: datetime
    recorded_at: datetime
    kind: str
    column_name: str
    metric: str
    message: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DistributionBin:
    """One bin that the reference fixed for a column, or one label; see `core/reference/bins.py`.

    `further` says that it is one of those that continue an open bin, see `core/reference/further_bins.py`.
    """

    label: str
    low: float | None
    high: float | None
    share: float | None
    reference_share: float | None
    against_share: float | None = None
    further: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDistribution:
    """A column's values in a window; no window and no bins where nothing is kept of that column.

    `against` is the other window that was asked for, else `against_reason` says why it cannot be compared.
    """

    column_name: str
    window: MeasuredWindow | None
    bins: list[DistributionBin]
    against: MeasuredWindow | None = None
    against_reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a monitor stands, as far as its place among all monitors depends on it.

    - `raised`: the aspects with a raised alarm, each with its worst severity in the newest window
    - `breached`: likewise, those with a breach that counts in the newest window
    """

    raised: dict[Aspect, float]
    breached: dict[Aspect, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRows:
    """Rows that were refused for one reason: how many are kept, and when the newest came."""

    reason: str
    rows: int
    newest: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeState:
    """What comes in from a monitor's source, and what cannot be used of it.

    A count is None where the source does not have such a thing.

    - `taken`, `refused`, `repeated`, `unpaired`: of the last hour, the rows, the refused rows, those that had
      been counted before, and the events given up without their other halves
    - `lag_seconds`, `backlog`, `waiting`: how far the newest cycle was behind, the rows that it left for the
      next ones, and the events that waited for their other halves
    - `reasons`: why rows were refused in the last day, the newest first
    """

    taken: int
    refused: int
    repeated: int | None
    unpaired: int | None
    lag_seconds: float | None
    backlog: int | None
    waiting: int | None
    reasons: list[RefusedRows]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorEvent(StoredEvent):
    """An event of one of several monitors."""

    monitor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SparkPoint:
    """A series' value in one window, None where it could not be measured."""

    window_end: datetime
    value: float | None
    breached: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShares:
    """Shares of a window's rows and of the reference's by bin; the last bin is that of missing values."""

    window: list[float]
    reference: list[float]
