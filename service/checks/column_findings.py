"""What `check` says of the rows of a source or of a reference: columns, their cells, and times."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.time_units import SECOND
from service.sources.tables.parsed import listed, nearest
from service.sources.tables.unusable import left_out, unfit_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.core.rows.take import Take

SECOND_YEAR = 365 * 86_400 * SECOND  # after 1970, in microseconds


def column_faults(batch: Batch, schema: Schema, *, late: str | None = None) -> Iterator[str]:
    """Yield each watched column that is not there (`late` need not be), or holds nothing of its kind."""
    names = [*batch.columns, *(batch.arrival.unwatched or ())]
    for name in schema.names:
        if name not in batch.columns and name != late:
            yield f"it has no column {name!r}{nearest(name, names)}; it has {listed(names)}"
    yield from unfit_columns(batch, schema)


def column_notes(batch: Batch, schema: Schema) -> Iterator[str]:
    """Yield what of a column's cells is left out or is perhaps not meant."""
    yield from left_out(batch, schema)
    yield from batch.arrival.remarks


def take_notes(take: Take) -> Iterator[str]:
    """Yield which of a source's rows are refused, and what is strange with the times of its first ones."""
    if take.refused is not None and take.refused[0]:
        refused, rows = take.refused
        reason = f": {take.rejects[0].reason}" if take.rejects else ""
        yield f"{refused} of {rows} rows cannot be used{reason}"
    times = take.batch.event_time
    early = int(np.count_nonzero((times >= 0) & (times < SECOND_YEAR)))
    if early == len(times) > 0:
        yield "its times are in 1970; is the unit of the timestamp right?"
    elif early:
        yield (
            f"{early:,} of {len(times):,} times are in 1970 and the others not: does the column mix units?"
        )
