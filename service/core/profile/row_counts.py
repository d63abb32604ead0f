"""What is counted of some rows beside their values: repeats, order, time, and columns that nobody asked for.

A commutative monoid like the profile that it is a part of: `empty`, `of`, `merge`. Everything is an integer
or a name. Exact, but for the repeats of more rows than the limit (`seen.py`) and for unwatched columns
beyond the first MOST_NAMES by name, which are only known to exist.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile import duplicates
from service.core.profile.duplicates import DuplicateSketch
from service.core.rows import row_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.core.rows.batch import Arrival, Batch
    from service.core.rows.schema import Schema

MOST_NAMES = 100


@dataclass(frozen=True, slots=True)
class Unwatched:
    """The columns beside the watched ones: how many rows came with each, by name, over `rows` rows.

    `more` says that there were others, behind the last of `names` in the order of their names.
    """

    rows: int = 0
    names: tuple[tuple[str, int], ...] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """The counts. Times are UTC microseconds.

    `repeats` goes by the watched columns' values, `identities` (None where the schema names no id) by the
    id. `first` and `last` are the ends of event time. Of the `ordered` rows, whose source has an order,
    `backwards` lie before the row right before them; of the `judged` rows, whose receipt is known, `future`
    had a time still to come. `newest` is the event time and the receipt of the newest row among those that
    came when new.
    """

    repeats: DuplicateSketch = field(default_factory=DuplicateSketch)
    identities: DuplicateSketch | None = None
    first: int | None = None
    last: int | None = None
    ordered: int = 0
    backwards: int = 0
    judged: int = 0
    future: int = 0
    newest: tuple[int, int] | None = None
    unwatched: Unwatched = Unwatched()


def empty(schema: Schema) -> Tally:
    """Return the tally of no rows: the identity of `merge`."""
    return Tally(identities=None if schema.identity is None else DuplicateSketch())


def of(batch: Batch, schema: Schema, *, limit: int) -> Tally:
    """Tally a batch's rows; of their hashes, and of their ids', at most `limit` are kept."""
    if not batch.rows:
        return empty(schema)
    arrival, times = batch.arrival, batch.event_time
    columns = [batch.columns.get(column.name) for column in schema.columns]
    last = int(times.max())
    return Tally(
        repeats=duplicates.of_hashes(row_hash.of_rows(columns, batch.rows), limit=limit),
        identities=None if schema.identity is None else _identities(arrival, batch.rows, limit),
        first=int(times.min()),
        last=last,
        ordered=0 if arrival.backwards is None else batch.rows,
        backwards=0 if arrival.backwards is None else int(np.count_nonzero(arrival.backwards)),
        judged=0 if arrival.future is None else batch.rows,
        future=0 if arrival.future is None else int(np.count_nonzero(arrival.future)),
        newest=None if arrival.received is None else (last, arrival.received),
        unwatched=_unwatched(arrival, batch.rows),
    )


def merge(parts: Sequence[Tally], *, limit: int) -> Tally:
    """Return the tally of all rows of `parts` (one or more), which stay as they are."""
    identities = [part.identities for part in parts if part.identities is not None]
    newest = [part.newest for part in parts if part.newest is not None]
    return Tally(
        repeats=duplicates.merge([part.repeats for part in parts], limit=limit),
        identities=duplicates.merge(identities, limit=limit) if identities else None,
        first=min((part.first for part in parts if part.first is not None), default=None),
        last=max((part.last for part in parts if part.last is not None), default=None),
        ordered=sum(part.ordered for part in parts),
        backwards=sum(part.backwards for part in parts),
        judged=sum(part.judged for part in parts),
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
    return Unwatched(rows, tuple((name, rows) for name in names[:MOST_NAMES]), len(names) > MOST_NAMES)


def _merged(parts: Iterable[Unwatched]) -> Unwatched:
    # The first names of a whole are among the first of every part that has them: their counts are complete.
    rows, counts, more = 0, Counter[str](), False
    for part in parts:
        rows += part.rows
        counts.update(dict(part.names))
        more = more or part.more
    names = sorted(counts)
    kept = tuple((name, counts[name]) for name in names[:MOST_NAMES])
    return Unwatched(rows, kept, more or len(names) > MOST_NAMES)
