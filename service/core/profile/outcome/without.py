"""An outcome without some of its rows: what leaving out a block of the reference leaves."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from service.core.profile import distribution
from service.core.profile.distribution import Distribution
from service.core.profile.outcome.multiclass import MulticlassOutcome

if TYPE_CHECKING:
    from service.core.profile.outcome.outcome import Outcome

_Kept = TypeVar("_Kept")


def without(whole: Outcome, part: Outcome) -> Outcome:
    """Return the outcome of the rows of `whole` that are not of `part`, whose rows are among them.

    All of it is exact where nothing was compressed, but for the largest error, which stays the whole's.
    """
    left = _less(whole, part)
    if isinstance(left, MulticlassOutcome) and isinstance(part, MulticlassOutcome):
        return replace(left, pairs=_pairs(left, part))
    return left


def _less(whole: _Kept, part: _Kept) -> _Kept:
    if not is_dataclass(whole) or isinstance(whole, type):
        return whole
    taken: dict[str, Any] = {}
    for field in fields(whole):
        one, other = getattr(whole, field.name), getattr(part, field.name)
        if isinstance(one, Distribution):
            taken[field.name] = _counted_less(one, other)
        elif is_dataclass(one):
            taken[field.name] = _less(one, other)
        elif isinstance(one, int):
            taken[field.name] = one - other
        elif isinstance(one, tuple) and field.name != "pairs":
            taken[field.name] = tuple(a - b for a, b in zip(one, other, strict=True))
    return replace(whole, **taken)


def _counted_less(whole: Distribution, part: Distribution) -> Distribution:
    negative = Distribution(
        part.values,
        -part.counts,
        missing=-part.missing,
        positive_infinite=-part.positive_infinite,
        negative_infinite=-part.negative_infinite,
        dropped_bits=part.dropped_bits,
    )
    left = distribution.merge([whole, negative])
    held = left.counts != 0
    return replace(left, values=left.values[held], counts=left.counts[held])


def _pairs(whole: MulticlassOutcome, part: MulticlassOutcome) -> tuple[tuple[str, str, int], ...] | None:
    if whole.pairs is None or part.pairs is None:
        return None
    counts = Counter({(true, answer): rows for true, answer, rows in whole.pairs})
    counts.subtract({(true, answer): rows for true, answer, rows in part.pairs})
    return tuple(sorted((true, answer, rows) for (true, answer), rows in counts.items() if rows))
