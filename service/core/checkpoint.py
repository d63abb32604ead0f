"""How far a monitor's source has been read and its windows measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.labels.remeasure import LabelProgress
from service.core.windows import window

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.rows.take import Take
    from service.core.windows.window import WindowPlan

    Measure = Callable[[Profile], tuple[Measurement, ...]]
if TYPE_CHECKING:
    from service.core.measurement import Measurement


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a monitor's source has been read and its windows measured.

    `cycle` counts committed cycles and is the optimistic lock: a commit names the cycle that it follows.
    `position` belongs to the source (JSON-able). `rows` counts the rows placed in panes, `closed` is the key
    of the last pane whose window was measured. `alarms` is what `methods/alarm.py` knows of the last windows,
    `detectors` the state of each change-point detector as text (`methods/error_stream.py`),
    `labelling` how far late labels were followed up.
    """

    cycle: int = 0
    position: dict[str, Any] | None = None
    rows: int = 0
    watermark: int | None = None
    closed: int | None = None
    alarms: dict[str, str] = field(default_factory=dict)
    detectors: dict[str, str] = field(default_factory=dict)
    labelling: LabelProgress = field(default_factory=LabelProgress)


def follow(before: Checkpoint, take: Take, plan: WindowPlan) -> Checkpoint:
    """Return the checkpoint after a take: position, rows and watermark moved on, never back."""
    rows = before.rows + take.batch.rows
    seen = [before.watermark, take.watermark]
    if take.watermark is None and take.batch.rows:
        seen.append(int(take.batch.event_time.max()))
    watermark = max((instant for instant in seen if instant is not None), default=None)
    closed = window.last_closed(plan, watermark=watermark, rows=rows)
    if before.closed is not None:
        closed = before.closed if closed is None else max(closed, before.closed)
    return replace(
        before,
        cycle=before.cycle + 1,
        position=take.position,
        rows=rows,
        watermark=watermark,
        closed=closed,
    )
