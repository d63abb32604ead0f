"""What a monitor file may say: the shape of one watched model's YAML, and what the core makes of it."""

from __future__ import annotations

import difflib
import re
from datetime import datetime  # pydantic reads the annotations
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from service.core.schema import Column, Kind, Role, Schema
from service.core.task import TaskName
from service.core.window import Unit, WindowPlan
from service.errors import ConfigurationError
from service.methods import registry
from service.methods.alarm import AlarmPlan
from service.methods.drift import DriftPlan
from service.methods.expectation import Expectation
from service.methods.measure import MeasurePlan
from service.methods.traffic import TrafficPlan
from service.monitor_task import Asked, check_performance, task_from

if TYPE_CHECKING:
    from service.core.task import Task

SECOND = 1_000_000
_UNITS = {"ms": 1_000, "s": SECOND, "m": 60 * SECOND, "h": 3_600 * SECOND, "d": 86_400 * SECOND}
_UNITS["w"] = 7 * _UNITS["d"]


def microseconds(text: object) -> int:
    """Return a duration such as `7d`, `90s` or `250ms` in microseconds.

    Raises ValueError for anything else.
    """
    found = re.fullmatch(r"(\d+)\s*(ms|s|m|h|d|w)", str(text).strip())
    if not found:
        raise ValueError(f"expected a duration such as 30s, 15m, 6h, 7d or 2w, got {text!r}")
    return int(found[1]) * _UNITS[found[2]]


def _zoned(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"expected a time with its zone, such as {instant.isoformat()}Z")
    return instant


Duration = Annotated[int, BeforeValidator(microseconds)]
Instant = Annotated[datetime, AfterValidator(_zoned)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]


class Part(BaseModel):
    """A part of a monitor file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ReplayConfig(Part):
    """Rows of a Parquet or CSV file, in the order of their event time."""

    type: Literal["replay"]
    path: str
    timestamp: str
    step: Duration | None = None
    rows: int | None = Field(default=None, ge=1)
    start: Instant | None = None
    end: Instant | None = None

    @model_validator(mode="after")
    def _one_pace(self) -> ReplayConfig:
        if (self.step is None) == (self.rows is None):
            raise ValueError("expected one of step (event time a cycle takes) and rows (rows a cycle takes)")
        return self


class DummyConfig(Part):
    """Random rows, one a cycle, in a table of their own."""

    type: Literal["dummy"]
    seed: int = 0


class FileReference(Part):
    """Rows of a Parquet or CSV file, all of them or those from `start` to `end` (half-open)."""

    type: Literal["file"] = "file"
    path: str | None = None
    start: Instant | None = None
    end: Instant | None = None


class DummyReference(Part):
    """Rows drawn as the dummy source draws them."""

    type: Literal["dummy"]
    rows: int = Field(default=2_000, ge=2)


class ColumnConfig(Part):
    """A watched column: its kind, and what is expected of it; every row that offends is a breach."""

    kind: Kind
    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    allowed: tuple[str | bool | int | float, ...] | None = Field(default=None, min_length=1)
    not_null: bool = False
    unique: bool = False

    @model_validator(mode="after")
    def _can_be_kept(self) -> ColumnConfig:
        if self.kind is Kind.CATEGORICAL and (self.min is not None or self.max is not None):
            raise ValueError("min and max belong to numerical columns; expected allowed: [..] for categories")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"expected min at or below max, got {self.min:g} and {self.max:g}")
        texts = [value for value in self.allowed or () if isinstance(value, str)]
        if self.kind is Kind.NUMERICAL and texts:
            raise ValueError(f"allowed: expected numbers for a numerical column, got {texts[0]!r}")
        return self

    @property
    def expectation(self) -> Expectation:
        """What is declared, in the methods' form."""
        return Expectation(self.min, self.max, self.allowed, self.not_null, self.unique)


class ServiceConfig(Part):
    """Where the rows say how the watched model was served: milliseconds, and whether it failed (0 is no)."""

    latency_ms: str | None = None
    error: str | None = None


