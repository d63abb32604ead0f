"""Rows of a batch as cells, for rejects of rows that were read already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Numbers
from service.core.time_units import to_datetime

if TYPE_CHECKING:
    from service.core.rows.batch import Batch, ColumnRows


def cells_of(rows: Batch, row: int) -> dict[str, Any]:
    """Return a row's time and watched cells, JSON-able."""
    at = to_datetime(int(rows.event_time[row])).isoformat()
    return {"event_time": at, **{name: _cell(column, row) for name, column in rows.columns.items()}}


def _cell(column: ColumnRows, row: int) -> Any:
    if isinstance(column, Numbers):
        value = float(column.values[row])
        return None if np.isnan(value) else value
    if isinstance(column, Labels):
        code = int(column.codes[row])
        return None if code < 0 else str(column.labels[code])
    return column.texts[row]
