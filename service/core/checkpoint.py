"""How far a monitor's source has been read and its windows measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.labels.remeasure import LabelProgress
from service.core.windows import window

if TYPE_CHECKING:
    from service.core.rows.take import Take
    from service.core.windows.window import WindowPlan


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a monitor's source has been read and its windows measured.

    `cycle`: how many cycles are committed; the optimistic lock, as a commit names the cycle that it follows.
    `position`: the source's own position, JSON-able.
    `rows`: how many rows were placed in panes.
    `watermark`: the instant (UTC microseconds) before which no row is expected; None where unknown.
    `closed`: the key of the last pane whose window was measured; None before the first.
    `alarms`: the state of each alarm (`methods/alarm.py`).
    `detectors`: the state of each change-point detector, as text (`methods/concept/error_stream.py`).
    `labelling`: how far late labels were processed.
    `ended`: whether the source had nothing left, which is an event once per end.
    `tolerances`: the evidence of each tolerance by metric, as text (`methods/performance/tolerance.py`).
    """

    cycle: int = 0
    position: dict[str, Any] | None = None
    rows: int = 0
    watermark: int | None = None
    closed: int | None = None
    alarms: dict[str, str] = field(default_factory=dict)
    detectors: dict[str, str] = field(default_factory=dict)
    labelling: LabelProgress = field(default_factory=LabelProgress)
    ended: bool = False
    tolerances: dict[str, str] = field(default_factory=dict)

    def after(self, take: Take, plan: WindowPlan) -> Checkpoint:
        """Return the checkpoint after a take: position, rows and watermark advanced, never set back."""
        rows = self.rows + take.batch.rows
        seen = [self.watermark, take.watermark]
        if take.watermark is None and take.batch.rows:
            seen.append(int(take.batch.event_time.max()))
        watermark = max((instant for instant in seen if instant is not None), default=None)
        closed = window.last_closed(plan, watermark=watermark, rows=rows)
        if self.closed is not None:
            closed = self.closed if closed is None else max(closed, self.closed)
        return replace(
            self,
            cycle=self.cycle + 1,
            position=take.position,
            rows=rows,
            watermark=watermark,
            closed=closed,
            ended=take.exhausted,
        )

    @property
    def is_unmeasured(self) -> bool:
        """Whether the source has ended and none of its rows is in a pane of the layout that holds now."""
        return self.ended and self.closed is None and self.rows > 0

    def restarted(self) -> Checkpoint:
        """Return the checkpoint before the source's first row; the number of cycles goes on."""
        return Checkpoint(cycle=self.cycle)
