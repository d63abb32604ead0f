"""Everything that is measured of one window: drift, quality, performance and health, in this order."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.profile import error_cells
from service.core.profile.outcome import outcome
from service.core.profile.part import NOT_KEPT
from service.core.profile.spec import spec
from service.core.rows.schema import Role
from service.methods.block_test.measure import measure_blocks
from service.methods.concept.error_split import measure_concept
from service.methods.drift import in_worker
from service.methods.drift.columns import DriftPlan, measure_drift, recounted
from service.methods.drift.domain_classifier import measure_domain_classifier
from service.methods.drift.pca import measure_multivariate
from service.methods.health import TrafficPlan, measure_traffic
from service.methods.performance.estimated.estimate import measure_estimates
from service.methods.performance.evidence import tolerance_tests_of
from service.methods.performance.judge import FALSE_ALARM_RATE, Judging
from service.methods.performance.performance import measure_performance
from service.methods.performance.reference_limits import (
    NO_LIMITS,
    ReferenceLimits,
    fit_limits,
    judged_by_reference,
)
from service.methods.performance.season_matched import measure_season_matched
from service.methods.performance.segments import measure_segments
from service.methods.performance.strange_labels import strange_labels
from service.methods.quality.arrival import measure_integrity
from service.methods.quality.columns import measure_quality
from service.methods.quality.expectations import Expectation, measure_expectations
from service.methods.quality.limits import QualityLimits, judged
from service.methods.target_unit import in_unit_of_target

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.reference.reference import Estimator, Reference
    from service.core.reference.seasonal.seasonal import SeasonalReference
    from service.core.rows.schema import Schema
    from service.core.worker_call import Answer, Call
    from service.methods.block_test.model import BlockModel
    from service.methods.performance.tolerance import Tolerance, ToleranceTest


@dataclass(frozen=True, slots=True)
class MeasurePlan:
    """What to measure of a window.

    drift: methods, columns and thresholds.
    performance: thresholds by metric.
    min_rows: the number of rows from which drift and performance are measured.
    expectations: what is declared of columns, by their names.
    traffic: what to measure of the model's service, None for nothing.
    segment_performance: thresholds by metric that hold for each segment.
    quality: limits of the quality measures.
    false_alarm_rate: the share of windows that may breach a performance threshold by chance.
    own_limits: the performance metrics whose limits come from the reference's own blocks.
    limits: these limits, once the reference is known.
    spreads: how far the metrics with a threshold move between the reference's blocks, once it is known.
    tolerances: how much worse than the reference performance metrics may be.
    tolerance_tests: the tests of these, once the reference is known.
    """

    drift: DriftPlan = field(default_factory=DriftPlan)
    performance: Mapping[str, float] = field(default_factory=dict)
    min_rows: int = 0
    expectations: Mapping[str, Expectation] = field(default_factory=dict)
    traffic: TrafficPlan | None = None
    segment_performance: Mapping[str, float] = field(default_factory=dict)
    quality: QualityLimits = field(default_factory=QualityLimits)
    false_alarm_rate: float = FALSE_ALARM_RATE
    own_limits: tuple[str, ...] = ()
    limits: ReferenceLimits = NO_LIMITS
    spreads: ReferenceLimits = NO_LIMITS
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)
    tolerance_tests: tuple[ToleranceTest, ...] = ()

    def with_limits_of(self, reference: Reference) -> MeasurePlan:
        """Return the plan with the limits and the tests that rest on a reference's own blocks."""
        wanted = (*self.own_limits, *self.tolerances, *self.performance)
        if not wanted:
            return self
        whole, task = reference.profile.get(outcome.PART), reference.schema.task
        found = fit_limits(reference.outcome_blocks, whole, task, wanted)
        tests = tolerance_tests_of(self.tolerances, found, task, self.false_alarm_rate)
        return replace(
            self,
            limits=found.of(self.own_limits),
            spreads=found.of(self.performance),
            tolerance_tests=tests,
        )

    @property
    def needs_outcome_blocks(self) -> bool:
        """Whether anything is judged by the reference's own blocks."""
        return bool(self.own_limits or self.tolerances or self.performance)


