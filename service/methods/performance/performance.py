"""Realised performance: every metric of a task over the labelled rows, with the reference's own value."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.outcome.binary import BinaryOutcome
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.profile.outcome.regression import RegressionOutcome
from service.core.profile.part import NOT_KEPT
from service.core.rows.task import Binary, Multiclass
from service.methods.performance import registry
from service.methods.performance.classification import (
    ClassCounts,
    classes_of,
    counts_by_class,
    no_classes,
    positive_counts,
)
from service.methods.performance.judge import NO_THRESHOLDS, Comparison, Judging, judged
from service.methods.performance.metric import values_of
from service.methods.performance.regression import labelled
from service.methods.performance.scores import scored
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.profile import Profile
    from service.core.rows.task import Task
    from service.methods.performance.metric import AnyMetric, Metric, MetricValue

    _S = TypeVar("_S")
    # Of a metric and a segment, which is empty for all rows.
    Values = Iterator[tuple[AnyMetric, str, MetricValue]]


def measure_performance(
    reference: Profile,
    current: Profile,
    task: Task | None,
    thresholds: Mapping[str, float] = NO_THRESHOLDS,
    *,
    judging: Judging | None = None,
    withheld: str | None = None,
) -> tuple[Measurement, ...]:
    """Measure the metrics of `task` and pending_rows, each with the reference's own; nothing without a task.

    `thresholds` go by metric; see `judged`. With `withheld` the metrics have that reason; the count of rows
    without a label is a fact all the same.
    """
    if task is None:
        return ()
    found, before = current.get(outcomes.PART), reference.get(outcomes.PART)
    outcome, absent = (outcomes.empty(task), NOT_KEPT) if found is None else (found, None)
    compared = list(comparisons(task, before, outcome))
    judging = (judging or Judging()).at_least(sum(each.metric.name in thresholds for each in compared))
    measured = [
        judged(comparison, thresholds.get(comparison.metric.name), withheld or absent, judging)
        for comparison in compared
    ]
    return (*measured, pending_rows(before, found))


def comparisons(task: Task, before: Outcome | None, outcome: Outcome) -> Iterator[Comparison]:
    """Yield each metric's value of `outcome`, with the reference's own from `before`."""
    known = {}
    if before is not None:
        known = {
            (metric.name, segment): each.value for metric, segment, each in _values(task, before, outcome)
        }
    for metric, segment, value in _values(task, outcome, before):
        yield Comparison(metric, segment, value, known.get((metric.name, segment)))


def values_by_name(
    task: Task, outcome: Outcome, names: frozenset[str]
) -> dict[str, tuple[AnyMetric, MetricValue]]:
    """Return the metrics `names` over all rows of an outcome; those of single classes are left out."""
    found = _values(task, outcome, None, names)
    return {metric.name: (metric, value) for metric, segment, value in found if not segment}


def values_by_metric(task: Task, outcome: Outcome, other: Outcome | None) -> dict[str, float | None]:
    """Return the value of each metric over all rows of `outcome`, none that counts rows.

    `other` is the side that it is compared with.
    """
    values = _values(task, outcome, other)
    return {m.name: each.value for m, segment, each in values if not segment and m.unit != "rows"}


def pending_rows(before: Outcome | None, outcome: Outcome | None, segment: str = "") -> Measurement:
    """Measure how many rows wait for their label; None is an outcome that was not kept."""
    series = Series(Aspect.PERFORMANCE, "pending_rows", segment=segment, unit="rows")
    baseline = None if before is None else float(before.pending)
    if outcome is None:
        return Measurement(series, None, 0, NOT_KEPT, reference=baseline)
    return Measurement(series, float(outcome.pending), outcome.rows, reference=baseline)


def _values(
    task: Task, outcome: Outcome, other: Outcome | None, names: frozenset[str] | None = None
) -> Values:
    # `other` is the side that is compared with: both name the same classes. None but `names`, where given.
    if isinstance(outcome, RegressionOutcome):
        for metric, value in values_of(_among(registry.OF_ERRORS, names), lambda: labelled(outcome)):
            yield metric, "", value
    elif isinstance(outcome, BinaryOutcome):
        has_scores = isinstance(task, Binary) and task.score is not None
        yield from _binary_values(outcome, names, has_scores=has_scores)
    else:
        has_scores = isinstance(task, Multiclass) and bool(task.scores)
        yield from _multiclass_values(outcome, other, names, has_scores=has_scores)


def _among(metrics: Sequence[Metric[_S]], names: frozenset[str] | None) -> Sequence[Metric[_S]]:
    return metrics if names is None else [metric for metric in metrics if metric.name in names]


def _binary_values(outcome: BinaryOutcome, names: frozenset[str] | None, *, has_scores: bool) -> Values:
    groups = [
        values_of(_among(registry.OF_LABELS, names), lambda: outcome),
        values_of(_among(registry.OF_ONE_CLASS, names), lambda: positive_counts(outcome)),
    ]
    of_scores = _among(registry.OF_SCORES, names)
    if has_scores and of_scores:
        groups.append(values_of(of_scores, lambda: scored(outcome)))
    for group in groups:
        for metric, value in group:
            yield metric, "", value


def _multiclass_values(
    outcome: MulticlassOutcome, other: Outcome | None, names: frozenset[str] | None, *, has_scores: bool
) -> Values:
    classes = classes_of(outcome)
    groups = [values_of(_among(registry.OF_CLASSES, names), lambda: classes)]
    if has_scores:
        groups.append(values_of(_among(registry.OF_CLASS_SCORES, names), lambda: outcome))
    for group in groups:
        for metric, value in group:
            yield metric, "", value
    counts = counts_by_class(classes)
    known = classes_of(other).names if isinstance(other, MulticlassOutcome) else []
    for name in sorted({*classes.names, *known}):

        def of_class(name: str = name) -> ClassCounts:
            if not counts:
                raise Unmeasurable(no_classes(outcome))
            return counts.get(name, ClassCounts(0, 0, 0))

        for metric, value in values_of(_among(registry.OF_ONE_CLASS, names), of_class):
            yield metric, f"class={name}", value
