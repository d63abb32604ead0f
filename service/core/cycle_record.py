"""The result of one cycle, which a store writes in one transaction.

All instants are UTC microseconds since 1970 (int), so that the core never touches a clock or a time zone.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.deduplicate import CountedChange
    from service.core.event import Event
    from service.core.labels.pending_rows import PendingRows
    from service.core.rows.inbox_change import InboxChange
    from service.core.rows.take import Reject
    from service.core.windows.records import PaneRecord, WindowRecord


class Outcome(StrEnum):
    """How a cycle ended."""

    MEASURED = "measured"  # at least one window was measured
    ADVANCED = "advanced"  # rows were taken, no window closed
    IDLE = "idle"  # the source had nothing new
    SKIPPED = "skipped"  # its slot passed while an earlier cycle ran
    FAILED = "failed"
    WAITING = "waiting"  # it took nothing: what it needs has not come yet


@dataclass(frozen=True, slots=True)
class LabelRecord:
    """A cycle's changes to the rows that wait for labels, applied in this order.

    `identity`: the ids (64-bit, signed) whose rows wait no longer.
    `given_up_before`: rows of an earlier event time (UTC microseconds) are given up; None: none are.
    `waiting`: the new rows.
    `labels`: how many labels found their row.
    `labelled`: the rows that have their label since this cycle; of these only id and time are kept.
    """

    identity: Sequence[int]
    waiting: PendingRows
    given_up_before: int | None = None
    labels: int = 0
    labelled: PendingRows | None = None


@dataclass(frozen=True, slots=True)
class CycleRecord:
    """Everything that one committed cycle adds.

    `monitor`: the monitor's name.
    `layout`: fingerprint of what panes depend on (schema, pane size); panes of different layouts never mix.
    `after`: the checkpoint after the cycle.
    `slot`: the grid point that the cycle belongs to.
    `started`: when the cycle started.
    `rows`: how many rows were taken.
    `panes`: the panes that changed.
    `windows`: the windows that were measured.
    `rejects`: the rejected rows that are kept.
    `rejected`: how many rows were rejected.
    `events`: what is worth a mark on a chart.
    `lag_seconds`: how far the source is behind; None where unknown.
    `progress`: the share of the source that was read; None where it has no end.
    `labels`: the changes to waiting rows; None where the monitor expects no late labels.
    `inbox`: the changes to the monitor's inbox; None where its source has none.
    `backlog_rows`: how many accepted rows wait after the cycle; likewise.
    `counted`: the changes to the ids that are remembered; None where rows are not told apart by them.
    `duplicates`: how many rows were not counted, as their ids had been.
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
    inbox: InboxChange | None = None
    backlog_rows: int | None = None
    counted: CountedChange | None = None
    duplicates: int | None = None

    @property
    def outcome(self) -> Outcome:
        """How this cycle is logged."""
        if self.windows:
            return Outcome.MEASURED
        labelled = self.labels is not None and self.labels.labels
        return Outcome.ADVANCED if self.rows or labelled else Outcome.IDLE
