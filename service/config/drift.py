"""What a monitor file may say of columns, windows, drift and alarms, and what the core makes of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from service.config.source import Duration, Part
from service.core.rows.schema import Kind
from service.core.windows.window import Unit, WindowPlan
from service.methods.alarm import AlarmPlan
from service.methods.drift import registry
from service.methods.drift.columns import DriftPlan, Verdict
from service.methods.quality.expectations import Expectation


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
        bounds = (self.min, self.max, self.allowed)
        if self.kind is Kind.TEXT and (self.unique or any(bound is not None for bound in bounds)):
            raise ValueError("a text column has no min, max, allowed or unique; expected not_null at most")
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


# Where mass went, how far the curves are apart at most, how the bulk is spread: each finds shifts that the
# others miss (docs/benchmarks/calibration.md).
CALIBRATED_METHODS = ("wasserstein:robust", "ks", "psi:robust")


class DriftConfig(Part):
    """Which drift methods measure which columns, and from where a value counts as drift.

    Unless named, the methods are three that see different things where thresholds are calibrated, else
    Evidently's choice. By `verdict` a column has drifted beyond the threshold of `any` of its methods (the
    default where calibrated: the rate holds over all of them together) or of the `first` alone.
    `thresholds` are calibrated on the reference for `false_alarm_rate` (of windows, over all columns
    together), Evidently's defaults, or given by method; one that is not named then keeps Evidently's.
    `blocks` says how windows are drawn from the reference for it: `short` finds small shifts and takes a
    level that wanders for hours or days for drift; `window`, in one piece, takes that for normal and finds
    less; `auto` is short where the reference's own consecutive windows bear it out. `multivariate` names what
    is measured over all columns together.
    """

    methods: tuple[str, ...] | None = Field(default=None, min_length=1)
    columns: dict[str, tuple[str, ...]] = Field(default={})
    thresholds: Literal["calibrated", "evidently"] | dict[str, float] = "calibrated"
    false_alarm_rate: float = Field(default=0.01, gt=0, le=0.5)
    blocks: Literal["auto", "short", "window"] = "auto"
    verdict: Verdict | None = None
    share: float = Field(default=0.5, gt=0, le=1)
    multivariate: tuple[Literal["pca", "domain_classifier"], ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Whether thresholds come from the reference."""
        return self.thresholds == "calibrated"

    @property
    def chosen_methods(self) -> tuple[str, ...]:
        """The methods by name: those given, else the default ones."""
        return self.methods or (CALIBRATED_METHODS if self.is_calibrated else (registry.DEFAULT,))

    def plan(self) -> DriftPlan:
        """Return the methods' form."""
        return DriftPlan(
            methods=self.chosen_methods,
            by_column=self.columns,
            verdict=self.verdict or (Verdict.ANY if self.is_calibrated else Verdict.FIRST),
            thresholds=self.thresholds if isinstance(self.thresholds, dict) else {},
            share=self.share,
            multivariate=self.multivariate,
        )


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
