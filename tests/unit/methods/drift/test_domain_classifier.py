"""What the classifier of sides is asked, and the reasons for not asking it."""

from __future__ import annotations

import numpy as np
import pytest

from service.core.measurement import Aspect, Measurement
from service.core.profile import profile
from service.core.profile.profile import Profile
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.worker_call import WorkerFunction
from service.methods.drift.columns import DriftPlan
from service.methods.drift.domain_classifier import AUC, IMPORTANCE, measure_domain_classifier
from service.methods.drift.in_worker import NO_SAMPLE, WAITING

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL),
        Column("guess", Kind.NUMERICAL, Role.PREDICTION),
        Column("truth", Kind.NUMERICAL, Role.TARGET),
        Column("latency", Kind.NUMERICAL, Role.SERVICE),
    )
)
PLAN = DriftPlan(multivariate=("domain_classifier",))


def side(rows: int, sample: int = 80, *, seed: float = 0.0) -> Profile:
    """Profile rows, of which some are kept."""
    values = Numbers(np.arange(rows, dtype=np.float64) + seed)
    batch = Batch(rows, np.arange(rows), dict.fromkeys(SCHEMA.names, values)).numbered(0)
    return profile.of(batch, SCHEMA, ProfileSpec(sample_rows=sample))


def asked(
    before: Profile, now: Profile, plan: DriftPlan = PLAN, withheld: str | None = None
) -> tuple[Measurement, ...]:
    return measure_domain_classifier(before, now, SCHEMA, plan, withheld=withheld)


def test_one_call_answers_every_number():
    """The sampled rows of both sides go along, without the target and what the server says of itself."""
    before, now = side(60), side(70, seed=0.5)
    measured = asked(before, now)
    assert [(m.series.metric, m.series.column, m.series.unit) for m in measured] == [
        (AUC, "", "ROC AUC"), (IMPORTANCE, "size", "ROC AUC"), (IMPORTANCE, "guess", "ROC AUC"),
    ]  # fmt: skip
    assert {(m.series.aspect, m.value, m.reason, m.rows) for m in measured} == {
        (Aspect.DRIFT, None, WAITING, 70)
    }
    assert [m.reference for m in measured] == [0.5, None, None]
    questions = [m.question for m in measured if m.question is not None]
    assert [question.key for question in questions] == ["", "size", "guess"]
    assert len({id(question.call) for question in questions}) == 1
    call = questions[0].call
    columns, finds_threshold = call.arguments
    assert (call.function, list(columns), finds_threshold) == (
        WorkerFunction.DOMAIN_CLASSIFIER,
        ["size", "guess"],
        True,
    )
    old, new = columns["size"]
    assert (len(old.values), len(new.values), new.values[0]) == (60, 70, 0.5)


def test_a_threshold_of_the_plan_is_not_found_again():
    """The AUC has it at once, and the worker is not asked for another one."""
    measured = asked(side(60), side(60), DriftPlan(multivariate=PLAN.multivariate, thresholds={AUC: 0.7}))
    assert [m.threshold for m in measured] == [0.7, None, None]
    assert measured[0].question is not None
    assert measured[0].question.call.arguments[1] is False


@pytest.mark.parametrize(
    ("before", "now", "withheld", "reason"),
    [
        (side(60), side(60), "too few rows", "too few rows"),
        (side(60, sample=0), side(60), None, NO_SAMPLE),
        (side(60), side(60, sample=0), None, NO_SAMPLE),
        (side(49), side(60), None, "49 sampled rows in the reference, fewer than 50"),
        (side(60), side(49), None, "49 sampled rows in the window, fewer than 50"),
    ],
)
def test_where_it_cannot_be_asked_there_is_a_reason(
    before: Profile, now: Profile, withheld: str | None, reason: str
):
    """Every number has it, and none has a question."""
    measured = asked(before, now, withheld=withheld)
    assert [(m.reason, m.question) for m in measured] == [(reason, None)] * 3


def test_fifty_rows_a_side_are_enough():
    """From fifty on it is asked, and of a plan that does not name it there is nothing."""
    assert all(m.question is not None for m in asked(side(50), side(50)))
    assert asked(side(60), side(60), DriftPlan()) == ()
