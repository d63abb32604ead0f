"""The outcome by segment: one outcome per value of a column, the values fixed by the reference.

Segments of one column are a commutative monoid over rows, like the outcomes that they are made of. Every row
is in one segment: that of its value, of all values that the reference names rarely or not at all, or of rows
without one. So the outcomes of a column's segments add up to that of the whole, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.outcome import outcome
from service.core.profile.part import Part
from service.core.profile.spec.segment_values import MISSING, OTHER, REST
from service.core.rows.batch import Batch
from service.core.rows.class_labels import class_labels
from service.core.rows.task import columns_of
from service.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.spec.segment_values import SegmentValues
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task


@dataclass(frozen=True, slots=True)
class Segments:
    """A column's rows by segment: the outcomes of `values`, then of `OTHER` and of `MISSING`."""

    values: tuple[str, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def named(self) -> dict[str, Outcome]:
        """The outcomes by value, `OTHER` or `MISSING`, in their order."""
        return dict(zip((*self.values, OTHER, MISSING), self.outcomes, strict=True))


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
                f"segments of {_named(first)} and {_named(part)} do not belong together; "
                "expected parts made with the values of the same reference"
            )
    sides = zip(*(part.outcomes for part in parts), strict=True)
    return Segments(first.values, tuple(_merged(side, limit) for side in sides))


def less(segments: Segments, waiting: Segments) -> Segments:
    """Return `segments` less those of the same rows without their labels; see `outcome.less`."""
    sides = zip(segments.outcomes, waiting.outcomes, strict=True)
    return Segments(segments.values, tuple(outcome.less(part, before) for part, before in sides))


def _named(segments: Segments) -> str:
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


def _empty(schema: Schema, spec: ProfileSpec) -> dict[str, Segments]:
    task = schema.task
    return {} if task is None else {name: empty(task, values) for name, values in spec.segments.items()}


def _of(batch: Batch, schema: Schema, spec: ProfileSpec, limit: int) -> dict[str, Segments]:
    if schema.task is None or not spec.segments:
        return {}
    return of_columns(batch, schema.task, spec.segments, limit=limit)


def _late(
    labelled: Batch, waiting: Batch, schema: Schema, spec: ProfileSpec, limit: int
) -> dict[str, Segments]:
    after, before = (_of(batch, schema, spec, limit) for batch in (labelled, waiting))
    return {name: less(found, before[name]) for name, found in after.items()}


def _merge(sides: Sequence[dict[str, Segments]], limit: int) -> dict[str, Segments]:
    if any(side.keys() != sides[0].keys() for side in sides):
        raise ProfileError(
            "segments of different columns cannot be merged; expected profiles made with the same reference"
        )
    return {name: merge([side[name] for side in sides], limit=limit) for name in sides[0]}


def _encode(found: dict[str, Segments], arrays: ArrayWriter) -> Json:
    # An empty outcome, of which there are many, is null: the column's task says what it is.
    return {
        name: {
            "task": outcome.task_name(segments.outcomes[0]),
            "values": segments.values,
            "outcomes": [
                None if outcome.is_empty(each) else outcome.encode(each, arrays) for each in segments.outcomes
            ],
        }
        for name, segments in found.items()
    }


def _decode(form: Json, arrays: ArrayReader) -> dict[str, Segments]:
    found = {}
    for name, entry in form.items():
        nothing = outcome.empty_of(entry["task"])
        outcomes = (nothing if each is None else outcome.decode(each, arrays) for each in entry["outcomes"])
        found[name] = Segments(tuple(entry["values"]), tuple(outcomes))
    return found


PART: Part[dict[str, Segments]] = Part("segments", _empty, _of, _merge, _encode, _decode, late=_late)
