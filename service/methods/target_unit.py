"""The unit of a regression's errors: that of the target, where the monitor's file declares one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.rows.schema import Role
from service.methods.concept import error_split
from service.methods.performance import registry, season_matched

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.measurement import Measurement
    from service.core.rows.schema import Schema
    from service.methods.performance.metric import AnyMetric

# Metrics of a regression without a unit of their own, but for r2, which is a share of the targets' variance.
_OF_ERRORS: tuple[AnyMetric, ...] = (*registry.OF_ERRORS, *registry.OF_LOSS_MODEL)
IN_UNIT_OF_TARGET = frozenset(
    {*(each.name for each in _OF_ERRORS if not each.unit and each.name != "r2"), *error_split.METRICS}
)


def in_unit_of_target(measurements: Sequence[Measurement], schema: Schema) -> tuple[Measurement, ...]:
    """Return `measurements`, those of errors in the unit that the target's column declares."""
    target = schema.with_role(Role.TARGET)
    if target is None or not target.unit:
        return tuple(measurements)
    return tuple(
        replace(each, series=replace(each.series, unit=target.unit))
        if each.series.metric.removeprefix(season_matched.PREFIX) in IN_UNIT_OF_TARGET
        else each
        for each in measurements
    )
