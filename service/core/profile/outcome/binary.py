"""The outcome of a two-class model: confusion counts, and the scores by true class.

The scores are two counted distributions, from which every ranking measure follows; what depends on each
row's probability alone is kept as exact sums (`exact/sums.py`). All of it merges in any order to the same
bits.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.exact.grouped_sums import limbs_of, sums_by_group
from service.core.exact.sums import exact_sums
from service.core.profile import distribution
from service.core.profile.stored_arrays import distribution_form, distribution_of, sums_form, sums_of
from service.core.rows.batch import Numbers
from service.core.rows.class_labels import MISSING, UNUSABLE, class_labels, is_one_of
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Batch
    from service.core.rows.task import Binary

    Doubles = NDArray[np.float64]
    Codes = NDArray[np.int64]

BINS = 10
EDGES = np.linspace(0.0, 1.0, BINS + 1)[1:-1]
# The smallest distance of a probability from 0 and 1 in the log loss: scikit-learn's.
CLIP = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True)
class Confusion:
    """Labelled rows by true and predicted class."""

    true_negative: int = 0
    false_positive: int = 0
    false_negative: int = 0
    true_positive: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.true_negative + self.false_positive + self.false_negative + self.true_positive


@dataclass(frozen=True, slots=True)
class ScoreBins:
    """Labelled rows by score, in ten bins (0, 0.1], (0.1, 0.2] ..., the first with 0; one entry per bin.

    `scores` sums the scores, `squares` their squared distance from the truth, in units of 2**-1074.
    """

    rows: tuple[int, ...] = (0,) * BINS
    positives: tuple[int, ...] = (0,) * BINS
    scores: tuple[int, ...] = (0,) * BINS
    squares: tuple[int, ...] = (0,) * BINS


@dataclass(frozen=True, slots=True)
class BinaryOutcome:
    """Rows by what is known of them, and what is kept of them; sums are in units of 2**-1074.

    Attributes:
        labelled: Rows with a label and a predicted label or a score.
        observed_positive: Labelled rows of the positive class.
        pending: Rows with a prediction and no label yet.
        pending_positive: Pending rows that were predicted positive.
        pending_negative: Pending rows that were predicted negative.
        unusable: All other rows.
        improper: Scores of labelled rows outside 0 to 1, which are in no bin and no sum.
        log_loss: The sum of the log loss.
        log_loss_squared: The sum of its square.
        distance_4: The sum of the score's distance from the truth to the fourth.
        confusion: Labelled rows by true and predicted class.
        bins: Labelled rows by score.
        positives: The finite scores of the labelled rows of the positive class.
        negatives: The finite scores of the labelled rows of the negative class.
        scores_predicted_positive: The finite scores of all rows predicted positive, where the task has both
            labels and scores.
        scores_predicted_negative: The finite scores of all rows predicted negative, likewise.

    """

    labelled: int = 0
    observed_positive: int = 0
    pending: int = 0
    pending_positive: int = 0
    pending_negative: int = 0
    unusable: int = 0
    improper: int = 0
    log_loss: int = 0
    log_loss_squared: int = 0
    distance_4: int = 0
    confusion: Confusion = Confusion()
    bins: ScoreBins = ScoreBins()
    positives: Distribution = field(default_factory=lambda: distribution.empty(Kind.NUMERICAL))
    negatives: Distribution = field(default_factory=lambda: distribution.empty(Kind.NUMERICAL))
    scores_predicted_positive: Distribution = field(
        default_factory=lambda: distribution.empty(Kind.NUMERICAL)
    )
    scores_predicted_negative: Distribution = field(
        default_factory=lambda: distribution.empty(Kind.NUMERICAL)
    )

    @property
    def rows(self) -> int:
        """All of them."""
        return self.labelled + self.pending + self.unusable


def of_binary(batch: Batch, task: Binary, *, limit: int) -> BinaryOutcome:
    """Count a batch's rows by truth and prediction; at most `limit` distinct scores per class are kept."""
    truth = is_one_of(class_labels(batch.columns.get(task.target), batch.rows), task.positive)
    score = scores_of(batch, task)
    predicted = _predicted(batch, task, score)
    scored, answered = np.isfinite(score), predicted >= 0
    known = (truth >= 0) & (answered | scored)
    waiting = (truth == MISSING) & (answered | scored)
    negative, positive = _tally(predicted[waiting & answered], 2)
    cells = _tally((2 * truth + predicted)[known & answered], 4)
    labelled, pending = int(known.sum()), int(waiting.sum())
    observed = int(truth[known].sum())
    both = scored & answered if task.prediction is not None else np.zeros(batch.rows, dtype=np.bool_)
    by_answer = score[both & (predicted == 1)], score[both & (predicted == 0)]
    chosen = known & scored
    truth, score = truth[chosen], score[chosen]
    proper = (score >= 0.0) & (score <= 1.0)
    sums, bins = _of_probabilities(truth[proper], score[proper])
    return BinaryOutcome(
        labelled=labelled,
        observed_positive=observed,
        pending=pending,
        pending_positive=positive,
        pending_negative=negative,
        unusable=batch.rows - labelled - pending,
        improper=len(proper) - int(proper.sum()),
        log_loss=sums[0],
        log_loss_squared=sums[1],
        distance_4=sums[2],
        confusion=Confusion(*cells),
        bins=bins,
        positives=_kept(distribution.of_numbers(score[truth == 1]), limit),
        negatives=_kept(distribution.of_numbers(score[truth == 0]), limit),
        scores_predicted_positive=_kept(distribution.of_numbers(by_answer[0]), limit),
        scores_predicted_negative=_kept(distribution.of_numbers(by_answer[1]), limit),
    )


