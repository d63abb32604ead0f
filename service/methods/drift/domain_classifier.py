"""Drift of all columns together, by a classifier that separates the window's rows from the reference's.

`domain_classifier_auc` is the ROC AUC of a classifier that learns, on the sampled rows of both sides, which
side a row comes from: 0.5 where it cannot tell, 1 where it always can. `domain_classifier_importance` is, by
column, what the AUC loses where that column is shuffled. The worker process trains it
(`worker/domain_classifier.py`). All columns take part but the target, whose labels come late, and what the
model's server reports of itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile import row_sample
from service.core.profile.part import NOT_KEPT
from service.core.profile.row_sample import RowSample
from service.core.rows.schema import Role
from service.core.worker_call import Call, Question, WorkerFunction
from service.methods.drift.in_worker import NO_SAMPLE, WAITING

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema
    from service.methods.drift.columns import DriftPlan

DOMAIN_CLASSIFIER = "domain_classifier"  # as a plan's `multivariate` names it
AUC, IMPORTANCE = "domain_classifier_auc", "domain_classifier_importance"
MIN_ROWS = 50  # per side: from fewer a classifier learns nothing that holds
NO_SKILL = 0.5
LEFT_OUT = {Role.TARGET, Role.SERVICE}


def measure_domain_classifier(
    reference: Profile, current: Profile, schema: Schema, plan: DriftPlan, *, withheld: str | None = None
) -> tuple[Measurement, ...]:
    """Return the AUC and each column's importance where the plan asks for them, each a question or a reason.

    The AUC's threshold is the plan's; without one the answer brings its own.
    """
    if DOMAIN_CLASSIFIER not in plan.multivariate:
        return ()
    names = [column.name for column in schema.columns if column.role not in LEFT_OUT]
    before, now = (side.get(row_sample.PART) for side in (reference, current))
    if before is None or now is None:
        before, now, withheld = RowSample(), RowSample(), withheld or NOT_KEPT
    threshold = plan.thresholds.get(AUC)
    reason = withheld or _why_not(before, now)
    shown = reason or WAITING
    auc = Series(Aspect.DRIFT, AUC, unit="ROC AUC")
    decides = plan.false_alarm_rate is None  # no rate is promised of it: a second opinion
    measured = [Measurement(auc, None, now.rows, shown, threshold, reference=NO_SKILL, decides=decides)]
    measured += [
        Measurement(Series(Aspect.DRIFT, IMPORTANCE, name, unit="ROC AUC"), None, now.rows, shown)
        for name in names
    ]
    if reason:
        return tuple(measured)
    columns = {name: (before.columns[name], now.columns[name]) for name in names}
    call = Call(WorkerFunction.DOMAIN_CLASSIFIER, (columns, threshold is None))
    return tuple(replace(m, question=Question(call, m.series.column)) for m in measured)


def _why_not(before: RowSample, now: RowSample) -> str | None:
    if not before.size or not now.size:
        return NO_SAMPLE
    for side, name in ((before, "reference"), (now, "window")):
        if side.rows < MIN_ROWS:
            return f"{side.rows} sampled rows in the {name}, fewer than {MIN_ROWS}"
    return None
