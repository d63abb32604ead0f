"""How well is the model expected to do, before labels come? Written beside the realised figures.

What is expected follows from a window's inputs or scores and from what the reference says of such: it moves
with the data. A relation that changed moves the realised figure and never the estimate: the
distance between the two tells the one from the other.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from service.core.profile.outcome import outcome
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.part import NOT_KEPT
from service.core.reference.loss_model import LossModel
from service.core.reference.score_calibration import ScoreCalibration
from service.core.rows.task import Binary, Regression
from service.methods.performance.estimated.binary import OF_ANSWERS, OF_CHANCES, chance_figures
from service.methods.performance.estimated.regression import OF_LOSS, loss_figures
from service.methods.performance.figure import measured, none_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.measurement import Measurement
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.reference.reference import Estimator
    from service.core.rows.task import Task
    from service.methods.performance.figure import Metric, MetricValue

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})


def estimated_metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return what is estimated of a task: nothing of several classes or without a score."""
    if isinstance(task, Regression):
        return OF_LOSS
    if isinstance(task, Binary) and task.score is not None:
        return (*OF_ANSWERS, *OF_CHANCES)
    return ()


def measure_estimates(
    reference: Profile,
    current: Profile,
    task: Task | None,
    estimator: Estimator | None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure what `estimator`, fitted on the reference, expects of the window, beside its own reference.

    One measurement a metric of `estimated_metrics_of`; nothing without an estimator. `thresholds` and
    `withheld` as of `measure_performance`.
    """
    known = {figure.metric.name: figure.value for figure in _figures(reference, task, estimator)}
    return tuple(
        measured(figure, known[figure.metric.name], thresholds.get(figure.metric.name), withheld)
        for figure in _figures(current, task, estimator)
    )


def _figures(current: Profile, task: Task | None, estimator: Estimator | None) -> tuple[MetricValue, ...]:
    if isinstance(task, Regression) and isinstance(estimator, LossModel):
        return loss_figures(estimator, current, task)
    if isinstance(task, Binary) and task.score is not None and isinstance(estimator, ScoreCalibration):
        scores, found = current.columns[task.score].distribution, current.get(outcome.PART)
        answers: float | tuple[Distribution, Distribution] = task.threshold
        if task.prediction is not None:
            if not isinstance(found, BinaryOutcome):
                return tuple(none_of(metric, NOT_KEPT) for metric in estimated_metrics_of(task))
            answers = found.scores_predicted_positive, found.scores_predicted_negative
        return tuple(chance_figures(estimator, scores, answers))
    return ()
