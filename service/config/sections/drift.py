"""Schema of a monitor file's drift section."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from service.config.base import Number, Section
from service.methods.drift import registry
from service.methods.drift.columns import DriftPlan, VerdictRule

# How far mass moved, the largest distance between the two distribution functions, and how the bulk is spread:
# each shows what the others miss.
CALIBRATED_METHODS = ("wasserstein:robust", "ks", "psi:robust")
# Two distances from the reference of the same hours and days, for people to read.
SEASON_METHODS = ("wasserstein:season", "psi:season")


class DriftConfig(Section):
    """Which drift methods measure which columns, and from which value on a column has drifted.

    - `methods`: the methods for every column. Default: three that see different things where alarms are
      calibrated, else Evidently's choice.
    - `columns`: methods by column, in place of these.
    - `thresholds`: `calibrated`, where a test against how the reference's own days differ decides and the
      methods' values have no threshold; `evidently` for Evidently's defaults; or numbers by method (a method
      without one keeps Evidently's default).
    - `false_alarm_rate`: the share of windows without drift that calibrated alarms may cover, over all
      columns together.
    - `blocks`: without effect, from the time when windows were drawn from the reference to calibrate.
    - `verdict`: by thresholds, whether a column has drifted by `any` of its methods or by the `first` alone.
    - `share`: the share of drifted columns from which on the data set has drifted.
    - `multivariate`: what is measured over all columns together.
    """

    methods: tuple[str, ...] | None = Field(default=None, min_length=1)
    columns: dict[str, tuple[str, ...]] = Field(default={})
    thresholds: Literal["calibrated", "evidently"] | dict[str, Number] = "calibrated"
    false_alarm_rate: float = Field(default=0.01, gt=0, le=0.5)
    blocks: Literal["auto", "short", "window"] | None = None
    verdict: VerdictRule | None = None
    share: float = Field(default=0.5, gt=0, le=1)
    multivariate: tuple[Literal["pca", "domain_classifier"], ...] = ()

    @property
    def is_calibrated(self) -> bool:
        """Whether alarms are calibrated on the reference, rather than by thresholds."""
        return self.thresholds == "calibrated"

    @property
    def chosen_methods(self) -> tuple[str, ...]:
        """The names of the methods: those given, else the default."""
        return self.methods or (CALIBRATED_METHODS if self.is_calibrated else (registry.DEFAULT,))

    def plan(self, *, seasonal: bool = False) -> DriftPlan:
        """Return the methods' form; where rows have a season, the default ones are season-matched as well."""
        added = SEASON_METHODS if seasonal and not self.methods else ()
        return DriftPlan(
            methods=(*self.chosen_methods, *added),
            by_column=self.columns,
            verdict=self.verdict or VerdictRule.FIRST,
            thresholds=self.thresholds if isinstance(self.thresholds, dict) else {},
            share=self.share,
            false_alarm_rate=self.false_alarm_rate if self.is_calibrated else None,
            multivariate=self.multivariate,
        )
