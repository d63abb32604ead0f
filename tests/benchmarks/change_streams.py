"""Streams of a classifier's errors whose change point is known: river's generators, seeded, and two controls.

A model learns 4,000 rows, the next 4,000 are the reference, then come 10,000 rows of which the change is at
row 5,000. The model never learns again.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Rows = tuple[NDArray[np.float64], NDArray[np.float64]]  # inputs (n, columns), labels (n,)

LEARNED = REFERENCE = 4_000
CHANGE = 5_000
ROWS = 10_000
BEFORE = LEARNED + REFERENCE + CHANGE


@dataclass(frozen=True, slots=True)
class Stream:
    """The model's scores and errors (0 or 1), float64, shape (n,), of the reference and of the stream."""

    reference_score: NDArray[np.float64]
    reference_error: NDArray[np.float64]
    score: NDArray[np.float64]
    error: NDArray[np.float64]


def generators() -> Any:
    """Import river's generators; it takes seconds and warns about its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_module("river.datasets.synth")


def _taken(rows: Iterator[tuple[dict[Any, float], Any]], count: int) -> Rows:
    taken = list(islice(rows, count))
    inputs = np.array([list(x.values()) for x, _ in taken], dtype=np.float64)
    return inputs, np.array([float(y) for _, y in taken])


def _joined(one: Rows, other: Rows) -> Rows:
    return np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]])


def sea(seed: int) -> Rows:
    """SEA: the border between the classes jumps from 8 to 9.5 (10 % of labels are noise)."""
    made = generators().SEA
    before, after = (iter(made(variant=v, seed=seed + n, noise=0.1)) for n, v in enumerate((0, 3)))
    return _joined(_taken(before, BEFORE), _taken(after, ROWS - CHANGE))


def agrawal(seed: int) -> Rows:
    """Agrawal: loans are granted by another rule (function 0, then 1; inputs perturbed by 10 %)."""
    made = generators().Agrawal
    sides = (made(classification_function=f, seed=seed + f, perturbation=0.1) for f in (0, 1))
    before, after = map(iter, sides)
    return _joined(_taken(before, BEFORE), _taken(after, ROWS - CHANGE))


def hyperplane(seed: int) -> Rows:
    """Hyperplane: from row 5,000 on two of ten weights grow by 0.0003 a row, without end (5 % noise)."""
    made = generators().Hyperplane(seed=seed, n_features=10, n_drift_features=2, sigma=0.0)
    rows = iter(made)
    before = _taken(rows, BEFORE)
    made.mag_change = 0.0003
    return _joined(before, _taken(rows, ROWS - CHANGE))


def steady(seed: int) -> Rows:
    """SEA without a change: all that is found is a false alarm."""
    return _taken(iter(generators().SEA(variant=0, seed=seed, noise=0.1)), BEFORE + ROWS - CHANGE)


def moved_inputs(seed: int) -> Rows:
    """One input whose label is a coin of chance 1 / (1 + exp(-2x)): from row 5,000 on x lies nearer to 0."""
    draw = np.random.default_rng(seed)
    spread = np.where(np.arange(BEFORE + ROWS - CHANGE) < BEFORE, 2.0, 0.7)
    x = draw.normal(0.0, spread)
    return x[:, None], (draw.random(len(x)) < 1.0 / (1.0 + np.exp(-2.0 * x))).astype(np.float64)


STREAMS: dict[str, Callable[[int], Rows]] = {
    "SEA, sudden": sea,
    "Agrawal, sudden": agrawal,
    "Hyperplane, incremental": hyperplane,
    "inputs moved, same relation": moved_inputs,
    "steady": steady,
}


def errors_of(make: Callable[[int], Rows], seed: int) -> Stream:
    """Let a model learn the first rows and predict the others."""
    inputs, label = make(seed)
    model = HistGradientBoostingClassifier(max_iter=30, random_state=0)
    model.fit(inputs[:LEARNED], label[:LEARNED])
    score = model.predict_proba(inputs[LEARNED:])[:, 1]
    error = ((score >= 0.5) != label[LEARNED:]).astype(np.float64)
    return Stream(score[:REFERENCE], error[:REFERENCE], score[REFERENCE:], error[REFERENCE:])
