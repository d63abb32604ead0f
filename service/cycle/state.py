"""Load a monitor's state and decide which panes stay in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.windows import schema_change
from service.core.windows.moving_reference import Past
from service.core.windows.panes import restored
from service.cycle.reference_history import History

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from service.core.checkpoint import Checkpoint
    from service.core.windows.panes import Pane
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Compute, Store

LONGEST_GAP = 2**40  # panes: no calendar has more


@dataclass(frozen=True, slots=True)
class State:
    """A monitor's state between cycles.

    `checkpoint`: how far its source has been read and its windows measured.
    `known_from`: the key from which on `panes` holds every stored pane; None: from the first.
    `panes`: the panes that later windows can need.
    `reported`: the columns of the last closed pane with rows, with which the next one's are compared.
    `past`: the rows before `panes`, for a moving reference.
    `restarted`: whether the source is read again from its start, since its end could not be measured.
    """

    checkpoint: Checkpoint
    known_from: int | None
    panes: dict[int, Pane] = field(default_factory=dict)
    reported: schema_change.ReportedColumns | None = None
    past: Past = field(default_factory=Past)
    restarted: bool = False


class StateLoader:
    """Loads one monitor's state, and decides what of it is kept from cycle to cycle."""

    def __init__(self, monitor: MonitorPlan, store: Store, compute: Compute) -> None:
        self._monitor = monitor
        self._store = store
        self._compute = compute
        self.history = History(
            monitor.moving, monitor.window, monitor=monitor.name, store=store, compute=compute
        )

    async def restored(self, layout: str, usually_missing: Mapping[str, float] | None = None) -> State:
        """Return the state that the store holds for panes of `layout`. Raises StoreError.

        `usually_missing` is the share of each column's rows that may be without a value.
        """
        name = self._monitor.name
        checkpoint = await self._store.checkpoint(name, layout)
        if self._monitor.label_wait is None:  # an earlier monitor file may have expected labels
            await self._store.forget_pending(name)
        if self._monitor.deduplicate is None:  # likewise
            await self._store.forget_counted_ids(name)
        first = self._first_needed(checkpoint)
        records = await self._store.panes(name, layout, first, None)
        panes = await self._compute.run(restored, records)
        reported = await self._last_reported(checkpoint, panes, layout, usually_missing or {})
        return State(checkpoint, first, panes, reported, await self.history.past(layout, first))

    async def load_older(
        self, state: State, layout: str, wanted: Callable[[], Iterable[int]]
    ) -> dict[int, Pane]:
        """Return the stored panes that are `wanted` and not in memory: late rows and labels reach them."""

        def older() -> list[int]:
            return sorted(key for key in wanted() if state.known_from is not None and key < state.known_from)

        behind = await self._compute.run(older)
        if not behind:
            return {}
        records = await self._store.panes_at(self._monitor.name, layout, behind)
        return await self._compute.run(restored, records)

    def retain(
        self,
        checkpoint: Checkpoint,
        panes: dict[int, Pane],
        reported: schema_change.ReportedColumns | None,
        past: Past,
    ) -> State:
        """Return the state after a cycle, without the panes that no later window needs."""
        first = self._first_needed(checkpoint)
        needed = {key: pane for key, pane in panes.items() if first is None or key >= first}
        return State(checkpoint, first, needed, reported, self.history.moved_on(past, panes, first))

    def _first_needed(self, checkpoint: Checkpoint) -> int | None:
        closed = checkpoint.closed
        return None if closed is None else self._monitor.window.first_of(closed + 1) - self.history.behind

    async def _last_reported(
        self,
        checkpoint: Checkpoint,
        panes: dict[int, Pane],
        layout: str,
        usually_missing: Mapping[str, float],
    ) -> schema_change.ReportedColumns | None:
        # Usually the pane right before; after a gap in the data it lies farther back.
        name, closed, late = self._monitor.name, checkpoint.closed, self._monitor.late_column
        if closed is None:
            return None
        reported = schema_change.newest(panes, closed, late=late, usually_missing=usually_missing)
        last, reach = self._monitor.window.first_of(closed + 1) - 1, 1
        while reported is None and reach <= LONGEST_GAP:
            records = await self._store.panes(name, layout, last - reach + 1, last)
            newest = await self._compute.run(restored, records[-1:])
            reported = schema_change.newest(newest, closed, late=late, usually_missing=usually_missing)
            last, reach = last - reach, reach * 4
        return reported
