"""Rows that come so late that retention has dropped panes of their windows.

What is left of such a window is not the window: measured alone, a late row would be all of it. It is refused
with its reason, and counted as every other refused row.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Numbers
from service.core.rows.id_sums import sums_of
from service.core.rows.take import Reject
from service.core.time_units import to_datetime
from service.core.windows import window

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.take import Take
    from service.core.windows.window import WindowPlan

MAX_REJECTS = 100  # that are kept of a take
REASON = (
    "it came too late: rows of its time were dropped by retention, and its windows cannot be measured again; "
    "expected it sooner, or a longer TIDEGAUGE_RETENTION_DAYS"
)


def refused(take: Take, plan: WindowPlan, kept_from: int) -> Take:
    """Return a take without the rows of panes before `kept_from`, which are among its rejects."""
    is_lost = window.assign(take.batch, plan, 0) < kept_from
    lost = np.flatnonzero(is_lost)
    if not len(lost):
        return take
    examples = take.batch.take(lost[: max(0, MAX_REJECTS - len(take.rejects))])
    inbox = take.inbox
    if inbox is not None and not inbox.counts_events:
        identity = take.batch.arrival.identity
        sums = sums_of(None if identity is None else identity[lost], len(lost))
        inbox = replace(inbox, measured=inbox.measured - sums, rejected=inbox.rejected + sums)
    counted = None if take.refused is None else (take.refused[0] + len(lost), take.refused[1])
    return replace(
        take,
        batch=take.batch.take(np.flatnonzero(~is_lost)),
        rejects=(*take.rejects, *(Reject(row, REASON) for row in _rows(examples))),
        rejected=take.rejected + len(lost),
        refused=counted,
        inbox=inbox,
    )


def whole(windows: Iterable[int], plan: WindowPlan, *, kept_from: int, behind: int) -> list[int]:
    """Return the windows (last panes) whose panes, and the `behind` ones of their reference, are all kept."""
    return [last for last in windows if plan.first_of(last) - behind >= kept_from]


def _rows(batch: Batch) -> list[dict[str, Any]]:
    cells = {name: _cells(column) for name, column in batch.columns.items()}
    return [
        {"event_time": to_datetime(at).isoformat(), **{name: column[place] for name, column in cells.items()}}
        for place, at in enumerate(batch.event_time.tolist())
    ]


def _cells(column: ColumnRows) -> list[Any]:
    if isinstance(column, Numbers):
        return [value if np.isfinite(value) else None for value in column.values.tolist()]
    if isinstance(column, Labels):
        texts = [*column.labels.tolist(), None]  # code -1, missing, is the last
        return [texts[code] for code in column.codes.tolist()]
    return list(column.texts.tolist())
