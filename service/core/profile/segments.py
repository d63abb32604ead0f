"""How did a model do where a column has this value? Outcomes by segment, the values fixed by the reference.

Segments of one column are a commutative monoid over rows, like the outcomes that they are made of. Every row
is in one segment: that of its value, of all values that the reference names rarely or not at all, or of rows
without one. So the outcomes of a column's segments add up to that of the whole, bit for bit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.distribution import labelled
from service.core.profile.outcome import outcome
from service.core.rows.batch import Batch
from service.core.rows.class_labels import class_labels
from service.core.rows.task import columns_of
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.distribution import Distribution
    from service.core.profile.outcome.outcome import Outcome
    from service.core.rows.task import Task

MOST_VALUES = 50
REST = OTHER, MISSING = "(other)", "(missing)"


@dataclass(frozen=True, slots=True)
class SegmentValues:
    """The `values` of a column that have a segment each, sorted; behind them come `OTHER` and `MISSING`.

    `found` is how many values the reference has, `cap` how many may have a segment.
    """

    values: tuple[str, ...]
    found: int = 0
    cap: int = MOST_VALUES

    @property
    def fingerprint(self) -> str:
        """Sixteen hex digits that change with any value."""
        return hashlib.sha256(repr(self.values).encode(errors="surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Segments:
    """A column's rows by segment: the outcomes of `values`, then of `OTHER` and of `MISSING`."""

    values: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def named(self) -> dict[str, Outcome]:
        """The outcomes by value, `OTHER` or `MISSING`, in their order."""
        return dict(zip((*self.values, OTHER, MISSING), self.outcomes, strict=True))


def values_of(reference: Distribution, *, cap: int = MOST_VALUES) -> SegmentValues:
    """Fix a column's segments by its reference: the `cap` values of most rows.

    Of equally frequent ones the first by name. A value that reads as `OTHER` or `MISSING` is one of the
    others, so that no two segments share a name.
    """
    named = labelled(reference)
    names: list[str] = named.values.tolist()
    counts = named.counts.tolist()
    order = sorted(range(len(names)), key=lambda i: (-counts[i], names[i]))
    kept = [names[i] for i in order if names[i] not in REST][:cap]
    return SegmentValues(tuple(sorted(kept)), len(names), cap)


def beyond_cap(column: str, values: SegmentValues) -> str | None:
    """Return what to say where the reference has more values than may have a segment, else None."""
    if values.found <= values.cap:
        return None
    return (
        f"by: {column!r} has {values.found} values in the reference; the {values.cap} most frequent are "
        f"measured separately, all others together as {column}={OTHER}; to see more of them, name a "
        "column of fewer values, such as groups of them made where the rows come from"
    )


def empty(task: Task, values: SegmentValues) -> Segments:
    """Return the segments of no rows: the identity of `merge`."""
    return Segments(values.values, (outcome.empty(task),) * (len(values.values) + len(REST)))


def of_columns(
    batch: Batch, task: Task, by: Mapping[str, SegmentValues], *, limit: int
) -> dict[str, Segments]:
    """Return a batch's rows by segment of each column; one that never came is missing in every row."""
    asked = {name: batch.columns[name] for name in columns_of(task) if name in batch.columns}
    narrow = Batch(batch.rows, batch.event_time, asked)
    return {
        column: _split(narrow, _codes(batch, column, values), task, values, limit)
        for column, values in by.items()
    }


def merge(parts: Sequence[Segments], *, limit: int) -> Segments:
    """Return the segments of all rows of `parts`, which stay as they are.

    Raises ProfileError where there is no part or where parts were made with other values.
    """
    if not parts:
        raise ProfileError("merge: no part given; expected at least one part, it may be empty")
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    for part in parts[1:]:
        if part.values != first.values:
            raise ProfileError(
                f"segments of {_told(first)} and {_told(part)} do not belong together; "
                "expected parts made with the values of the same reference"
            )
    sides = zip(*(part.outcomes for part in parts), strict=True)
    return Segments(first.values, tuple(_merged(side, limit) for side in sides))


def less(segments: Segments, waiting: Segments) -> Segments:
    """Return `segments` less those of the same rows without their labels; see `outcome.less`."""
    sides = zip(segments.outcomes, waiting.outcomes, strict=True)
    return Segments(segments.values, tuple(outcome.less(part, before) for part, before in sides))


def _told(segments: Segments) -> str:
    return ", ".join(segments.values) or "no values"


def _merged(parts: tuple[Outcome, ...], limit: int) -> Outcome:
    filled = [part for part in parts if not outcome.is_empty(part)]
    if len(filled) > 1:
        return outcome.merge(filled, limit=limit)
    return filled[0] if filled else parts[0]


def _codes(batch: Batch, column: str, values: SegmentValues) -> NDArray[np.intp]:
    # Which segment each row is in; code -1, missing, is the last, and -2, no label at all, the one before.
    found = class_labels(batch.columns.get(column), batch.rows)
    place = {value: index for index, value in enumerate(values.values)}
    other = len(place)
    table = np.array([*(place.get(name, other) for name in found.names), other, other + 1], dtype=np.intp)
    return table[found.codes]


def _split(batch: Batch, codes: NDArray[np.intp], task: Task, values: SegmentValues, limit: int) -> Segments:
    nothing, size = outcome.empty(task), len(values.values) + len(REST)
    ordered = batch.take(np.argsort(codes, kind="stable"))
    ends = np.cumsum(np.bincount(codes, minlength=size)).tolist()
    outcomes = tuple(
        outcome.of(ordered.take(slice(start, end)), task, limit=limit) if end > start else nothing
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    )
    return Segments(values.values, outcomes)
