"""Drift methods that run in the worker process: the call for a column, the measurement from its answer.

Such a measurement is among a window's from the start, without a value and with its question; `settled` puts
the answers in.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Worse
from service.core.rows.batch import Texts
from service.core.worker_call import Answer, Call, Question, WorkerFunction
from service.methods.drift.method import Compression
from service.methods.drift.registry import ALL, COMPRESSED
from service.methods.stats.alignment import alike
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.measurement import Measurement
    from service.core.profile.distribution import Distribution
    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Kind
    from service.methods.drift.method import Method

WAITING = "the worker process was not asked"
UNANSWERED = "the worker process returned no such value"
NO_SAMPLE = "the monitor keeps no rows: sample_rows is 0"
SEED = 20_130_101


def question(
    method: Method, kind: Kind, reference: Distribution, current: Distribution
) -> tuple[Question, int]:
    """Return what to ask the worker process for `method`, and how many of the window's rows it rests on.

    Rows come back from their counts, in the order of their values; infinities are left out, as Evidently
    does. Beyond the method's limit of rows per side, an even sample is asked about, the same one for the same
    rows. Raises Unmeasurable with the reason where there is nothing to ask.
    """
    if method.in_worker is None:
        raise ValueError(f"{method.full_name} is measured without the worker process")
    sides = alike(reference, current)
    for side, name in zip(sides, ("reference", "window"), strict=True):
        if not side.finite:
            raise Unmeasurable(f"no value in the {name}")
        if side.finite < method.in_worker.min_rows:
            raise Unmeasurable(f"fewer than {method.in_worker.min_rows} values in the {name}")
        if side.dropped_bits and method.compression is Compression.REFUSES:
            raise Unmeasurable(COMPRESSED)
    before, now = ((side.values, _sampled(side, method.in_worker.max_rows)) for side in sides)
    call = Call(WorkerFunction.STATISTICAL_TEST, (method.name, kind.counted.value, before, now))
    return Question(call), int(now[1].sum())


def question_about_texts(
    method: Method, threshold: float, reference: ColumnRows | None, current: ColumnRows | None
) -> tuple[Question, int]:
    """Return what to ask the worker process of the texts in the samples of rows; see `question`."""
    if not isinstance(reference, Texts) or not isinstance(current, Texts):
        raise Unmeasurable(NO_SAMPLE)
    before, now = (
        [text for text in side.texts.tolist() if text is not None] for side in (reference, current)
    )
    for side, name in ((before, "reference"), (now, "window")):
        if not side:
            raise Unmeasurable(f"no value in the sampled rows of the {name}")
    return Question(Call(WorkerFunction.TEXT_TEST, (method.name, threshold, before, now))), len(now)


def calls(measurements: Sequence[Measurement]) -> list[Call]:
    """Return what the worker process has to be asked, each call once, in the measurements' order."""
    return list({id(m.question.call): m.question.call for m in measurements if m.question}.values())


def settled(
    measurements: Sequence[Measurement], answers: Mapping[Call, Mapping[str, Answer]]
) -> tuple[Measurement, ...]:
    """Return the measurements with the answers in their places."""
    return tuple(m if m.question is None else _answered(m, m.question, answers) for m in measurements)


def _answered(m: Measurement, asked: Question, answers: Mapping[Call, Mapping[str, Answer]]) -> Measurement:
    of_call = answers.get(asked.call, {})
    failed = of_call.get("")  # a call that failed has no other answer, and its reason is that of every number
    why = (failed and failed.reason) or (UNANSWERED if of_call else WAITING)
    answer = of_call.get(asked.key, Answer(reason=why))
    names = (m.series.metric, m.series.definition)
    method = next((known for known in ALL if (known.name, known.definition) == names), None)
    threshold = m.threshold if answer.threshold is None else answer.threshold
    value = answer.value
    if value is None or not math.isfinite(value):
        reason = answer.reason or f"{m.series.metric} is beyond what a number can hold for these values"
        return replace(m, reason=reason, threshold=threshold, question=None)
    breached = None
    if threshold is not None:
        breached = value > threshold if m.series.worse is Worse.HIGHER else value < threshold
    return replace(
        m,
        value=value,
        reason=None,
        threshold=threshold,
        breached=breached,
        error_bound=None if method is None or method.draws_error is None else method.draws_error(value),
        low=answer.low,
        high=answer.high,
        question=None,
    )


def _sampled(side: Distribution, rows: int) -> NDArray[np.int64]:
    if side.finite <= rows:
        return side.counts
    return np.random.default_rng(SEED).multivariate_hypergeometric(side.counts, rows, method="marginals")
