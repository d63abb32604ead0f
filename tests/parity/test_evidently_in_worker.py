"""Evidently's tests that run in the worker process: its own number for the same rows, from counts.

Slow (ten seconds): Evidently is imported twice, in the worker and in a process that knows nothing of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from service.core.profile.distribution import of_codes, of_numbers
from service.core.rows.batch import Texts
from service.core.rows.schema import Kind
from service.methods.drift.in_worker import question, question_about_texts
from service.methods.drift.registry import find
from service.wiring import worker_process
from service.worker.client import worker
from tests.parity.oracle import TOLERANCE

if TYPE_CHECKING:
    from service.core.profile.distribution import Distribution
    from service.core.worker_call import Answer

draw = np.random.default_rng(7)
LETTERS = np.array(list("abcdefgh"))
CASES: dict[str, tuple[str, Kind, Any, Any]] = {
    "numbers that moved": ("empirical_mmd", Kind.NUMERICAL, draw.normal(size=80), draw.normal(0.4, 1, 50)),
    "numbers that stayed": ("empirical_mmd", Kind.NUMERICAL, draw.normal(size=60), draw.normal(size=90)),
    "numbers with ties": (
        "empirical_mmd",
        Kind.NUMERICAL,
        draw.integers(0, 9, 70) * 1.0,
        draw.integers(0, 9, 40) * 1.0,
    ),
    "a constant against itself": ("empirical_mmd", Kind.NUMERICAL, np.full(40, 3.5), np.full(25, 3.5)),
    "two rows a side": ("empirical_mmd", Kind.NUMERICAL, np.array([1.0, 2.0]), np.array([5.0, 6.0])),
    "labels that moved": (
        "TVD",
        Kind.CATEGORICAL,
        draw.choice(LETTERS[:4], 90),
        draw.choice(LETTERS[:4], 60, p=[0.4, 0.3, 0.2, 0.1]),
    ),
    "many labels": ("TVD", Kind.CATEGORICAL, draw.choice(LETTERS, 120), draw.choice(LETTERS[2:], 80)),
    "one label on both sides": ("TVD", Kind.CATEGORICAL, np.array(["a"] * 30), np.array(["a"] * 20)),
    "one row a side": ("TVD", Kind.CATEGORICAL, np.array(["a"]), np.array(["b"])),
}


WORDS = np.array(["wind", "late", "early", "plane", "storm", "ground", "crew", "gate"])


def sentences(count: int, *, likes: float) -> list[str]:
    shares = np.linspace(1.0, likes, len(WORDS))
    return [" ".join(draw.choice(WORDS, 6, p=shares / shares.sum())) for _ in range(count)]


TEXTS: dict[str, tuple[str, float, list[str], list[str]]] = {
    "texts that moved": ("abs_text_content_drift", 0.55, sentences(60, likes=1), sentences(50, likes=9)),
    "texts that stayed": ("abs_text_content_drift", 0.55, sentences(80, likes=1), sentences(60, likes=1)),
    "a percentile": ("perc_text_content_drift", 0.95, sentences(60, likes=1), sentences(50, likes=9)),
    "a percentile of few": ("perc_text_content_drift", 0.8, sentences(30, likes=1), sentences(20, likes=2)),
}


def counted(rows: Any) -> Distribution:
    if rows.dtype.kind == "f":
        return of_numbers(rows)
    labels, codes = np.unique(rows, return_inverse=True)
    return of_codes(codes, labels)


@pytest.fixture(scope="module")
def theirs() -> dict[str, tuple[float, bool]]:
    cases = [
        (name, "num" if kind is Kind.NUMERICAL else "cat", np.sort(before).tolist(), np.sort(now).tolist())
        for name, kind, before, now in CASES.values()
    ]
    asked = [(*case, None) for case in cases] + [
        (name, "text", before, now, threshold) for name, threshold, before, now in TEXTS.values()
    ]
    done = subprocess.run(
        [sys.executable, "-m", "tests.parity.evidently_alone"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "0", "DO_NOT_TRACK": "1"},
    )
    return dict(zip([*CASES, *TEXTS], json.loads(done.stdout), strict=True))


@pytest.fixture(scope="module")
def ours() -> dict[str, Answer]:
    async def ask() -> dict[str, Answer]:
        async with worker(worker_process) as process:
            answers = {}
            for case, (name, kind, before, now) in CASES.items():
                asked, _ = question(find(name, kind), kind, counted(before), counted(now))
                answers[case] = (await process.run(asked.call.function, *asked.call.arguments))[asked.key]
            for case, (name, threshold, before, now) in TEXTS.items():
                sides = (Texts(np.array(texts, dtype=object)) for texts in (before, now))
                asked, _ = question_about_texts(find(name, Kind.TEXT), threshold, *sides)
                answers[case] = (await process.run(asked.call.function, *asked.call.arguments))[asked.key]
            return answers

    return asyncio.run(ask())


@pytest.mark.parametrize("case", CASES)
def test_a_worker_gives_evidently_s_number(
    case: str, ours: dict[str, Answer], theirs: dict[str, tuple[float, bool]]
) -> None:
    """Score and verdict equal those of Evidently's test on the raw rows, sorted, under the same seeds."""
    method = find(CASES[case][0], CASES[case][1])
    score, drifted = theirs[case]
    assert ours[case].value == pytest.approx(score, rel=TOLERANCE, abs=TOLERANCE)
    assert (ours[case].value < method.threshold) is drifted


@pytest.mark.parametrize("case", TEXTS)
def test_a_worker_tells_texts_apart_as_evidently_does(
    case: str, ours: dict[str, Answer], theirs: dict[str, tuple[float, bool]]
) -> None:
    """Score and verdict equal those of Evidently's text test, the percentile's threshold among them."""
    score, drifted = theirs[case]
    answer, (_, threshold, *_) = ours[case], TEXTS[case]
    assert answer.value == pytest.approx(score, rel=TOLERANCE, abs=TOLERANCE)
    assert (answer.value > (threshold if answer.threshold is None else answer.threshold)) is drifted
    assert (answer.threshold is None) is case.startswith("texts")
