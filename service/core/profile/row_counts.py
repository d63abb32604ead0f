"""What is counted of some rows besides their values: repeats, order, time, and columns not asked for.

A commutative monoid over rows. Everything is an integer or a name. Exact, but for the repeats of more rows
than the limit (`duplicates.py`) and for unwatched columns beyond the first MAX_NAMES by name, which are only
known to exist.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import duplicates
from service.core.profile.duplicates import DuplicateSketch
from service.core.profile.part import Part
from service.core.rows import row_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.core.profile.stored_arrays import ArrayReader, ArrayWriter, Json
    from service.core.rows.batch import Arrival, Batch
    from service.core.rows.schema import Schema

MAX_NAMES = 100


@dataclass(frozen=True, slots=True)
class Unwatched:
    """The columns that came and are not watched.

    Attributes:
        rows: How many rows say which columns they came with.
        names: Each column's name and how many rows came with it, in the order of the names.
        more: Whether there were others, behind the last of `names`.

    """

    rows: int = 0
    names: tuple[tuple[str, int], ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class RowCounts:
    """The counts of some rows. Times are UTC microseconds.

    Attributes:
        repeats: Rows by the watched columns' values.
        identities: Rows by their id, None where the schema names no id.
        first: The earliest event time.
        last: The latest event time.
        ordered: Rows whose source has an order.
        backwards: Ordered rows whose time lies before that of the row right before them.
        received: Rows whose receipt is known.
        future: Received rows whose time was still to come.
        newest: The event time and the receipt of the newest row among those that came when new.
        unwatched: The columns that came and are not watched.

    """

    repeats: DuplicateSketch = field(default_factory=DuplicateSketch)
    identities: DuplicateSketch | None = None
    first: int | None = None
    last: int | None = None
    ordered: int = 0
    backwards: int = 0
    received: int = 0
    future: int = 0
    newest: tuple[int, int] | None = None
    unwatched: Unwatched = Unwatched()


def empty(schema: Schema) -> RowCounts:
    """Return the counts of no rows: the identity of `merge`."""
    return RowCounts(identities=None if schema.identity is None else DuplicateSketch())


def of(batch: Batch, schema: Schema, *, limit: int) -> RowCounts:
    """Count a batch's rows; of their hashes, and of their ids', at most `limit` are kept."""
    if not batch.rows:
        return empty(schema)
    arrival, times = batch.arrival, batch.event_time
    columns = [batch.columns.get(column.name) for column in schema.columns]
    last = int(times.max())
    return RowCounts(
        repeats=duplicates.of_hashes(row_hash.of_rows(columns, batch.rows), limit=limit),
        identities=None if schema.identity is None else _identities(arrival, batch.rows, limit),
        first=int(times.min()),
        last=last,
        ordered=0 if arrival.backwards is None else batch.rows,
        backwards=0 if arrival.backwards is None else int(np.count_nonzero(arrival.backwards)),
        received=0 if arrival.future is None else batch.rows,
        future=0 if arrival.future is None else int(np.count_nonzero(arrival.future)),
        newest=None if arrival.received is None else (last, arrival.received),
        unwatched=_unwatched(arrival, batch.rows),
    )


def merge(parts: Sequence[RowCounts], *, limit: int) -> RowCounts:
    """Return the counts of all rows of `parts` (one or more), which stay as they are."""
    identities = [part.identities for part in parts if part.identities is not None]
    newest = [part.newest for part in parts if part.newest is not None]
    return RowCounts(
        repeats=duplicates.merge([part.repeats for part in parts], limit=limit),
        identities=duplicates.merge(identities, limit=limit) if identities else None,
        first=min((part.first for part in parts if part.first is not None), default=None),
        last=max((part.last for part in parts if part.last is not None), default=None),
        ordered=sum(part.ordered for part in parts),
        backwards=sum(part.backwards for part in parts),
        received=sum(part.received for part in parts),
        future=sum(part.future for part in parts),
        newest=max(newest, key=lambda found: (found[0], -found[1]), default=None),
        unwatched=_merged(part.unwatched for part in parts),
    )


def _identities(arrival: Arrival, rows: int, limit: int) -> DuplicateSketch:
    if arrival.identity is None:  # the column of the id did not come
        return DuplicateSketch(missing=rows)
    return duplicates.of_hashes(arrival.identity, limit=limit, may_miss=True)


def _unwatched(arrival: Arrival, rows: int) -> Unwatched:
    if arrival.unwatched is None:
        return Unwatched()
    names = sorted(arrival.unwatched)
    return Unwatched(rows, tuple((name, rows) for name in names[:MAX_NAMES]), len(names) > MAX_NAMES)


def _merged(parts: Iterable[Unwatched]) -> Unwatched:
    # The first names of a whole are among the first of every part that has them: their counts are complete.
    rows, counts, more = 0, Counter[str](), False
    for part in parts:
        rows += part.rows
        counts.update(dict(part.names))
        more = more or part.more
    names = sorted(counts)
    kept = tuple((name, counts[name]) for name in names[:MAX_NAMES])
    return Unwatched(rows, kept, more or len(names) > MAX_NAMES)


def _encode(counts: RowCounts, arrays: ArrayWriter) -> Json:
    return {
        "repeats": _sketch_form(counts.repeats, arrays),
        "identities": None if counts.identities is None else _sketch_form(counts.identities, arrays),
        "time": [counts.first, counts.last],
        "order": [counts.ordered, counts.backwards],
        "receipt": [counts.received, counts.future],
        "newest": counts.newest,
        "unwatched": [counts.unwatched.rows, counts.unwatched.names, counts.unwatched.more],
    }


def _decode(form: Json, arrays: ArrayReader) -> RowCounts:
    identities, newest = form["identities"], form["newest"]
    first, last = form["time"]
    ordered, backwards = form["order"]
    received, future = form["receipt"]
    rows, names, more = form["unwatched"]
    return RowCounts(
        repeats=_sketch_of(form["repeats"], arrays),
        identities=None if identities is None else _sketch_of(identities, arrays),
        first=first,
        last=last,
        ordered=ordered,
        backwards=backwards,
        received=received,
        future=future,
        newest=None if newest is None else (newest[0], newest[1]),
        unwatched=Unwatched(rows, tuple((name, count) for name, count in names), more),
    )


def _sketch_form(sketch: DuplicateSketch, arrays: ArrayWriter) -> Json:
    repeated = np.flatnonzero(sketch.counts > 1)  # nearly every row is the only one of its kind
    return {
        "rows": [sketch.rows, sketch.missing, sketch.level],
        "distinct": len(sketch.hashes),
        "hashes": arrays.put_hashes(sketch.hashes),
        "repeated": len(repeated),
        "places": arrays.put(repeated.astype(np.int64)),
        "counts": arrays.put(sketch.counts[repeated]),
    }


def _sketch_of(form: Json, arrays: ArrayReader) -> DuplicateSketch:
    rows, missing, level = form["rows"]
    counts = np.ones(form["distinct"], dtype=np.int64)
    places = arrays.take(form["places"], "<i8", form["repeated"])
    counts[places] = arrays.take(form["counts"], "<i8", form["repeated"])
    return DuplicateSketch(rows, missing, arrays.take_hashes(form["hashes"], form["distinct"]), counts, level)


PART: Part[RowCounts] = Part(
    "row_counts",
    lambda schema, _: empty(schema),
    lambda batch, schema, _, limit: of(batch, schema, limit=limit),
    lambda sides, limit: merge(sides, limit=limit),
    _encode,
    _decode,
)