def _concept(
    reference: Profile, current: Profile, schema: Schema, spec: ProfileSpec, withheld: str | None
) -> tuple[Measurement, ...]:
    before, now = (side.get(error_cells.PART) for side in (reference, current))
    if before is None or now is None:
        withheld = withheld or NOT_KEPT
        nothing = {name: error_cells.empty(edges) for name, edges in spec.edges.items()}
        before, now = before or nothing, now or nothing
    if not before:
        return ()
    prediction = schema.with_role(Role.PREDICTION)
    return measure_concept(before, now, prediction.name if prediction else None, withheld=withheld)


def measure(
    reference: Profile,
    current: Profile,
    schema: Schema,
    plan: MeasurePlan,
    spec: ProfileSpec = spec.NONE,
    *,
    estimator: Estimator | None = None,
    seasonal: SeasonalReference | None = None,
    blocks: BlockModel | None = None,
) -> tuple[Measurement, ...]:
    """Measure a window against the reference: one measurement per series, with a value or a reason.

    `spec` is what the profiles were made with. With an `estimator`, fitted on the reference, the expected
    performance is measured too; `seasonal` is the reference by season cell, for what is season-matched.
    `blocks` decides on drift where the plan asks for a rate of false alarms.

    In a window of fewer than `plan.min_rows` rows (labelled or not) drift and performance have that reason
    instead of a value; its quality, health and pending rows are measured all the same. Raises
    ConfigurationError where the plan names an unknown method.
    """
    withheld = None
    if current.rows < plan.min_rows:
        withheld = f"{current.rows} rows, fewer than the {plan.min_rows} that the monitor asks for"
    compared, rate = schema.compared, plan.drift.false_alarm_rate
    by_block: tuple[Measurement, ...] = ()
    if rate is not None and blocks is not None:
        columns = () if spec.blocks is None else spec.blocks.columns
        by_block = measure_blocks(blocks, columns, current, compared, rate, withheld=withheld)
    verdicts = len(plan.performance) + len(plan.limits.metrics)
    judging = Judging(plan.false_alarm_rate, verdicts, plan.spreads.widening(current))
    unmeasured = withheld or strange_labels(reference.columns, current.columns, schema.task)
    performance = measure_performance(
        reference, current, schema.task, plan.performance, judging=judging, withheld=unmeasured
    )
    measured = (
        *measure_drift(
            reference, current, compared, plan.drift, seasonal=seasonal, withheld=withheld, judged=by_block
        ),
        *measure_multivariate(reference, current, plan.drift, spec.components, withheld=withheld),
        *measure_domain_classifier(reference, current, schema, plan.drift, withheld=withheld),
        *judged(
            (*measure_quality(reference, current, schema), *measure_integrity(reference, current, schema)),
            reference,
            current,
            schema,
            plan.quality,
            min_rows=plan.min_rows,
        ),
        *measure_expectations(reference, current, schema, plan.expectations, spec.forms),
        *judged_by_reference(
            performance,
            current,
            plan.limits,
            judging.rate / max(judging.verdicts, 1),
        ),
        *measure_season_matched(performance, current, schema.task, seasonal),
        *measure_estimates(
            reference, current, schema.task, estimator, plan.performance, judging=judging, withheld=withheld
        ),
        *measure_segments(
            reference,
            current,
            schema.task,
            plan.segment_performance,
            by=spec.segments,
            rate=plan.false_alarm_rate,
            withheld=unmeasured,
        ),
        *measure_traffic(reference, current, plan.traffic),
        *_concept(reference, current, schema, spec, withheld),
    )
    return in_unit_of_target(measured, schema)


def settle(
    measurements: Sequence[Measurement], answers: Mapping[Call, Mapping[str, Answer]]
) -> tuple[Measurement, ...]:
    """Return a window's measurements with the worker process's answers filled in; no question is left."""
    return recounted(in_worker.settled(measurements, answers))
