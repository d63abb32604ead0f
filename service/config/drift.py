"""What a monitor file may say of columns, windows, drift and alarms, and what the core makes of it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.config.base import Section
from service.methods.drift import registry
from service.methods.drift.columns import DriftPlan, VerdictRule

# Where mass went, how far the curves are apart at most, how the bulk is spread: each finds shifts that the
# others miss (docs/benchmarks/calibration.md).
CALIBRATED_METHODS = ("wasserstein:robust", "ks", "psi:robust")


class DriftConfig(Section):
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
    verdict: VerdictRule | None = None
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
            verdict=self.verdict or (VerdictRule.ANY if self.is_calibrated else VerdictRule.FIRST),
            thresholds=self.thresholds if isinstance(self.thresholds, dict) else {},
            share=self.share,
            multivariate=self.multivariate,
        )