def wrong_binary(batch: Batch, task: Binary) -> Doubles:
    """Return 1 for each row predicted wrongly, 0 for one predicted rightly, NaN where a side is open."""
    truth = is_one_of(class_labels(batch.columns.get(task.target), batch.rows), task.positive)
    predicted = _predicted(batch, task, scores_of(batch, task))
    return np.where((truth >= 0) & (predicted >= 0), truth != predicted, np.nan)


def merge_binary(parts: Sequence[BinaryOutcome], limit: int) -> BinaryOutcome:
    """Return the outcome of all rows of `parts` (one or more)."""
    return BinaryOutcome(
        labelled=sum(part.labelled for part in parts),
        observed_positive=sum(part.observed_positive for part in parts),
        pending=sum(part.pending for part in parts),
        pending_positive=sum(part.pending_positive for part in parts),
        pending_negative=sum(part.pending_negative for part in parts),
        unusable=sum(part.unusable for part in parts),
        improper=sum(part.improper for part in parts),
        log_loss=sum(part.log_loss for part in parts),
        log_loss_squared=sum(part.log_loss_squared for part in parts),
        distance_4=sum(part.distance_4 for part in parts),
        confusion=Confusion(*_added(astuple(part.confusion) for part in parts)),
        bins=ScoreBins(
            rows=_added(part.bins.rows for part in parts),
            positives=_added(part.bins.positives for part in parts),
            scores=_added(part.bins.scores for part in parts),
            squares=_added(part.bins.squares for part in parts),
        ),
        positives=_kept(distribution.merge([part.positives for part in parts]), limit),
        negatives=_kept(distribution.merge([part.negatives for part in parts]), limit),
        scores_predicted_positive=_kept(
            distribution.merge([part.scores_predicted_positive for part in parts]), limit
        ),
        scores_predicted_negative=_kept(
            distribution.merge([part.scores_predicted_negative for part in parts]), limit
        ),
    )


def encode_binary(outcome: BinaryOutcome, arrays: ArrayWriter) -> dict[str, Json]:
    """Return the outcome as JSON."""
    bins = outcome.bins
    return {
        "rows": [
            outcome.labelled,
            outcome.observed_positive,
            outcome.pending,
            outcome.pending_positive,
            outcome.pending_negative,
            outcome.unusable,
            outcome.improper,
        ],
        "sums": sums_form((outcome.log_loss, outcome.log_loss_squared, outcome.distance_4)),
        "confusion": astuple(outcome.confusion),
        "bins": [bins.rows, bins.positives, sums_form(bins.scores), sums_form(bins.squares)],
        "true": [distribution_form(scores, arrays) for scores in (outcome.positives, outcome.negatives)],
        "predicted": [
            distribution_form(scores, arrays)
            for scores in (outcome.scores_predicted_positive, outcome.scores_predicted_negative)
        ],
    }


def decode_binary(form: Json, arrays: ArrayReader) -> BinaryOutcome:
    """Return the outcome that `encode_binary` was given."""
    rows, positives, scores, squares = form["bins"]
    bins = ScoreBins(tuple(rows), tuple(positives), sums_of(scores), sums_of(squares))
    kept = [distribution_of(entry, arrays) for entry in (*form["true"], *form["predicted"])]
    return BinaryOutcome(*[*form["rows"], *sums_of(form["sums"]), Confusion(*form["confusion"]), bins, *kept])


def loss_of(probability: Doubles) -> Doubles:
    """Return -log of the `probability` of what came true (float64, shape (n,)), clipped at `CLIP`."""
    loss: Doubles = -np.log(np.clip(probability, CLIP, 1.0 - CLIP))
    return loss


def scores_of(batch: Batch, task: Binary) -> Doubles:
    """Return each row's score (float64, shape (rows,)), NaN where it has none."""
    column = batch.columns.get(task.score) if task.score is not None else None
    return column.values if isinstance(column, Numbers) else np.full(batch.rows, np.nan)


def _predicted(batch: Batch, task: Binary, score: Doubles) -> Codes:
    if task.prediction is not None:
        return is_one_of(class_labels(batch.columns.get(task.prediction), batch.rows), task.positive)
    return np.where(np.isfinite(score), (score >= task.threshold).astype(np.int64), UNUSABLE)


def _of_probabilities(truth: Codes, score: Doubles) -> tuple[list[int], ScoreBins]:
    chance = np.where(truth == 1, score, 1.0 - score)  # of what came true
    loss = loss_of(chance)
    squared = (score - truth) ** 2
    sums = exact_sums(np.stack((loss, loss * loss, squared * squared)))
    places = EDGES.searchsorted(score, side="left")
    return sums, ScoreBins(
        rows=tuple(_tally(places, BINS)),
        positives=tuple(_tally(places[truth == 1], BINS)),
        scores=sums_by_group(limbs_of(score), places, BINS),
        squares=sums_by_group(limbs_of(squared), places, BINS),
    )


def _tally(codes: NDArray[np.integer], size: int) -> list[int]:
    counts: list[int] = np.bincount(codes, minlength=size).tolist()
    return counts


def _added(rows: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))


def _kept(scores: Distribution, limit: int) -> Distribution:
    return distribution.compress(scores, limit)
