"""How well does the model do where labels have come? Every figure of its task, beside the reference's own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.profile.outcome.regression import RegressionOutcome
from service.core.profile.part import NOT_KEPT
from service.core.rows.task import Binary, Multiclass, Regression
from service.methods.performance import regression
from service.methods.performance.classification import (
    OF_CLASSES,
    OF_LABELS,
    OF_ONE_CLASS,
    label_figures,
    multiclass_figures,
)
from service.methods.performance.figure import measured
from service.methods.performance.regression import regression_figures
from service.methods.performance.scores import LOG_LOSS, OF_SCORES, log_loss_figure, score_figures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.profile import Profile
    from service.core.rows.task import Task
    from service.methods.performance.figure import Metric, MetricValue

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})


def metrics_of(task: Task) -> tuple[Metric, ...]:
    """Return what is measured of a task, each metric once; of several classes the last three are of each."""
    if isinstance(task, Regression):
        return regression.METRICS
    if isinstance(task, Binary):
        return (*OF_LABELS, *OF_SCORES) if task.score is not None else OF_LABELS
    return (*OF_CLASSES, *((LOG_LOSS,) if task.scores else ()), *OF_ONE_CLASS)


def measure_performance(
    reference: Profile,
    current: Profile,
    task: Task | None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure the metrics of `task` and pending_rows, each beside the reference's; nothing without a task.

    `thresholds` go by metric: breached at the threshold and beyond, on the side where the metric gets worse.
    A mean error is worse both ways from 0, a positive rate from the reference's own. With `withheld` the
    figures have that reason; the count of rows without a label is a fact all the same.
    """
    if task is None:
        return ()
    found, before = current.get(outcomes.PART), reference.get(outcomes.PART)
    outcome, absent = (outcomes.empty(task), NOT_KEPT) if found is None else (found, None)
    figures = [
        measured(figure, baseline, thresholds.get(figure.metric.name), withheld or absent)
        for figure, baseline in figures_beside(task, before, outcome)
    ]
    return (*figures, pending_rows(before, found))


def figures_beside(
    task: Task, before: Outcome | None, outcome: Outcome
) -> Iterator[tuple[MetricValue, float | None]]:
    """Yield each figure of `outcome` and the reference's own value, None where it has none."""
    known = {} if before is None else {_key(f): f.value for f in _figures(task, before, outcome)}
    for figure in _figures(task, outcome, before):
        yield figure, known.get(_key(figure))


def pending_rows(before: Outcome | None, outcome: Outcome | None, segment: str = "") -> Measurement:
    """Measure how many rows wait for their label; None is an outcome that was not kept."""
    series = Series(Aspect.PERFORMANCE, "pending_rows", segment=segment, unit="rows")
    baseline = None if before is None else float(before.pending)
    if outcome is None:
        return Measurement(series, None, 0, NOT_KEPT, reference=baseline)
    return Measurement(series, float(outcome.pending), outcome.rows, reference=baseline)


def _figures(task: Task, outcome: Outcome, other: Outcome | None) -> tuple[MetricValue, ...]:
    # `other` is the side that the figures stand beside: both name the same classes.
    if isinstance(outcome, RegressionOutcome):
        return regression_figures(outcome)
    if isinstance(outcome, BinaryOutcome):
        scored = isinstance(task, Binary) and task.score is not None
        return (*label_figures(outcome), *(score_figures(outcome) if scored else ()))
    scored = isinstance(task, Multiclass) and bool(task.scores)
    return (
        *multiclass_figures(outcome, _classes(other)),
        *((log_loss_figure(outcome),) if scored else ()),
    )


def _classes(outcome: Outcome | None) -> set[str]:
    pairs = outcome.pairs if isinstance(outcome, MulticlassOutcome) else None
    return {name for true, predicted, _ in pairs or () for name in (true, predicted)}


def _key(figure: MetricValue) -> tuple[str, str]:
    return figure.metric.name, figure.segment
