"""Schema of a monitor file's drift section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.config.base import Section
from service.methods.drift import registry
from service.methods.drift.columns import DriftPlan, VerdictRule

# How far mass moved, the largest distance between the two distribution functions, and how the bulk is spread:
# each finds shifts that the others miss (docs/benchmarks/calibration.md).
CALIBRATED_METHODS = ("wasserstein:robust", "ks", "psi:robust")


class DriftConfig(Section):
    """Which drift methods measure which columns, and from which value on a column has drifted.

    - `methods`: the methods for every column. Default: three that see different things where thresholds are
      calibrated, else Evidently's choice.
    - `columns`: methods by column, in place of these.
    - `thresholds`: `calibrated` on the reference, `evidently` for Evidently's defaults, or numbers by method
      (a method without one keeps Evidently's default).
    - `false_alarm_rate`: the share of windows without drift that calibrated thresholds let alarm, over all
      columns together.
    - `blocks`: how windows are drawn from the reference to calibrate. `short` finds small shifts and takes a
      level that wanders for hours or days for drift; `window`, in one piece, takes that for normal and finds
      less; `auto` is short where the reference's own consecutive windows justify it.
    - `verdict`: whether a column has drifted by `any` of its methods (the default where calibrated, as the
      rate holds over all of them together) or by the `first` alone.
    - `share`: the share of drifted columns from which on the data set has drifted.
    - `multivariate`: what is measured over all columns together.
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
        """Whether thresholds are calibrated on the reference."""
        return self.thresholds == "calibrated"

    @property
    def chosen_methods(self) -> tuple[str, ...]:
        """The names of the methods: those given, else the default."""
        return self.methods or (CALIBRATED_METHODS if self.is_calibrated else (registry.DEFAULT,))

    def plan(self) -> DriftPlan:
        """Return the methods' form."""
        return DriftPlan(
            methods=self.chosen_methods,
            by_column=self.columns,
            verdict=self.verdict or (VerdictRule.ANY if self.is_calibrated else VerdictRule.FIRST),
            thresholds=self.thresholds if isinstance(self.thresholds, dict) else {},
            share=self.share,
            false_alarm_rate=self.false_alarm_rate if self.is_calibrated else None,
            multivariate=self.multivariate,
        )
