"""Drift of the columns' relations, by the reconstruction error of their principal components.

`pca_reconstruction_error` is the mean distance of a window's rows from what the reference's principal
components reconstruct of them (`core/profile/spec/pca_components.py`): it rises where a relation breaks.
`pca_reconstruction_drop` is how far it fell below the reference's: it rises where rows became too regular, a
column copied into another, say. NannyML alarms both ways too; here they are two series, so that of each a
higher number is worse. `pca_imputed_share` is the share of rows that lack a value, which was taken for the
reference's mean and pulls the error down.

Bands are 95 % and take rows as independent.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.sums import to_float
from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import pca_reconstruction
from service.core.profile.part import NOT_KEPT
from service.core.profile.spec import pca_components
from service.methods.stats.confidence_bands import NO_BAND, mean_band, share_band

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.profile.profile import Profile
    from service.core.profile.spec.pca_components import Components
    from service.methods.drift.columns import DriftPlan
    from service.methods.stats.confidence_bands import Band

PCA = "pca"
PCA_ERROR, PCA_DROP, PCA_IMPUTED = (
    "pca_reconstruction_error",
    "pca_reconstruction_drop",
    "pca_imputed_share",
)
TESTS = (PCA_ERROR, PCA_DROP)  # the metrics with a threshold
DEVIATIONS = 3.0  # of the reference's own windows, from where drift is called unless a threshold is known
MIN_COLUMNS = pca_components.MIN_COLUMNS
NOT_FITTED = "fewer than two feature columns vary in the reference"
NO_VALUES = "no row has a value in any of the columns"


def measure_multivariate(
    reference: Profile,
    current: Profile,
    plan: DriftPlan,
    components: Components | None,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure what `plan.multivariate` names, each with a value or a reason; nothing where it names nothing.

    `components` are what the profiles' reconstruction errors were made with.
    """
    if PCA not in plan.multivariate:
        return ()
    if components is None:
        return _without(current.rows, withheld or NOT_FITTED)
    old, new = (side.get(pca_reconstruction.PART) for side in (reference, current))
    if old is None or new is None:
        return _without(current.rows, withheld or NOT_KEPT)
    if not old.rows:
        return _without(current.rows, withheld or NOT_FITTED)
    expected = to_float(old.total, old.rows)
    limits = _limits(plan, components, expected, new.rows)
    decides = plan.false_alarm_rate is None  # no rate is promised of it: a second opinion
    if withheld or not new.rows:
        return _without(new.rows, withheld or NO_VALUES, limits)
    value, (low, high) = to_float(new.total, new.rows), mean_band(new.rows, new.total, new.squares)
    below = NO_BAND if low is None or high is None else (expected - high, expected - low)
    imputed = new.imputed / new.rows
    return (
        _measured(
            PCA_ERROR, value, new.rows, limits[PCA_ERROR], (low, high), reference=expected, decides=decides
        ),
        _measured(
            PCA_DROP, expected - value, new.rows, limits[PCA_DROP], below, reference=0.0, decides=decides
        ),
        _measured(
            PCA_IMPUTED,
            imputed,
            new.rows,
            None,
            share_band(imputed, new.rows),
            reference=old.imputed / old.rows,
        ),
    )


def _limits(
    plan: DriftPlan, components: Components, expected: float, rows: int
) -> Mapping[str, float | None]:
    spread = _deviation(components, rows)
    distance = None if spread is None else DEVIATIONS * spread
    default = {PCA_ERROR: None if distance is None else expected + distance, PCA_DROP: distance}
    return {metric: plan.thresholds.get(metric, default[metric]) for metric in TESTS}


def _deviation(components: Components, rows: int) -> float | None:
    # Between two sizes on a straight line of the logarithms; beyond the largest, too wide rather than narrow.
    known = [(size, value) for size, value in components.spread if value > 0.0]
    if not known or not rows:
        return None
    sizes, values = np.log(np.array(known)).T
    return math.exp(float(np.interp(math.log(rows), sizes, values)))


def _series(metric: str) -> Series:
    if metric == PCA_IMPUTED:
        return Series(Aspect.DRIFT, metric, unit="share")
    return Series(Aspect.DRIFT, metric, unit="standard deviations", worse=Worse.HIGHER)


def _measured(
    metric: str,
    value: float,
    rows: int,
    limit: float | None,
    band: Band,
    *,
    reference: float,
    decides: bool = True,
) -> Measurement:
    return Measurement(
        _series(metric),
        value,
        rows,
        threshold=limit,
        breached=None if limit is None else value >= limit,
        reference=reference,
        low=band[0],
        high=band[1],
        decides=decides,
    )


def _without(
    rows: int, reason: str, limits: Mapping[str, float | None] | None = None
) -> tuple[Measurement, ...]:
    known = limits or {}
    return tuple(
        Measurement(_series(metric), None, rows, reason, known.get(metric))
        for metric in (*TESTS, PCA_IMPUTED)
    )
