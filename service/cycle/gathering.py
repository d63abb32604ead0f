"""What a cycle gathers before it measures: its take, the windows that are due, and their panes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from service.core.windows import window
from service.core.windows.panes import panes_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.rows.take import Take
    from service.core.windows.moving_reference import Past
    from service.core.windows.panes import Pane
    from service.core.windows.window import WindowPlan
    from service.cycle.late_labels import LateStep


@dataclass(frozen=True, slots=True)
class Gathered:
    """The input of one cycle's measuring.

    `slot`: the cycle's grid point (UTC microseconds).
    `started`: when the cycle started (UTC microseconds).
    `take`: the batch and what came with it.
    `fresh`: the panes of the batch alone.
    `after`: the checkpoint once the batch is taken.
    `windows`: the windows to measure, by last pane, ascending.
    `panes`: the panes held before the batch, those loaded from the store included.
    `early`: by first pane, the past of windows that begin before the past in memory.
    `late`: the late labels and the rows that wait for them.
    """

    slot: int
    started: int
    take: Take
    fresh: Mapping[int, Pane]
    after: Checkpoint
    windows: Sequence[int]
    panes: Mapping[int, Pane]
    early: Mapping[int, Past]
    late: LateStep


def due(
    plan: WindowPlan, before: Checkpoint, take: Take, fresh: Mapping[int, Pane], panes: Mapping[int, Pane]
) -> tuple[Checkpoint, list[int]]:
    """Return the checkpoint after a take, and the windows that are due then."""
    after, held = before.after(take, plan), panes.keys() | fresh.keys()
    if take.exhausted and held:  # nothing will follow: open panes are complete
        after = replace(after, closed=max([*held, *([] if after.closed is None else [after.closed])]))
    due = window.due(plan, before=before.closed, now=after.closed, touched=fresh.keys(), held=held)
    return after, due


def held(
    windows: Sequence[int],
    due: Collection[int],
    plan: WindowPlan,
    older: Mapping[int, Pane],
    panes: Mapping[int, Pane],
) -> tuple[list[int], dict[int, Pane]]:
    """Return the windows that are due or hold a pane, and all panes that are held."""
    everything, is_due = {**older, **panes}, set(due)
    kept = [last for last in windows if last in is_due or panes_of([last], plan) & everything.keys()]
    return kept, everything
