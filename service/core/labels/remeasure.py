"""Choose the windows that late labels measure again, and when their performance counts for an alarm.

A label touches a pane, and with it every window that was measured with that pane. These windows queue up:
those that have waited longest are measured first, at most MAX_WINDOWS_AGAIN per cycle, so that a month of
labels in one cycle does not hold up the next, and labels that trickle in do not each measure a window.

A window's performance counts for an alarm once: when nine in ten of its rows with a prediction have their
label; where fewer ever get one, when labels have come for rows a whole window later and it has as many labels
as a window needs rows. Windows count in order: a window that is complete after a later one no longer counts.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.labels import key_ranges
from service.core.labels.matching import LabelMatching
from service.core.windows.window import LONGEST_EMPTY_RUN, windows_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from service.core.labels.key_ranges import KeyRanges
    from service.core.windows.records import WindowRecord
    from service.core.windows.window import WindowPlan

MAX_WINDOWS_AGAIN = 32  # per cycle
ENOUGH = 0.9  # of a window's labels


@dataclass(frozen=True, slots=True)
class LabelProgress:
    """How far late labels were processed; windows and panes by their keys.

    `again`: the windows that wait to be measured again.
    `reached`: the last pane that got a late label.
    `alarmed_through`: the last window whose performance counted for an alarm.
    `matching`: how many labels find a row.
    """

    again: KeyRanges = ()
    reached: int | None = None
    alarmed_through: int | None = None
    matching: LabelMatching = field(default_factory=LabelMatching)


def schedule(
    before: LabelProgress,
    plan: WindowPlan,
    *,
    closed: int | None,
    touched: Collection[int],
    due: Iterable[int],
) -> tuple[list[int], LabelProgress]:
    """Return the windows to measure again in this cycle, ascending, and what waits behind them.

    `closed` is the last pane whose window was measured before this cycle, `touched` are the panes that get
    labels, `due` the windows that are measured in any case.
    """
    reached = max([*touched, *([] if before.reached is None else [before.reached])], default=None)
    due = set(due)
    wanted = {last for key in touched for last in windows_of(plan, key)}
    if before.reached is not None and reached is not None:
        # Labels have moved on: a window that has not counted yet may have all the labels it will ever get.
        since = max(before.reached, reached - LONGEST_EMPTY_RUN) - plan.panes + 1
        wanted |= {w for w in range(since, reached - plan.panes + 1) if _is_open(before, w)}
    wanted = {last for last in wanted if closed is not None and last <= closed} - due
    now, rest = key_ranges.first(
        key_ranges.added(key_ranges.without(before.again, due), wanted), MAX_WINDOWS_AGAIN
    )
    return now, replace(before, again=rest, reached=reached)


def counts(labelling: LabelProgress, plan: WindowPlan, measured: WindowRecord) -> bool:
    """Say whether a window's performance, as it is measured now, counts for an alarm."""
    if not measured.labelled or not _is_open(labelling, measured.last):
        return False
    if measured.labelled >= ENOUGH * (measured.labelled + measured.pending):
        return True
    moved_on = labelling.reached is not None and measured.last + plan.panes <= labelling.reached
    return moved_on and measured.labelled >= plan.min_rows


def _is_open(labelling: LabelProgress, last: int) -> bool:
    return labelling.alarmed_through is None or last > labelling.alarmed_through
