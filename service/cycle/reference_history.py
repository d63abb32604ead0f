"""Read from the store what a moving reference needs beyond the panes in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from service.core.profile import profile
from service.core.windows import moving_reference
from service.core.windows.moving_reference import Compared, Past
from service.core.windows.panes import restored

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from service.core.profile.profile import Profile
    from service.core.windows.moving_reference import MovingPlan
    from service.core.windows.panes import Pane
    from service.core.windows.records import PaneRecord
    from service.core.windows.window import WindowPlan
    from service.cycle.ports import Compute

PANES_AT_ONCE = 32


class PaneStore(Protocol):
    """Stored panes."""

    async def panes(
        self, monitor: str, layout: str, first: int | None, last: int | None, limit: int | None = None
    ) -> Sequence[PaneRecord]:
        """Return stored panes in the order of their keys, at most `limit` of them."""
        ...


class History:
    """The past of one monitor's windows; without a `plan` the reference is fixed and nothing is read."""

    def __init__(
        self,
        plan: MovingPlan | None,
        window: WindowPlan,
        *,
        monitor: str,
        store: PaneStore,
        compute: Compute,
    ) -> None:
        self._plan = plan
        self._window = window
        self._monitor = monitor
        self._store = store
        self._compute = compute

    @property
    def behind(self) -> int:
        """How many panes before a window's own its reference needs in memory."""
        return 0 if self._plan is None else self._plan.panes_behind(self._window)

    async def past(self, layout: str, before: int | None) -> Past:
        """Return what the store holds of `layout` before pane `before`, as far as it is needed."""
        if self._plan is None:
            return Past()
        whole = None
        if self._plan.windows is None and before is not None:
            whole = await self._merged(layout, before)
        oldest = await self._store.panes(self._monitor, layout, None, None, limit=1)
        return Past(before, whole, oldest[0].key if oldest else None)

    def wanted(self, windows: Iterable[int]) -> set[int]:
        """Return the panes, by key, that a rolling reference of these windows (last panes) needs."""
        if self._plan is None or self._plan.windows is None:
            return set()
        firsts = {self._window.first_of(last) for last in windows}
        return {key for first in firsts for key in range(first - self.behind, first)}

    async def early(self, layout: str, past: Past, windows: Iterable[int]) -> dict[int, Past]:
        """Return, by first pane, the past of the windows that begin before what is kept of it.

        Late rows or labels re-opened these; of an expanding reference the stored panes are merged again.
        """
        if self._plan is None or self._plan.windows is not None or past.before is None:
            return {}
        firsts = {self._window.first_of(last) for last in windows}
        found, whole, reached = dict[int, Past](), None, None
        for first in sorted(first for first in firsts if first < past.before):
            whole, reached = await self._merged(layout, first, whole, reached), first
            found[first] = Past(first, whole, past.oldest)
        return found

    def compared(
        self,
        due: Sequence[int],
        panes: Mapping[int, Pane],
        past: Past,
        early: Mapping[int, Past],
        declared: Profile,
    ) -> Iterator[Compared]:
        """Yield what each window of `due` is compared with; see `moving_reference.references`."""
        if self._plan is None:
            return (Compared(declared, declared.rows) for _ in due)
        return moving_reference.references(
            self._plan, self._window, due, panes, past=past, early=early, declared=declared
        )

    def arrived(self, past: Past, fresh: Mapping[int, Pane], corrections: Mapping[int, Profile]) -> Past:
        """Return the past with the rows of a batch and the corrections of late labels."""
        return past if self._plan is None else moving_reference.arrived(past, fresh, corrections)

    def moved_on(self, past: Past, panes: Mapping[int, Pane], before: int | None) -> Past:
        """Return the past up to pane `before`; `panes` holds all that are not in it yet."""
        if self._plan is None or self._plan.windows is not None:
            return past
        return moving_reference.moved_on(past, panes, before)

    async def _merged(
        self, layout: str, before: int, whole: Profile | None = None, first: int | None = None
    ) -> Profile | None:
        # `whole` with the panes from `first` on, a few at a time: a history does not fit in memory.
        while records := await self._store.panes(
            self._monitor, layout, first, before - 1, limit=PANES_AT_ONCE
        ):
            whole = await self._compute.run(_with, whole, records)
            first = records[-1].key + 1
        return whole


def _with(whole: Profile | None, records: Sequence[PaneRecord]) -> Profile:
    panes = restored(records).values()
    return profile.merge([*([] if whole is None else [whole]), *(pane.profile for pane in panes)])
