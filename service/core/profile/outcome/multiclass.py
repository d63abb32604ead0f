"""The outcome of a model of several classes: how often each class was taken for which.

Confusion counts are kept sparse, for at most `MAX_CLASSES` classes; of more, only how many rows were right.
A whole has at least as many classes as any part of it, so that the form does not depend on how rows were
split, and outcomes merge in any order to the same bits.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.sums import exact_sums
from service.core.profile.outcome.binary import loss_of
from service.core.profile.stored_arrays import sums_form, sums_of
from service.core.rows.batch import Numbers
from service.core.rows.class_labels import MISSING, UNUSABLE, ClassLabels, class_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from service.core.profile.stored_arrays import Json
    from service.core.rows.batch import Batch
    from service.core.rows.task import Multiclass

    Codes = NDArray[np.int64]
    Pairs = tuple[tuple[str, str, int], ...]

MAX_CLASSES = 100


@dataclass(frozen=True, slots=True)
class MulticlassOutcome:
    """Rows by what is known of them, and what is kept of them.

    Attributes:
        labelled: Rows with a label and a prediction.
        correct: Labelled rows whose class was predicted.
        pending: Rows with a prediction and no label yet.
        unusable: All other rows.
        scored: Labelled rows with a probability of their true class.
        improper: Those of them whose probability is outside 0 to 1.
        unnamed: Labelled rows of a class that has no column of scores.
        log_loss: The sum of the log loss over the proper probabilities, in units of 2**-1074.
        log_loss_squared: The sum of its square, in the same unit.
        pairs: (true class, predicted class, rows), sorted, each once; None beyond `MAX_CLASSES` classes.

    """

    labelled: int = 0
    correct: int = 0
    pending: int = 0
    unusable: int = 0
    scored: int = 0
    improper: int = 0
    unnamed: int = 0
    log_loss: int = 0
    log_loss_squared: int = 0
    pairs: Pairs | None = ()

    @property
    def rows(self) -> int:
        """All of them."""
        return self.labelled + self.pending + self.unusable


def of_multiclass(batch: Batch, task: Multiclass) -> MulticlassOutcome:
    """Count a batch's rows by true and predicted class."""
    truth = class_labels(batch.columns.get(task.target), batch.rows)
    answer = class_labels(batch.columns.get(task.prediction), batch.rows)
    known = (truth.codes >= 0) & (answer.codes >= 0)
    labelled = int(known.sum())
    pending = int(((truth.codes == MISSING) & (answer.codes >= 0)).sum())
    counts = _counted(truth, answer, known)
    scored, improper, unnamed, sums = _scores(batch, task, truth, known)
    return MulticlassOutcome(
        labelled=labelled,
        correct=sum(count for (one, other), count in counts.items() if one == other),
        pending=pending,
        unusable=batch.rows - labelled - pending,
        scored=scored,
        improper=improper,
        unnamed=unnamed,
        log_loss=sums[0],
        log_loss_squared=sums[1],
        pairs=_pairs(counts),
    )


def wrong_multiclass(batch: Batch, task: Multiclass) -> NDArray[np.float64]:
    """Return 1 for each row taken for another class, 0 for one named rightly, NaN where a side is open."""
    sides = [class_labels(batch.columns.get(name), batch.rows) for name in (task.target, task.prediction)]
    code: dict[str, int] = {}
    truth, answer = (
        np.array([*(code.setdefault(name, len(code)) for name in side.names), UNUSABLE, MISSING])[side.codes]
        for side in sides
    )
    return np.where((truth >= 0) & (answer >= 0), truth != answer, np.nan)


def merge_multiclass(parts: Sequence[MulticlassOutcome]) -> MulticlassOutcome:
    """Return the outcome of all rows of `parts` (one or more)."""
    return MulticlassOutcome(
        labelled=sum(part.labelled for part in parts),
        correct=sum(part.correct for part in parts),
        pending=sum(part.pending for part in parts),
        unusable=sum(part.unusable for part in parts),
        scored=sum(part.scored for part in parts),
        improper=sum(part.improper for part in parts),
        unnamed=sum(part.unnamed for part in parts),
        log_loss=sum(part.log_loss for part in parts),
        log_loss_squared=sum(part.log_loss_squared for part in parts),
        pairs=_merged(part.pairs for part in parts),
    )


def encode_multiclass(outcome: MulticlassOutcome) -> dict[str, Json]:
    """Return the outcome as JSON."""
    return {
        "rows": [outcome.labelled, outcome.correct, outcome.pending, outcome.unusable],
        "scored": [outcome.scored, outcome.improper, outcome.unnamed],
        "sums": sums_form((outcome.log_loss, outcome.log_loss_squared)),
        "pairs": outcome.pairs,
    }


def decode_multiclass(form: Json) -> MulticlassOutcome:
    """Return the outcome that `encode_multiclass` was given."""
    pairs = form["pairs"]
    if pairs is not None:
        pairs = tuple((true, predicted, count) for true, predicted, count in pairs)
    return MulticlassOutcome(*[*form["rows"], *form["scored"], *sums_of(form["sums"]), pairs])


def _counted(truth: ClassLabels, answer: ClassLabels, known: NDArray[np.bool_]) -> Counter[tuple[str, str]]:
    width = max(len(answer.names), 1)
    cells, counts = np.unique(truth.codes[known] * width + answer.codes[known], return_counts=True)
    pairs = Counter[tuple[str, str]]()
    for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
        pairs[truth.names[cell // width], answer.names[cell % width]] += count  # two numbers may be one name
    return pairs


def _pairs(counts: Counter[tuple[str, str]]) -> Pairs | None:
    if len({name for pair in counts for name in pair}) > MAX_CLASSES:
        return None
    return tuple(sorted((true, predicted, count) for (true, predicted), count in counts.items()))


def _merged(parts: Iterable[Pairs | None]) -> Pairs | None:
    counts = Counter[tuple[str, str]]()
    for pairs in parts:
        if pairs is None:
            return None
        for true, predicted, count in pairs:
            counts[true, predicted] += count
    return _pairs(counts)


def _scores(
    batch: Batch, task: Multiclass, truth: ClassLabels, known: NDArray[np.bool_]
) -> tuple[int, int, int, list[int]]:
    # Of each labelled row the probability that its true class was given.
    if not task.scores:
        return 0, 0, 0, [0, 0]
    columns = dict(task.scores)
    named = np.array([name in columns for name in truth.names] + [False])
    chance = np.full(batch.rows, np.nan)
    for code, name in enumerate(truth.names):
        column = batch.columns.get(columns.get(name, ""))
        if isinstance(column, Numbers):
            rows = truth.codes == code
            chance[rows] = column.values[rows]
    unnamed = int((known & ~named[truth.codes]).sum())
    chance = chance[known & np.isfinite(chance)]
    proper = chance[(chance >= 0.0) & (chance <= 1.0)]
    loss = loss_of(proper)
    return len(chance), len(chance) - len(proper), unnamed, exact_sums(np.stack((loss, loss * loss)))
