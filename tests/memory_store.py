"""A store in memory: the whole of a cycle's port `Store`, held to the same contract as the Postgres one.

`tests/contract/test_store.py` checks both. What a cycle leaves behind can be compared as a whole:
`stored(monitor)` of two runs are equal exactly where every checkpoint, pane, window, event, reject and
waiting row is.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.checkpoint import Checkpoint
from service.core.deduplicate import CountedIds
from service.core.labels.pending_rows import PendingRows
from service.core.labels.remeasure import LabelProgress
from service.errors import StoreError
from service.store.encoding import instant, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.cycle_record import CycleRecord, LabelRecord, Outcome
    from service.core.deduplicate import CountedChange
    from service.core.event import Event
    from service.core.inbox import InboxBatch
    from service.core.rows.inbox_change import InboxChange, LabelAhead
    from service.core.rows.take import Reject
    from service.core.windows.records import PaneRecord, WindowRecord

Waiting = tuple[int, int, bytes, int]  # event time, identity (signed), payload, pane


@dataclass(frozen=True)
class Revision:
    """One measuring of one window."""

    layout: str
    revision: int
    window: WindowRecord


@dataclass(frozen=True)
class LoggedCycle:
    """What is logged of a committed cycle."""

    cycle: int
    slot: int
    outcome: Outcome
    rows: int
    windows: int
    rejected: int
    labels: int
    given_up: int


@dataclass
class Stored:
    """Everything that is kept of one monitor."""

    checkpoint: Checkpoint = field(default_factory=Checkpoint)
    layout: str | None = None
    panes: dict[tuple[str, int], PaneRecord] = field(default_factory=dict)
    windows: list[Revision] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    cycles: list[LoggedCycle] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    inbox: list[InboxBatch] = field(default_factory=list)
    ahead: list[LabelAhead] = field(default_factory=list)
    kept_from: int | None = None
    labelled: list[tuple[int, int]] = field(default_factory=list)  # event time, identity (signed)
    counted: list[tuple[int, int, int]] = field(default_factory=list)  # event time, both hashes (signed)

    @property
    def latest(self) -> dict[tuple[int, int], WindowRecord]:
        """The latest revision of each window, by its first and last pane."""
        return {(each.window.first, each.window.last): each.window for each in self.windows}


class MemoryStore:
    """Keeps what cycles leave behind; a commit is atomic, as nothing in it awaits."""

    def __init__(self) -> None:
        self._monitors: dict[str, Stored] = {}

    def stored(self, monitor: str) -> Stored:
        """Return all that is kept of `monitor`; empty where it never ran."""
        return self._monitors.get(monitor, Stored())

    def copy(self) -> MemoryStore:
        """Return a store with the same content, which goes its own way from here on."""
        other = MemoryStore()
        other._monitors = {name: _copied(stored) for name, stored in self._monitors.items()}
        return other

    async def checkpoint(self, monitor: str, layout: str) -> Checkpoint:
        """Return where `monitor` stands, the fresh checkpoint where it never committed.

        Where the panes were made with another layout, `closed` is None and they are deleted.
        """
        stored = self._monitors.get(monitor)
        if stored is None:
            return Checkpoint()
        if stored.layout == layout:
            return copy.deepcopy(stored.checkpoint)
        stored.panes.clear()
        stored.waiting.clear()
        stored.labelled.clear()
        return replace(copy.deepcopy(stored.checkpoint), closed=None, labelling=LabelProgress())

    async def panes(
        self, monitor: str, layout: str, first: int | None, last: int | None, limit: int | None = None
    ) -> list[PaneRecord]:
        """Return the stored panes from key `first` to `last`, both included, ascending; None: no bound."""
        chosen = [
            pane
            for pane in self._panes(monitor, layout)
            if (first is None or pane.key >= first) and (last is None or pane.key <= last)
        ]
        return chosen[:limit]

    async def kept_from(self, monitor: str, layout: str) -> int | None:
        """Return the pane before which some of `layout` were dropped."""
        stored = self.stored(monitor)
        return stored.kept_from if stored.layout == layout else None

    def drop_panes(self, monitor: str, kept_from: int) -> None:
        """Drop the panes before `kept_from`, as retention does."""
        stored = self.stored(monitor)
        stored.kept_from = kept_from
        for layout, key in list(stored.panes):
            if key < kept_from:
                del stored.panes[layout, key]

    async def panes_at(self, monitor: str, layout: str, keys: Sequence[int]) -> list[PaneRecord]:
        """Return the stored panes among `keys`, ascending."""
        wanted = set(keys)
        return [pane for pane in self._panes(monitor, layout) if pane.key in wanted]

    async def pending(self, monitor: str, identity: Sequence[int]) -> PendingRows:
        """Return the rows that wait for a label under one of these ids, by event time."""
        wanted = set(identity)
        rows = sorted(row for row in self.stored(monitor).waiting if row[1] in wanted)
        return PendingRows(
            np.array([identity for _, identity, _, _ in rows], dtype=np.int64).view(np.uint64),
            np.array([pane for _, _, _, pane in rows], dtype=np.int64),
            np.array([at for at, _, _, _ in rows], dtype=np.int64),
            tuple(payload for _, _, payload, _ in rows),
        )

    async def forget_pending(self, monitor: str) -> None:
        """Forget the rows that wait for labels."""
        if monitor in self._monitors:
            self._monitors[monitor].waiting.clear()
            self._monitors[monitor].labelled.clear()

    async def labelled_ids(self, monitor: str, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a row with a label."""
        return {each for _, each in self.stored(monitor).labelled} & set(identity)

    async def counted_ids(self, monitor: str, identity: NDArray[np.uint64]) -> CountedIds:
        """Return what is remembered of rows that counted under one of these ids."""
        wanted = set(identity.view(np.int64).tolist())
        rows = [row for row in self.stored(monitor).counted if row[1] in wanted]
        at, first, second = (np.array([row[place] for row in rows], dtype=np.int64) for place in range(3))
        return CountedIds(first.view(np.uint64), second.view(np.uint64), at)

    async def forget_counted_ids(self, monitor: str) -> None:
        """Forget the ids of rows that counted."""
        if monitor in self._monitors:
            self._monitors[monitor].counted.clear()

    async def commit(self, record: CycleRecord, *, began: float = 0.0) -> bool:  # noqa: ARG002  # the port's
        """Write all of a cycle or nothing; False where its checkpoint does not follow the stored one."""
        before = self.stored(record.monitor)
        if record.after.cycle != before.checkpoint.cycle + 1:
            return False
        _check(record)
        after = _copied(before)
        if record.inbox is not None:
            _change_inbox(after, record.inbox)
        after.checkpoint, after.layout = _as_json(record.after), record.layout
        after.panes |= {(record.layout, pane.key): pane for pane in record.panes}
        after.windows += [_revision(before, record.layout, window) for window in record.windows]
        after.events += record.events
        after.rejects += record.rejects
        given_up = 0 if record.labels is None else _change(after, record.labels)
        if record.counted is not None:
            _remember(after, record.counted)
        after.cycles.append(
            LoggedCycle(
                record.after.cycle,
                record.slot,
                record.outcome,
                record.rows,
                len(record.windows),
                record.rejected,
                0 if record.labels is None else record.labels.labels,
                given_up,
            )
        )
        self._monitors[record.monitor] = after
        return True

    def put(self, monitor: str, batches: Sequence[InboxBatch]) -> None:
        """Add what was sent to a monitor to its inbox."""
        self._monitors.setdefault(monitor, Stored()).inbox += batches

    def _panes(self, monitor: str, layout: str) -> list[PaneRecord]:
        panes = self.stored(monitor).panes
        return [panes[key] for key in sorted(panes) if key[0] == layout]


