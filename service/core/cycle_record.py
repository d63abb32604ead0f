"""What one cycle leaves behind: the unit that a store writes in one transaction.

All instants are UTC microseconds since 1970 (int), so that the core never touches a clock or a time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.event import Event
    from service.core.labels.pending_rows import PendingRows
    from service.core.rows.take import Reject
    from service.core.windows.records import PaneRecord, WindowRecord


class Outcome(StrEnum):
    """How a cycle ended."""

    MEASURED = "measured"  # at least one window was measured
    ADVANCED = "advanced"  # rows were taken, no window closed
    IDLE = "idle"  # the source had nothing new
    SKIPPED = "skipped"  # its slot passed while an earlier cycle ran
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """What a cycle changes of the rows that wait for labels, in this order.

    The rows of the ids `identity` (64-bit, signed) wait no longer, those of an event time before
    `given_up_before` are given up, and `waiting` are new. `labels` counts the labels that found their row.
    """

    identity: Sequence[int]
    waiting: PendingRows
    given_up_before: int | None = None
    labels: int = 0


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """Everything that one committed cycle adds.

    `layout` fingerprints what panes depend on (schema, pane size); panes of another layout are never mixed
    in. `slot` is the grid point that the cycle belongs to, `rejected` counts all rejects of which `rejects`
    are kept. `progress` is the share of the source that was read, None where it has no end.
    `labels` is None where the monitor expects none.
    """

    monitor: str
    layout: str
    after: Checkpoint
    slot: int
    started: int
    rows: int
    panes: tuple[PaneRecord, ...] = ()
    windows: tuple[WindowRecord, ...] = ()
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    events: tuple[Event, ...] = ()
    lag_seconds: float | None = None
    progress: float | None = None
    labels: LabelRecord | None = None

    @property
    def outcome(self) -> Outcome:
        """How this cycle is logged."""
        if self.windows:
            return Outcome.MEASURED
        labelled = self.labels is not None and self.labels.labels
        return Outcome.ADVANCED if self.rows or labelled else Outcome.IDLE
