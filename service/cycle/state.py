"""Where does a monitor stand, and which panes can the windows to come need? Kept, or found in the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.windows import schema_change
from service.core.windows.moving_reference import Past
from service.core.windows.panes import restored
from service.cycle.reference_history import History

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.core.checkpoint import Checkpoint
    from service.core.windows.panes import Pane
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Store
    from service.runtime.compute_threads import Compute

LONGEST_GAP = 2**40  # panes: no calendar has more


@dataclass(frozen=True, slots=True)
class State:
    """Where the monitor stands, and the panes that windows still to come can need.

    `panes` holds every stored pane from key `known_from` on; None: every one. `told` is the last closed pane
    with rows: what the columns of the next one are compared with. `past` is kept for a moving reference.
    """

    checkpoint: Checkpoint
    known_from: int | None
    panes: dict[int, Pane] = field(default_factory=dict)
    told: schema_change.ReportedColumns | None = None
    past: Past = field(default_factory=Past)


class StateLoader:
    """Finds one monitor's state, and says what of it is kept from cycle to cycle."""

    def __init__(self, watched: MonitorPlan, store: Store, compute: Compute) -> None:
        self._watched = watched
        self._store = store
        self._compute = compute
        self.history = History(
            watched.moving, watched.window, monitor=watched.name, store=store, compute=compute
        )

    async def restored(self, layout: str, usually_missing: Mapping[str, float] | None = None) -> State:
        """Return the state that the store holds for panes of `layout`. Raises StoreError.

        `usually_missing` is the share of each column's rows that may be without a value.
        """
        name = self._watched.name
        checkpoint = await self._store.checkpoint(name, layout)
        if self._watched.label_wait is None:  # no longer, perhaps: nothing is kept for labels not expected
            await self._store.forget_pending(name)
        first = self._first_needed(checkpoint)
        records = await self._store.panes(name, layout, first, None)
        panes = await self._compute.run(restored, records)
        told = await self._told(checkpoint, panes, layout, usually_missing or {})
        return State(checkpoint, first, panes, told, await self.history.past(layout, first))

    async def load_older(self, state: State, layout: str, keys: Iterable[int]) -> dict[int, Pane]:
        """Return the stored panes among `keys` that are not kept: late rows and labels reach back so far."""
        behind = sorted(key for key in keys if state.known_from is not None and key < state.known_from)
        if not behind:
            return {}
        records = await self._store.panes_at(self._watched.name, layout, behind)
        return await self._compute.run(restored, records)

    def retain(
        self,
        checkpoint: Checkpoint,
        panes: dict[int, Pane],
        told: schema_change.ReportedColumns | None,
        past: Past,
    ) -> State:
        """Return the state after a cycle, without the panes that no window will need again."""
        first = self._first_needed(checkpoint)
        needed = {key: pane for key, pane in panes.items() if first is None or key >= first}
        return State(checkpoint, first, needed, told, self.history.moved_on(past, panes, first))

    def _first_needed(self, checkpoint: Checkpoint) -> int | None:
        closed = checkpoint.closed
        return None if closed is None else self._watched.window.first_of(closed + 1) - self.history.behind

    async def _told(
        self,
        checkpoint: Checkpoint,
        panes: dict[int, Pane],
        layout: str,
        usually_missing: Mapping[str, float],
    ) -> schema_change.ReportedColumns | None:
        # The last closed pane with rows: mostly the one right before, farther back after a gap in the data.
        name, closed, late = self._watched.name, checkpoint.closed, self._watched.late_column
        if closed is None:
            return None
        told = schema_change.newest(panes, closed, late=late, usually_missing=usually_missing)
        last, reach = self._watched.window.first_of(closed + 1) - 1, 1
        while told is None and reach <= LONGEST_GAP:
            records = await self._store.panes(name, layout, last - reach + 1, last)
            newest = await self._compute.run(restored, records[-1:])
            told = schema_change.newest(newest, closed, late=late, usually_missing=usually_missing)
            last, reach = last - reach, reach * 4
        return told
