"""Estimated performance, before labels come, measured next to the realised one.

What is expected follows from a window's inputs or scores and from what the reference says of such: it moves
with the data. A relation that changed moves the realised value and never the estimate: the distance between
the two tells the one from the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.profile.outcome import outcome
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.part import NOT_KEPT
from service.core.reference.loss_model import LossModel
from service.core.reference.score_calibration import ScoreCalibration
from service.core.rows.task import Binary, Regression
from service.methods.performance import registry
from service.methods.performance.estimated.binary import chances_of
from service.methods.performance.estimated.regression import expected_loss
from service.methods.performance.judge import NO_THRESHOLDS, Comparison, Judging, judged
from service.methods.performance.metric import no_value, values_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.core.measurement import Measurement
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.reference.reference import Estimator
    from service.core.rows.task import Task
    from service.methods.performance.metric import AnyMetric, MetricValue


def measure_estimates(
    reference: Profile,
    current: Profile,
    task: Task | None,
    estimator: Estimator | None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    judging: Judging | None = None,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure what `estimator`, fitted on the reference, expects of the window, and of the reference itself.

    One measurement per metric of `registry.estimated_metrics_of`; nothing without an estimator. The
    rest as of `measure_performance`.
    """
    known = {metric.name: value.value for metric, value in _values(reference, task, estimator)}
    return tuple(
        judged(
            Comparison(metric, "", value, known[metric.name]),
            thresholds.get(metric.name),
            withheld,
            judging or Judging(),
        )
        for metric, value in _values(current, task, estimator)
    )


def chance_values(
    calibration: ScoreCalibration,
    scores: Distribution,
    answers: float | tuple[Distribution, Distribution],
) -> Iterator[tuple[AnyMetric, MetricValue]]:
    """Yield what is expected of counted `scores`; `answers` as of `chances_of`."""
    return values_of(registry.OF_CHANCES, lambda: chances_of(calibration, scores, answers))


def _values(
    current: Profile, task: Task | None, estimator: Estimator | None
) -> Iterator[tuple[AnyMetric, MetricValue]]:
    if isinstance(task, Regression) and isinstance(estimator, LossModel):
        return values_of(registry.OF_LOSS_MODEL, lambda: expected_loss(estimator, current, task))
    if isinstance(task, Binary) and task.score is not None and isinstance(estimator, ScoreCalibration):
        scores, found = current.columns[task.score].distribution, current.get(outcome.PART)
        answers: float | tuple[Distribution, Distribution] = task.threshold
        if task.prediction is not None:
            if not isinstance(found, BinaryOutcome):
                return ((metric, no_value(NOT_KEPT)) for metric in registry.OF_CHANCES)
            answers = found.scores_predicted_positive, found.scores_predicted_negative
        return chance_values(estimator, scores, answers)
    return iter(())
