"""Realised performance: every metric of a task over the labelled rows, with the reference's own value."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    from collections.abc import Iterator, Mapping

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.profile import Profile
    from service.core.rows.task import Task
    from service.methods.performance.metric import AnyMetric, MetricValue

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


def pending_rows(before: Outcome | None, outcome: Outcome | None, segment: str = "") -> Measurement:
    """Measure how many rows wait for their label; None is an outcome that was not kept."""
    series = Series(Aspect.PERFORMANCE, "pending_rows", segment=segment, unit="rows")
    baseline = None if before is None else float(before.pending)
    if outcome is None:
        return Measurement(series, None, 0, NOT_KEPT, reference=baseline)
    return Measurement(series, float(outcome.pending), outcome.rows, reference=baseline)


def _values(task: Task, outcome: Outcome, other: Outcome | None) -> Values:
    # `other` is the side that is compared with: both name the same classes.
    if isinstance(outcome, RegressionOutcome):
        for metric, value in values_of(registry.OF_ERRORS, lambda: labelled(outcome)):
            yield metric, "", value
    elif isinstance(outcome, BinaryOutcome):
        yield from _binary_values(outcome, has_scores=isinstance(task, Binary) and task.score is not None)
    else:
        has_scores = isinstance(task, Multiclass) and bool(task.scores)
        yield from _multiclass_values(outcome, other, has_scores=has_scores)


def _binary_values(outcome: BinaryOutcome, *, has_scores: bool) -> Values:
    groups = [
        values_of(registry.OF_LABELS, lambda: outcome),
        values_of(registry.OF_ONE_CLASS, lambda: positive_counts(outcome)),
    ]
    if has_scores:
        groups.append(values_of(registry.OF_SCORES, lambda: scored(outcome)))
    for group in groups:
        for metric, value in group:
            yield metric, "", value


def _multiclass_values(outcome: MulticlassOutcome, other: Outcome | None, *, has_scores: bool) -> Values:
    classes = classes_of(outcome)
    groups = [values_of(registry.OF_CLASSES, lambda: classes)]
    if has_scores:
        groups.append(values_of(registry.OF_CLASS_SCORES, lambda: outcome))
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

        for metric, value in values_of(registry.OF_ONE_CLASS, of_class):
            yield metric, f"class={name}", value
