"""What is measured of one window, all of it: drift, quality and performance, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.methods.drift import DriftPlan, measure_drift
from service.methods.quality import measure_quality
from service.methods.regression import measure_regression

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.measurement import Measurement
    from service.core.profile import Profile
    from service.core.schema import Schema


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """What to measure: drift, the thresholds of mae, rmse and mean_error, and the least rows of a window."""

    drift: DriftPlan = field(default_factory=DriftPlan)
    performance: Mapping[str, float] = field(default_factory=dict)
    min_rows: int = 0


def measure(
    reference: Profile, current: Profile, schema: Schema, plan: MeasurePlan
) -> tuple[Measurement, ...]:
    """Measure a window against the reference; one measurement a series, with a value or a reason.

    A window of fewer than `plan.min_rows` rows (labelled or not) has no drift and no error, each series with
    that reason; its quality and its pending rows are measured all the same. Raises ConfigurationError where
    the plan names no known method.
    """
    withheld = None
    if current.rows < plan.min_rows:
        withheld = f"{current.rows} rows, fewer than the {plan.min_rows} that the monitor asks for"
    return (
        *measure_drift(reference, current, schema, plan.drift, withheld=withheld),
        *measure_quality(reference, current, schema),
        *measure_regression(reference, current, plan.performance, withheld=withheld),
    )