def _copied(stored: Stored) -> Stored:
    # What the lists hold is frozen; the checkpoint's dictionaries are not.
    return Stored(
        copy.deepcopy(stored.checkpoint),
        stored.layout,
        dict(stored.panes),
        list(stored.windows),
        list(stored.events),
        list(stored.rejects),
        list(stored.cycles),
        list(stored.waiting),
        list(stored.inbox),
        list(stored.ahead),
        stored.kept_from,
        list(stored.labelled),
        list(stored.counted),
    )


def _as_json(checkpoint: Checkpoint) -> Checkpoint:
    # A checkpoint comes back as JSON keeps it: a tuple in a position is a list.
    position, alarms, detectors, tolerances = (
        json.loads(to_json(part))
        for part in (checkpoint.position, checkpoint.alarms, checkpoint.detectors, checkpoint.tolerances)
    )
    return replace(checkpoint, position=position, alarms=alarms, detectors=detectors, tolerances=tolerances)


def _check(record: CycleRecord) -> None:
    where = f"{record.monitor}: write cycle {record.after.cycle}"
    for when in (record.slot, record.started, *(event.at for event in record.events)):
        instant(when)
    panes = [pane.key for pane in record.panes]
    if len(panes) != len(set(panes)):
        raise StoreError(f"{where}: a pane is given twice")
    for window in record.windows:
        series = [measurement.series for measurement in window.measurements]
        if len(series) != len(set(series)):
            raise StoreError(f"{where}: sample: window {window.last} has two measurements of one series")


def _change_inbox(stored: Stored, changed: InboxChange) -> None:
    if set(changed.taken) - {batch.id for batch in stored.inbox}:
        raise StoreError("batches of the inbox were taken that are not there")
    stored.inbox = [batch for batch in stored.inbox if batch.id not in changed.taken]
    stored.ahead = [label for label in stored.ahead if label.id not in changed.met]
    first = 1 + max((label.id for label in stored.ahead), default=0)
    stored.ahead += [replace(label, id=first + place) for place, label in enumerate(changed.ahead)]


def _remember(stored: Stored, changed: CountedChange) -> None:
    before, ids = changed.before, changed.fresh
    kept = [] if changed.forget else [row for row in stored.counted if before is None or row[0] >= before]
    hashes = ids.identity.view(np.int64).tolist(), ids.check.view(np.int64).tolist()
    stored.counted = [*kept, *zip(ids.event_time.tolist(), *hashes, strict=True)]


def _revision(before: Stored, layout: str, window: WindowRecord) -> Revision:
    same = (layout, window.first, window.last)
    earlier = (
        each.revision for each in before.windows if (each.layout, each.window.first, each.window.last) == same
    )
    return Revision(layout, 1 + max(earlier, default=0), window)


def _change(stored: Stored, labels: LabelRecord) -> int:
    labelled = set(labels.identity)
    left: list[Waiting] = [row for row in stored.waiting if row[1] not in labelled]
    limit = labels.given_up_before
    kept = [row for row in left if limit is None or row[0] >= limit]
    stored.labelled = [row for row in stored.labelled if limit is None or row[0] >= limit]
    if labels.labelled is not None:
        done = labels.labelled
        stored.labelled += zip(done.event_time.tolist(), done.identity.view(np.int64).tolist(), strict=True)
    waiting = labels.waiting
    columns: list[list[Any]] = [
        waiting.event_time.tolist(), waiting.identity.view(np.int64).tolist(), list(waiting.payloads),
        waiting.panes.tolist(),
    ]  # fmt: skip
    stored.waiting = [*kept, *zip(*columns, strict=True)]
    return len(left) - len(kept)
