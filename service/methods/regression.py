"""How far off were the predictions whose labels have come? Equal to scikit-learn on the raw rows to 1e-9."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING

from service.core.exact import to_float
from service.core.measurement import Aspect, Measurement, Series, Worse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.core.outcome import RegressionOutcome
    from service.core.profile import Profile

NO_LABELS = "no labels yet"
TOO_LARGE = "the errors are larger than a number can hold"
NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})


def mean_absolute_error(outcome: RegressionOutcome) -> float:
    """Return the mean of |prediction - target| over the labelled rows (one or more)."""
    return to_float(outcome.absolute_error, outcome.labelled)


def root_mean_squared_error(outcome: RegressionOutcome) -> float:
    """Return the root of the mean of (prediction - target)**2 over the labelled rows (one or more)."""
    return math.sqrt(to_float(outcome.squared_error, outcome.labelled))


def mean_error(outcome: RegressionOutcome) -> float:
    """Return the mean of prediction - target over the labelled rows (one or more); 0 is unbiased."""
    return to_float(outcome.error, outcome.labelled)


METRICS: Mapping[str, tuple[Callable[[RegressionOutcome], float], Worse]] = MappingProxyType(
    {
        "mae": (mean_absolute_error, Worse.HIGHER),
        "rmse": (root_mean_squared_error, Worse.HIGHER),
        "mean_error": (mean_error, Worse.BOTH),
    }
)


def measure_regression(
    reference: Profile,
    current: Profile,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure mae, rmse, mean_error and pending_rows, each beside the reference's.

    Nothing where the schema names no prediction and target. `thresholds` go by metric: breached at the
    threshold and beyond, for mean_error in both directions. With `withheld` the
    errors have that reason; the count of rows without a label is a fact all the same.
    """
    outcome = current.outcome
    if outcome is None:
        return ()
    before = reference.outcome
    pending = Measurement(
        Series(Aspect.PERFORMANCE, "pending_rows", unit="rows"),
        float(outcome.pending),
        current.rows,
        reference=None if before is None else float(before.pending),
    )
    errors = [
        _measured(metric, outcome, before, thresholds.get(metric), withheld=withheld) for metric in METRICS
    ]
    return (*errors, pending)


def _measured(
    metric: str,
    outcome: RegressionOutcome,
    before: RegressionOutcome | None,
    threshold: float | None,
    *,
    withheld: str | None,
) -> Measurement:
    series = Series(Aspect.PERFORMANCE, metric, worse=METRICS[metric][1])
    value, reason = _value(metric, outcome)
    if withheld:
        value, reason = None, withheld
    breached = None
    if value is not None and threshold is not None:
        breached = (abs(value) if series.worse is Worse.BOTH else value) >= threshold
    baseline = None if before is None else _value(metric, before)[0]
    return Measurement(series, value, outcome.labelled, reason, threshold, breached, baseline)


def _value(metric: str, outcome: RegressionOutcome) -> tuple[float | None, str | None]:
    if not outcome.labelled:
        return None, NO_LABELS
    try:
        return METRICS[metric][0](outcome), None
    except OverflowError:
        return None, TOO_LARGE
