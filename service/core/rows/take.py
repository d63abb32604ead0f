"""What a source returns in one cycle: typed rows, rejected rows, and its position after them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Numbers
from service.core.time_units import to_datetime

if TYPE_CHECKING:
    from service.core.event import Event
    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.inbox_change import InboxChange
    from service.core.rows.late_labels import LateLabels


@dataclass(frozen=True, slots=True)
class Take:
    """One batch and the position after it.

    - `batch`: the rows.
    - `position`: where the source goes on; JSON-able, and opaque to everything but its source.
    - `watermark`: no row of an earlier event time will follow (UTC microseconds); None where the source
      cannot promise that.
    - `exhausted`: nothing will ever follow.
    - `rejects`: the first of the refused rows.
    - `rejected`: how many rows were refused.
    - `progress`: the share of the source that was read (0 to 1); None where unknown.
    - `lag_seconds`: how far behind the newest row the source is; None where unknown.
    - `labels`: labels that came after the rows of this take and of earlier ones; None where there are none.
    - `refused`: how many rows of the source were refused, and of how many; None where that is not judged.
    - `inbox`: what the take's commit changes in the inbox; None where the source has none.
    - `backlog_rows`: how many rows wait in the inbox after the take; likewise.
    - `events`: what the source noticed and is worth a mark on a chart, such as rows that were lost.
    - `parts`: the batch in parts, where labels of a column were typed differently in them; none where alike.
    """

    batch: Batch
    position: dict[str, Any]
    watermark: int | None = None
    exhausted: bool = False
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    progress: float | None = None
    lag_seconds: float | None = None
    labels: LateLabels | None = None
    refused: tuple[int, int] | None = None
    inbox: InboxChange | None = None
    backlog_rows: int | None = None
    parts: tuple[Batch, ...] = ()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Reject:
    """A refused row: its cells (JSON-able) and the reason."""

    row: dict[str, Any]
    reason: str


def cells_of(rows: Batch, row: int) -> dict[str, Any]:
    """Return a row's time and cells as they are kept of a refused one (JSON-able)."""
    at = to_datetime(int(rows.event_time[row])).isoformat()
    return {"event_time": at, **{name: _cell(column, row) for name, column in rows.columns.items()}}


def _cell(column: ColumnRows, row: int) -> Any:
    if isinstance(column, Numbers):
        value = float(column.values[row])
        return value if np.isfinite(value) else None
    if isinstance(column, Labels):
        code = int(column.codes[row])
        return None if code < 0 else str(column.labels[code])
    return column.texts[row]
