"""An outcome's form in a profile's bytes: a JSON head, and its distributions beside the columns' own.

Exact sums stand as hexadecimal: decimal text of a 2,000-bit integer is slow, and Python bounds its length.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING, Any

from service.core.profile.outcome.binary import BinaryOutcome, Confusion, ScoreBins
from service.core.profile.outcome.multiclass import MulticlassOutcome
from service.core.profile.outcome.outcome import is_empty
from service.core.profile.outcome.regression import ErrorSums, RegressionOutcome
from service.core.profile.segments import Segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from service.core.profile.distribution import Distribution
    from service.core.profile.outcome.outcome import Outcome

    Write = Callable[[Distribution], Any]
    Read = Callable[[Any], Distribution]


def outcome_head(outcome: Outcome | None, write: Write) -> dict[str, Any] | None:
    """Return an outcome's head; `write` keeps a distribution's arrays and returns its head."""
    if outcome is None:
        return None
    if isinstance(outcome, RegressionOutcome):
        return {
            "task": "regression",
            "rows": [outcome.labelled, outcome.pending, outcome.unusable, outcome.near_zero, outcome.beyond],
            "largest": outcome.largest,
            "sums": _hex(astuple(outcome.sums)),
            "sizes": write(outcome.sizes),
        }
    if isinstance(outcome, BinaryOutcome):
        return _binary_head(outcome, write)
    return {
        "task": "multiclass",
        "rows": [outcome.labelled, outcome.correct, outcome.pending, outcome.unusable],
        "scored": [outcome.scored, outcome.improper, outcome.unnamed],
        "sums": _hex([outcome.log_loss, outcome.log_loss_squared]),
        "pairs": outcome.pairs,
    }


def outcome_of(head: dict[str, Any] | None, read: Read) -> Outcome | None:
    """Return the outcome that `head` was made of; `read` gives the next distribution by its head."""
    if head is None:
        return None
    sums = _integers(head["sums"])
    if head["task"] == "regression":
        sizes = read(head["sizes"])
        return RegressionOutcome(*[*head["rows"], head["largest"], ErrorSums(*sums), sizes])
    if head["task"] == "binary":
        return _binary(head, sums, read)
    pairs = head["pairs"]
    if pairs is not None:
        pairs = tuple((true, predicted, count) for true, predicted, count in pairs)
    return MulticlassOutcome(*[*head["rows"], *head["scored"], *sums, pairs])


def segments_head(segments: Segments, write: Write) -> list[Any]:
    """Return the head of a column's segments; an empty one is null."""
    heads = [None if is_empty(part) else outcome_head(part, write) for part in segments.outcomes]
    return [segments.values, heads]


def segments_of(head: list[Any], whole: Outcome | None, read: Read) -> Segments:
    """Return the segments that `head` was made of; `whole` is an outcome of the same task."""
    values, heads = head
    if whole is None:
        raise ValueError("segments without an outcome of the whole")
    nothing = type(whole)()
    return Segments(tuple(values), tuple(outcome_of(entry, read) or nothing for entry in heads))


def _binary_head(outcome: BinaryOutcome, write: Write) -> dict[str, Any]:
    return {
        "task": "binary",
        "rows": [
            outcome.labelled,
            outcome.observed_positive,
            outcome.pending,
            outcome.pending_positive,
            outcome.pending_negative,
            outcome.unusable,
            outcome.improper,
        ],
        "sums": _hex([outcome.log_loss, outcome.log_loss_squared, outcome.distance_4]),
        "confusion": astuple(outcome.confusion),
        "bins": [
            outcome.bins.rows,
            outcome.bins.positives,
            _hex(outcome.bins.scores),
            _hex(outcome.bins.squares),
        ],
        "positives": write(outcome.positives),
        "negatives": write(outcome.negatives),
        "told": [write(outcome.told_positive), write(outcome.told_negative)],
    }


def _binary(head: dict[str, Any], sums: tuple[int, ...], read: Read) -> BinaryOutcome:
    rows, positives, scores, squares = head["bins"]
    bins = ScoreBins(tuple(rows), tuple(positives), _integers(scores), _integers(squares))
    scores = map(read, (head["positives"], head["negatives"], *head["told"]))
    return BinaryOutcome(*[*head["rows"], *sums, Confusion(*head["confusion"]), bins, *scores])


def _hex(sums: Iterable[int]) -> list[str]:
    return [f"{value:x}" for value in sums]


def _integers(texts: Iterable[str]) -> tuple[int, ...]:
    return tuple(int(text, 16) for text in texts)