class WindowConfig(Part):
    """What is compared with the reference: `size` of event time or rows, moving on by `hop`."""

    size: Duration | None = None
    hop: Duration | None = None
    size_rows: int | None = Field(default=None, ge=1)
    hop_rows: int | None = Field(default=None, ge=1)
    offset: Duration = 0
    lateness: Duration = 0
    min_rows: int = Field(default=30, ge=1)

    @model_validator(mode="after")
    def _whole_hops(self) -> WindowConfig:
        if (self.size is None) == (self.size_rows is None):
            raise ValueError("expected one of size (event time, such as 7d) and size_rows (a number of rows)")
        if (self.hop and self.size_rows) or (self.hop_rows and self.size):
            raise ValueError("expected hop beside size, or hop_rows beside size_rows")
        size, hop = self._size_and_hop
        if hop == 0 or size % hop:
            raise ValueError("expected the size to be a whole number of hops")
        if self.size_rows and (self.offset or self.lateness):
            raise ValueError("offset and lateness belong to windows of event time, not of rows")
        return self

    @property
    def _size_and_hop(self) -> tuple[int, int]:
        size = self.size or self.size_rows or 0
        return size, self.hop or self.hop_rows or size

    def plan(self) -> WindowPlan:
        """Return the core's form."""
        size, hop = self._size_and_hop
        unit = Unit.TIME if self.size else Unit.ROWS
        return WindowPlan(unit, hop, size // hop, self.offset, self.min_rows, self.lateness)


class DriftConfig(Part):
    """Which drift methods measure which columns, and from where a value counts as drift.

    `thresholds` are calibrated on the reference for `false_alarm_rate` (of windows, over all columns
    together), Evidently's defaults, or given by method; one that is not named then keeps Evidently's.
    `blocks` says how windows are drawn from the reference for it: `short` finds small shifts and takes a
    level that wanders for hours or days for drift; `window`, in one piece, takes that for normal and finds
    less; `auto` is short where the reference's own consecutive windows bear it out.
    """

    methods: tuple[str, ...] = ("wasserstein:robust", "default")
    columns: dict[str, tuple[str, ...]] = {}
    thresholds: Literal["calibrated", "evidently"] | dict[str, float] = "calibrated"
    false_alarm_rate: float = Field(default=0.01, gt=0, le=0.5)
    blocks: Literal["auto", "short", "window"] = "auto"
    share: float = Field(default=0.5, gt=0, le=1)


class AlarmConfig(Part):
    """An alarm is raised by `breaches` of the last `windows` windows, and ends by as many clear ones."""

    breaches: int = Field(default=2, ge=1)
    windows: int = Field(default=3, ge=1, le=100)

    @model_validator(mode="after")
    def _enough_windows(self) -> AlarmConfig:
        if self.breaches > self.windows:
            raise ValueError(f"expected at most {self.windows} breaches of {self.windows} windows")
        return self

    def plan(self) -> AlarmPlan:
        """Return the methods' form."""
        return AlarmPlan(self.breaches, self.windows)


def _kind_alone(value: Any) -> Any:
    return {"kind": value} if isinstance(value, str) else value


class Monitor(Part):
    """One watched model."""

    name: Name
    description: str = ""
    source: Annotated[ReplayConfig | DummyConfig, Field(discriminator="type")]
    reference: Annotated[FileReference | DummyReference, Field(discriminator="type")]
    columns: dict[str, Annotated[ColumnConfig, BeforeValidator(_kind_alone)]] = Field(min_length=1)
    id: str | None = None
    service: ServiceConfig | None = None
    task: Literal["regression", "binary", "multiclass"] | None = None
    prediction: str | None = None
    target: str | None = None
    score: str | None = None
    scores: dict[str | bool | int | float, str] = {}
    positive: str | bool | int | float | None = None
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    window: WindowConfig
    drift: DriftConfig = DriftConfig()
    alarm: AlarmConfig = AlarmConfig()
    performance: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}
    cycle_seconds: float | None = Field(default=None, ge=0, le=86_400)

    @model_validator(mode="after")
    def _names_agree(self) -> Monitor:
        check_performance(self.performance, self._task)
        if isinstance(self.reference, FileReference) and self.reference.path is None:
            if not isinstance(self.source, ReplayConfig):
                raise ValueError("reference: expected a path, since the source has no file")
            if self.reference.start is None and self.reference.end is None:
                raise ValueError("reference: expected a path, or start and end within the source's file")
        self._methods_exist()
        self._names_beside_the_columns()
        return self

    def _names_beside_the_columns(self) -> None:
        if self.id is not None and self.id in self.columns:
            raise ValueError(f"id: {self.id!r} is watched; expected another column, or unique: true there")
        for key, name in self._served.items():
            config = self.columns.get(name)
            if config is not None and config.kind is not Kind.NUMERICAL:
                raise ValueError(f"service.{key}: {name!r} is {config.kind}; expected numerical")
            if name == self.id:
                raise ValueError(f"service.{key}: {name!r} is the id; expected another column")

    @property
    def _served(self) -> dict[str, str]:
        return {} if self.service is None else self.service.model_dump(exclude_none=True)

    @property
    def _asked(self) -> Asked:
        return Asked(
            task=None if self.task is None else TaskName(self.task),
            prediction=self.prediction,
            target=self.target,
            score=self.score,
            scores=self.scores,
            positive=self.positive,
            threshold=self.threshold,
        )

    @property
    def _task(self) -> Task | None:
        return task_from(self._asked, {name: config.kind for name, config in self.columns.items()})

    def _methods_exist(self) -> None:
        if isinstance(self.drift.thresholds, dict):
            known = {name for m in registry.METHODS.values() for name in (m.name, m.full_name)}
            for name in self.drift.thresholds.keys() - known:
                nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
                raise ValueError(f"drift.thresholds.{name}: no such method; the nearest is {nearest}")
        for column in self.drift.columns:
            if column not in self.columns:
                raise ValueError(f"drift.columns: {column!r} is not among the columns")
        for column, config in self.columns.items():
            for name in self.drift.columns.get(column, ()):
                _find(name, config.kind, f"drift.columns.{column}")
        for name in self.drift.methods:
            if not any(_exists(name, config.kind) for config in self.columns.values()):
                _find(name, next(iter(self.columns.values())).kind, "drift.methods")

    @property
    def schema_(self) -> Schema:
        """The watched columns in the core's form."""
        roles = dict.fromkeys(self._asked.predicted_columns, Role.PREDICTION)
        if self.target is not None:
            roles[self.target] = Role.TARGET
        columns = [
            Column(name, config.kind, roles.get(name, Role.FEATURE), config.min, config.max)
            for name, config in self.columns.items()
        ]
        beside = (name for name in dict.fromkeys(self._served.values()) if name not in self.columns)
        columns += [Column(name, Kind.NUMERICAL, Role.SERVICE) for name in beside]
        return Schema(tuple(columns), self._task, self.id)

    @property
    def measure_plan(self) -> MeasurePlan:
        """What to measure, in the methods' form."""
        drift = DriftPlan(
            methods=self.drift.methods,
            by_column=self.drift.columns,
            thresholds=self.drift.thresholds if isinstance(self.drift.thresholds, dict) else {},
            share=self.drift.share,
        )
        return MeasurePlan(
            drift=drift,
            performance=self.performance,
            min_rows=self.window.min_rows,
            expectations={name: config.expectation for name, config in self.columns.items()},
            traffic=self._traffic,
        )

    @property
    def _traffic(self) -> TrafficPlan | None:
        if self.service is None:
            return None
        seconds = None if self.window.size is None else self.window.size / SECOND
        return TrafficPlan(self.service.latency_ms, self.service.error, seconds)


def _exists(name: str, kind: Kind) -> bool:
    try:
        _find(name, kind, "")
    except ValueError:
        return False
    return True


def _find(name: str, kind: Kind, where: str) -> None:
    if name == "default":
        return
    try:
        registry.find(name, kind)
    except ConfigurationError as error:
        raise ValueError(f"{where}: {error}") from error
