"""Components that are shares, or as good as one: how their mean scores say it.

The share of rows with a label, or without a value, is a mean score itself. A column of numbers in which most
rows have one value, such as zero, is a share too: its mean location moves with the share of the other rows,
where these lie on one side. Where they lie on both, the mean tells little of how many they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.blocks.reference import MIN_COUNT
from service.core.blocks.scores import UNIT, Aim, NumberScores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.blocks.sums import BlockSpec

    Floats = NDArray[np.float64]
    Marks = NDArray[np.bool_]

ATOM = 0.8  # of the rows with a value, from which one value is most of a column
ONE_SIDE = 0.9  # of the other rows
_SHARES = frozenset({Aim.MISSING, Aim.SHARE, Aim.BUCKET, Aim.UNSEEN})


class Atoms(NamedTuple):
    """By component: between which mean scores a share moves (shape (2, k), NaN where it is none).

    few: the rows that differ are fewer than an indicator needs; mixed: they lie on both sides (shape (k,)).
    """

    ends: Floats
    few: Marks
    mixed: Marks


def atoms_of(spec: BlockSpec) -> Atoms:
    """Return which components are shares."""
    width = len(spec.components)
    ends, few, mixed = np.full((2, width), np.nan), np.zeros(width, np.bool_), np.zeros(width, np.bool_)
    ends[:, [each.aim in _SHARES for each in spec.components]] = np.array([[0.0], [1.0]])
    at = 0
    for column in spec.columns:
        if isinstance(column, NumberScores):
            _of_numbers(column, ends[:, at], few[at : at + 2], mixed[at : at + 2])
        at += len(column.components)
    return Atoms(ends, few, mixed)


def _of_numbers(column: NumberScores, ends: Floats, few: Marks, mixed: Marks) -> None:
    counts, mode = column.counts, int(column.counts.argmax())
    total = int(counts.sum())
    others = total - int(counts[mode])
    if counts[mode] < ATOM * total or not others:
        return
    few[:] = others < MIN_COUNT
    above = int(counts[mode + 1 :].sum())
    if len(column.table) > 1 or max(above, others - above) < ONE_SIDE * others:
        mixed[:] = True
        return
    scores = column.table[0, 0] / UNIT
    ends[:] = scores[mode], (scores @ counts - scores[mode] * counts[mode]) / others
