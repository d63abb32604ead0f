"""Panes and windows: where a row belongs, which panes make a window, which windows are due.

A pane is the smallest slice: of event time (half-open [start, end), UTC microseconds) or of rows (counted
from the monitor's first). Panes are numbered from the grid's origin; a window is a run of `panes` panes and
is named by its last one. A tumbling window is one pane long.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from service.core.rows.batch import Batch

# After a gap in event time longer than this many panes no empty windows are stored: a source that pauses for
# a year must not cause half a million measurements without rows.
LONGEST_EMPTY_RUN = 400


class Unit(StrEnum):
    """What a window is measured in."""

    TIME = "time"
    ROWS = "rows"


@dataclass(frozen=True, slots=True)
class WindowPlan:
    """How rows become windows.

    `unit`: whether panes are slices of event time or of rows.
    `hop`: a pane's length, in microseconds or rows.
    `panes`: how many panes make a window.
    `offset`: shift of the time grid (microseconds; time windows only).
    `min_rows`: below it a window gets no drift and no performance measurements, only the reason.
    `lateness`: how far the watermark is held back (microseconds; time windows only).
    """

    unit: Unit
    hop: int
    panes: int = 1
    offset: int = 0
    min_rows: int = 1
    lateness: int = 0

    def bounds(self, key: int) -> tuple[int, int]:
        """Return a pane's half-open bounds in the plan's unit."""
        start = key * self.hop + self.offset
        return start, start + self.hop

    def first_of(self, last: int) -> int:
        """Return the first pane of the window that ends with pane `last`."""
        return last - self.panes + 1

    @property
    def layout(self) -> str:
        """What makes two panes mergeable, besides the schema: their unit, length and origin."""
        return f"{self.unit}:{self.hop}:{self.offset}"


def assign(batch: Batch, plan: WindowPlan, rows_before: int) -> NDArray[np.int64]:
    """Return each row's pane (int64, shape (rows,)); `rows_before` rows were placed before this batch."""
    if plan.unit is Unit.TIME:
        return np.floor_divide(batch.event_time - plan.offset, plan.hop)
    return np.floor_divide(np.arange(rows_before, rows_before + batch.rows, dtype=np.int64), plan.hop)


def split(batch: Batch, keys: NDArray[np.int64]) -> dict[int, Batch]:
    """Return the rows of each pane, by key in ascending order; rows keep their order."""
    if not batch.rows:
        return {}
    if keys[0] == keys[-1] and (keys == keys[0]).all():
        return {int(keys[0]): batch}
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    cuts = np.flatnonzero(np.diff(ordered)) + 1
    return {int(keys[rows[0]]): batch.take(rows) for rows in np.split(order, cuts)}


def last_closed(plan: WindowPlan, *, watermark: int | None, rows: int) -> int | None:
    """Return the last pane that no further row on time can fall into, None where there is none yet.

    `watermark` is the instant before which no row is expected (microseconds), `rows` how many were placed.
    """
    if plan.unit is Unit.ROWS:
        return rows // plan.hop - 1 if rows >= plan.hop else None
    if watermark is None:
        return None
    return (watermark - plan.lateness - plan.offset) // plan.hop - 1


def due(
    plan: WindowPlan, *, before: int | None, now: int | None, touched: Collection[int], held: Collection[int]
) -> list[int]:
    """Return the windows to measure, by last pane, ascending.

    `before` and `now` are the last closed panes before and after a batch; `touched` the panes that got rows
    from it; `held` all panes known to hold rows, touched ones included. New windows are the ones that closed;
    a row that came late re-opens its pane, so every measured window that holds the pane is due again.
    """
    if now is None or (before is None and not held):
        return []
    start = before + 1 if before is not None else min(held)
    fresh: Collection[int] = range(start, now + 1)
    if plan.unit is Unit.ROWS or len(fresh) > LONGEST_EMPTY_RUN:
        fresh = {last for key in held for last in windows_of(plan, key) if start <= last <= now}
    again: set[int] = set()
    if before is not None:
        late = (key for key in touched if key <= before)
        again = {last for key in late for last in windows_of(plan, key) if last <= before}
    return sorted(again.union(fresh))


def windows_of(plan: WindowPlan, key: int) -> range:
    """Return the windows that hold pane `key`, by last pane."""
    return range(key, key + plan.panes)
