"""Which row of a reference has which time: what its fingerprint, made of the values alone, does not see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.rows import row_hash

if TYPE_CHECKING:
    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema

_TIMES, _PAIRS = 0x7133, 0x9A1B


def digits_of(batch: Batch, schema: Schema) -> str:
    """Return sixteen hex digits that change with any row's values or time, and not with the rows' order."""
    columns = [batch.columns.get(column.name) for column in schema.columns]
    times = row_hash.of_ordinals(batch.event_time, _TIMES)
    pairs = row_hash.of_rows(columns, batch.rows) ^ times
    total = np.add.reduce(row_hash.of_ordinals(pairs.view(np.int64), _PAIRS), dtype=np.uint64)
    return f"{int(total):016x}"
