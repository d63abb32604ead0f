"""What is asked of the worker process, and what becomes of its answers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from service.core.profile import profile
from service.core.profile.spec.spec import ProfileSpec
from service.core.rows.batch import Batch, Texts
from service.core.rows.schema import Column, Kind, Schema
from service.core.worker_call import Answer, Question
from service.methods.drift import in_worker
from service.methods.drift.columns import DriftPlan, VerdictRule, measure_drift
from service.methods.drift.registry import find
from service.methods.measure_window import settle
from service.methods.stats.unmeasurable import Unmeasurable
from tests.unit.methods.build import SCHEMA, labels, numbers, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.measurement import Measurement
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile

BEFORE = rows(size=[1.0, 2.0, 3.0, 4.0] * 10, colour="rrgb" * 10)
AFTER = rows(size=[2.0, 3.0] * 10, colour="rggb" * 5)
PLAN = DriftPlan(
    ("default",), {"colour": ("TVD",), "size": ("ks", "empirical_mmd")}, VerdictRule.FIRST, {"TVD": 0.2}
)


def asked(plan: DriftPlan = PLAN):
    return measure_drift(BEFORE, AFTER, SCHEMA, plan)


def by_name(measured: Sequence[Measurement]) -> dict[tuple[str, str], Measurement]:
    return {(m.series.column, m.series.metric): m for m in measured}


def answered(**values: float):
    measured = asked()
    answers = {
        call: {"": Answer(values[call.arguments[0]])}
        for call in in_worker.calls(measured)
        if call.arguments[0] in values
    }
    return by_name(settle(measured, answers))


def test_a_slow_measure_waits_in_its_place_with_a_question():
    """Before the worker is asked each slow measure has a reason and a question, the others have neither."""
    measured = by_name(asked())
    for key in (("colour", "TVD"), ("size", "empirical_mmd")):
        assert (measured[key].value, measured[key].reason) == (None, in_worker.WAITING)
        assert measured[key].question is not None
    assert measured["size", "ks"].question is None
    assert [call.arguments[0] for call in in_worker.calls(asked())] == ["empirical_mmd", "TVD"]


def test_a_question_carries_the_rows_as_counts():
    """Values and counts of both sides come along, infinities left out."""
    question, count = in_worker.question(
        find("empirical_mmd", Kind.NUMERICAL), Kind.NUMERICAL, numbers(1, 1, 2), numbers(3, math.inf, 4, 4)
    )
    name, kind, before, now = question.call.arguments
    assert (name, kind, count) == ("empirical_mmd", "numerical", 3)
    assert (before[0].tolist(), before[1].tolist()) == ([1.0, 2.0], [2, 1])
    assert (now[0].tolist(), now[1].tolist()) == ([3.0, 4.0], [1, 2])


def test_more_rows_than_a_method_takes_are_sampled_evenly_and_said():
    """Of 5,000 rows the kernel test gets 1,000, the same each time, and the measurement rests on as many."""
    method = find("empirical_mmd", Kind.NUMERICAL)
    many = numbers(*np.repeat(np.arange(5.0), 1_000))
    question, count = in_worker.question(method, Kind.NUMERICAL, many, many)
    again, _ = in_worker.question(method, Kind.NUMERICAL, many, many)
    counts = question.call.arguments[2][1]
    assert count == counts.sum() == 1_000
    assert counts.min() > 150
    assert counts.tolist() == again.call.arguments[2][1].tolist()


@pytest.mark.parametrize(
    ("name", "kind", "before", "now", "reason"),
    [
        ("empirical_mmd", Kind.NUMERICAL, numbers(1, 2), numbers(), "no value in the window"),
        ("empirical_mmd", Kind.NUMERICAL, numbers(math.nan), numbers(1), "no value in the reference"),
        ("empirical_mmd", Kind.NUMERICAL, numbers(1, 2), numbers(1), "fewer than 2 values in the window"),
        ("TVD", Kind.CATEGORICAL, labels("ab"), labels(""), "no value in the window"),
    ],
)
def test_where_there_is_nothing_to_ask_there_is_a_reason(
    name: str, kind: Kind, before: Distribution, now: Distribution, reason: str
):
    """An all-missing column, or one row too few, is told without the worker."""
    with pytest.raises(Unmeasurable, match=reason):
        in_worker.question(find(name, kind), kind, before, now)


def test_answers_stand_in_their_places_with_a_verdict():
    """A p-value below its threshold is a breach, the threshold itself is none, and no question is left."""
    measured = answered(TVD=0.15, empirical_mmd=0.1)
    tvd, mmd = measured["colour", "TVD"], measured["size", "empirical_mmd"]
    assert (tvd.value, tvd.threshold, tvd.breached, tvd.reason, tvd.rows) == (0.15, 0.2, True, None, 20)
    assert (mmd.value, mmd.threshold, mmd.breached, mmd.decides) == (0.1, 0.1, False, False)
    assert mmd.error_bound == pytest.approx(3.0 * math.sqrt(0.1 * 0.9 / 100))
    assert tvd.error_bound == pytest.approx(3.0 * math.sqrt(0.15 * 0.85 / 1_000))
    assert all(m.question is None for m in measured.values())


@pytest.mark.parametrize(("value", "drifted"), [(0.15, 1.0), (0.9, 0.0)])
def test_a_column_that_a_slow_method_decides_counts_among_the_drifted(value: float, drifted: float):
    """The drifted columns and their share are counted again once the answer is there."""
    measured = answered(TVD=value, empirical_mmd=0.0)
    size = float(measured["size", "ks"].breached)
    assert measured["", "drifted_columns"].value == drifted + size
    assert measured["", "drift_share"].value == (drifted + size) / 2


def test_a_failed_call_is_a_reason_and_no_verdict():
    """The one measure says why; the column that it decides is left out, the others are counted."""
    measured = asked()
    first, second = in_worker.calls(measured)
    got = by_name(settle(measured, {first: {"": Answer(0.5)}, second: {"": Answer(reason="it died")}}))
    tvd = got["colour", "TVD"]
    assert (tvd.value, tvd.breached, tvd.reason) == (None, None, "it died")
    assert got["size", "empirical_mmd"].value == 0.5
    assert got["", "drift_share"].value == float(got["size", "ks"].breached)


def test_beside_calibrated_methods_a_slow_one_is_a_second_opinion():
    """By the verdict `any` only the methods with a native form decide, unless a column has no other."""
    measured = by_name(asked(DriftPlan(by_column={"colour": ("TVD",), "size": ("ks", "empirical_mmd")})))
    assert measured["size", "ks"].decides
    assert not measured["size", "empirical_mmd"].decides
    assert measured["colour", "TVD"].decides


TEXT_SCHEMA = Schema((Column("comment", Kind.TEXT),))
TEXT_PLAN = DriftPlan(by_column={"comment": ("ks", "perc_text_content_drift")}, verdict=VerdictRule.FIRST)


def of_texts(texts: Sequence[str | None], sample_rows: int = 50) -> Profile:
    held = Texts(np.array([*texts, None], dtype=object)[:-1])
    times = np.zeros(len(texts), dtype=np.int64)
    batch = Batch(len(texts), times, {"comment": held}).numbered(0)
    return profile.of(batch, TEXT_SCHEMA, ProfileSpec(sample_rows=sample_rows))


def test_a_text_test_is_asked_about_the_sampled_texts():
    """The texts that the samples hold come along, missing ones left out, with the threshold."""
    before, now = of_texts(["late", None, "early"]), of_texts(["storm", "wind"])
    measured = by_name(measure_drift(before, now, TEXT_SCHEMA, TEXT_PLAN))
    waiting = measured["comment", "perc_text_content_drift"]
    assert (waiting.rows, waiting.threshold, waiting.decides) == (2, 0.95, False)
    assert waiting.question is not None
    assert waiting.question.call.arguments == (
        "perc_text_content_drift",
        0.95,
        ["late", "early"],
        ["storm", "wind"],
    )


def test_an_answer_s_own_threshold_decides():
    """A percentile test's threshold lies on the scale of its score: the answer brings it."""
    waiting = measure_drift(of_texts(["late"]), of_texts(["wind"]), TEXT_SCHEMA, TEXT_PLAN)
    (call,) = in_worker.calls(waiting)
    got = by_name(settle(waiting, {call: {"": Answer(0.7, threshold=0.62)}}))
    answered = got["comment", "perc_text_content_drift"]
    assert (answered.value, answered.threshold, answered.breached) == (0.7, 0.62, True)
    assert answered.error_bound is None


@pytest.mark.parametrize(
    ("texts", "rows", "reason"),
    [(["wind"], 0, "sample_rows is 0"), ([None], 50, "no value in the sampled rows of the window")],
)
def test_without_sampled_texts_there_is_a_reason(texts: list[str | None], rows: int, reason: str):
    """A monitor that keeps no rows, or a window without a text, says so and asks nobody."""
    measured = measure_drift(of_texts(["late"], rows), of_texts(texts, rows), TEXT_SCHEMA, TEXT_PLAN)
    got = by_name(measured)["comment", "perc_text_content_drift"]
    assert got.question is None
    assert reason in (got.reason or "")


def test_a_call_that_failed_is_the_reason_of_every_number_asked_of_it():
    """Not only the number under the empty key: the others of the same call say the same."""
    measured = asked()
    (call, *_) = in_worker.calls(measured)
    waiting = next(m for m in measured if m.question is not None and m.question.call is call)
    other = replace(waiting, question=Question(call, "size"))
    found = in_worker.settled([waiting, other], {call: {"": Answer(reason="the worker process died")}})
    assert [m.reason for m in found] == ["the worker process died"] * 2
