"""Moving references: the windows right before the measured one, or all earlier data.

The panes before a window are merged into its reference; they never overlap the window. What the declared
reference fixed (cells, segments) stays fixed, so that all panes merge. Where too little data came before, the
window is compared with the declared reference, and the reason is recorded. Guarantee: what a window is
compared with follows from the panes that existed when it was measured, bit for bit, however they were held,
read or merged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.profile import profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from service.core.profile.profile import Profile
    from service.core.windows.panes import Pane
    from service.core.windows.window import WindowPlan

STANDS_IN = "; compared with the declared reference"


@dataclass(frozen=True, slots=True)
class MovingPlan:
    """A reference of the `windows` windows right before the measured one, end to end; None: of all before."""

    windows: int | None = None

    def panes_behind(self, plan: WindowPlan) -> int:
        """Return how many panes before a window's own are held in memory for its reference.

        Of an expanding reference it is one window's worth: rows that come late by no more than that need
        nothing from the store.
        """
        return plan.panes * (self.windows or 1)


@dataclass(frozen=True, slots=True)
class Past:
    """What came before the panes in memory.

    `whole` merges all rows of the panes before pane `before` (None: there are none, or no such pane), for an
    expanding reference alone. `oldest` is the first pane of all that holds rows, None where none does.
    """

    before: int | None = None
    whole: Profile | None = None
    oldest: int | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """What a window is compared with, and the `reason` where the declared reference stands in.

    `rows` is how many rows the moving reference has.
    """

    profile: Profile
    rows: int
    reason: str | None = None


def references(
    moving: MovingPlan,
    plan: WindowPlan,
    due: Sequence[int],
    panes: Mapping[int, Pane],
    *,
    past: Past,
    early: Mapping[int, Past],
    declared: Profile,
) -> Iterator[Compared]:
    """Yield what each window of `due` (last panes, ascending) is compared with.

    `panes` holds all panes that lie in a rolling reference; for an expanding one all from `past.before` on
    that exist before the windows, while for windows that begin before that `early` has the past by first
    pane. Each window's is to be used before the next is asked for: an expanding one grows large.
    """
    reached, whole = past.before, past.whole
    for last in due:
        first = plan.first_of(last)
        start = first - moving.panes_behind(plan)
        if moving.windows is None and first in early:
            found = early[first].whole
        elif moving.windows is None:
            whole = _merged(whole, panes, reached, first)
            reached = first
            found = whole
        else:
            found = _merged(None, panes, start, first)
        yield _judged(
            found, moving, plan, declared, complete=past.oldest is not None and past.oldest <= start
        )


def arrived(past: Past, fresh: Mapping[int, Pane], corrections: Mapping[int, Profile]) -> Past:
    """Return the past with what a batch and late labels bring to it.

    `fresh` are the batch's panes, not yet merged with others, `corrections` what the labels add to panes.
    """
    oldest = min((key for key in (past.oldest, *fresh) if key is not None), default=None)
    if past.before is None:
        return Past(None, past.whole, oldest)
    came = [(key, pane.profile) for key, pane in fresh.items()] + list(corrections.items())
    late = [part for key, part in came if key < past.before]
    whole = profile.merge([*([] if past.whole is None else [past.whole]), *late]) if late else past.whole
    return Past(past.before, whole, oldest)


def moved_on(past: Past, panes: Mapping[int, Pane], before: int | None) -> Past:
    """Return the past up to pane `before`; `panes` holds all from `past.before` on."""
    if before is None:
        return past
    return Past(before, _merged(past.whole, panes, past.before, before), past.oldest)


def _merged(
    whole: Profile | None, panes: Mapping[int, Pane], start: int | None = None, end: int | None = None
) -> Profile | None:
    keys = (key for key in sorted(panes) if (start is None or key >= start) and (end is None or key < end))
    parts = [*([] if whole is None else [whole]), *(panes[key].profile for key in keys)]
    return profile.merge(parts) if parts else None


def _judged(
    found: Profile | None, moving: MovingPlan, plan: WindowPlan, declared: Profile, *, complete: bool
) -> Compared:
    rows = 0 if found is None else found.rows
    if not complete:
        windows = "a whole window" if moving.windows in (None, 1) else f"{moving.windows} windows"
        return Compared(declared, rows, f"the rows do not reach back {windows} before this one{STANDS_IN}")
    if found is None or rows < max(plan.min_rows, 1):
        few = f"{rows} rows before this window, fewer than the {plan.min_rows} that the monitor asks for"
        return Compared(declared, rows, few + STANDS_IN)
    return Compared(found, rows)
