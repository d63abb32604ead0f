"""One cycle of one monitor: take a batch, profile it, measure the windows that are due, append.

The only file that sees the whole line. Exactly-once rests on two things: a source gives the same rows for the
same position, and the position is committed in the transaction that holds what was measured from it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from service import label_step
from service.core import advance, codec, pending, profile, schema_change, window
from service.core.moving import Past
from service.core.question import Answer
from service.core.record import CycleRecord, Event
from service.errors import WorkerError
from service.history import History
from service.methods import alarm, error_stream, slow
from service.methods.measure import measure, settle
from service.methods.moving import measure_moving

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from service.core.advance import Pane
    from service.core.batch import Batch
    from service.core.measurement import Measurement
    from service.core.moving import Compared, MovingPlan
    from service.core.pending import PendingRows
    from service.core.profile import Profile
    from service.core.record import Checkpoint, PaneRecord, WindowRecord
    from service.core.reference import Reference
    from service.core.schema import Schema
    from service.core.take import Take
    from service.core.window import WindowPlan
    from service.executor import Compute
    from service.methods.alarm import AlarmPlan
    from service.methods.error_stream import Detectors
    from service.methods.measure import MeasurePlan
    from service.sources.protocol import Source
    from service.thresholds import Thresholds

LONGEST_GAP = 2**40  # panes: no calendar has more


class Store(Protocol):
    """What a cycle needs of the place where measurements are kept."""

    async def checkpoint(self, monitor: str, layout: str) -> Checkpoint:
        """Return where the monitor stands; a fresh checkpoint where it never ran."""
        ...

    async def panes(
        self, monitor: str, layout: str, first: int | None, last: int | None, limit: int | None = None
    ) -> Sequence[PaneRecord]:
        """Return the stored panes from key `first` to `last`, both included; None leaves a side open.

        In the order of their keys, with `limit` at most so many.
        """
        ...

    async def panes_at(self, monitor: str, layout: str, keys: Sequence[int]) -> Sequence[PaneRecord]:
        """Return the stored panes among `keys`."""
        ...

    async def pending(self, monitor: str, identity: Sequence[int]) -> PendingRows:
        """Return the rows that wait for a label under one of these ids (64-bit hashes, signed)."""
        ...

    async def forget_pending(self, monitor: str) -> None:
        """Forget the rows that wait for labels."""
        ...

    async def commit(self, record: CycleRecord, *, began: float) -> bool:
        """Write all of a cycle or nothing; False where its checkpoint was overtaken.

        `began` is when the cycle did, in seconds of the loop's clock.
        """
        ...


class Worker(Protocol):
    """Where the measures run that would take too long, or need too much, in this process."""

    async def run(self, function: str, *arguments: Any) -> Any:
        """Return what the function, `package.module:name`, returns; raise WorkerError where it does not."""
        ...


@dataclass(frozen=True, slots=True)
class Watched:
    """A monitor as its cycles see it; the reference is loaded by the first of them."""

    name: str
    schema: Schema
    window: WindowPlan
    measures: MeasurePlan
    alarm: AlarmPlan
    source: Source
    load_reference: Callable[[], Awaitable[Reference]]
    thresholds: Thresholds | None = None  # None: the plan's own hold
    detectors: Detectors = field(default_factory=dict)  # needs the schema to have a task
    label_wait: int | None = None  # microseconds after which a row is given up; None: no labels come late
    moving: MovingPlan | None = None  # None: everything is compared with the declared reference

    @property
    def layout(self) -> str:
        """What stored panes depend on, besides the reference: with another layout they are never mixed in."""
        return f"{self.schema.fingerprint}:{self.window.layout}:{codec.VERSION}"

    @property
    def late_column(self) -> str | None:
        """The column whose values come after their rows, None where all come with them."""
        return None if self.label_wait is None else pending.target_of(self.schema).name


@dataclass(frozen=True, slots=True)
class CycleReport:
    """What a cycle did, for the log and the scheduler; `committed` is False where another was quicker."""

    record: CycleRecord
    take: Take
    committed: bool
    moved: bool  # whether there was anything to do: rows, labels, or windows that waited for their turn
    seconds: float  # from the cycle's start to its end, by a clock that nobody sets

    @property
    def done(self) -> bool:
        """Whether nothing will ever follow."""
        return self.committed and self.take.exhausted and not self.record.after.labelling.again


@dataclass(slots=True)
class _State:
    """Where the monitor stands, and the panes that windows still to come can need.

    `panes` holds every stored pane from key `known_from` on; None: every one. `told` is the last closed pane
    with rows: what the columns of the next one are compared with. `past` is kept for a moving reference.
    """

    checkpoint: Checkpoint
    known_from: int | None
    panes: dict[int, Pane] = field(default_factory=dict)
    told: schema_change.Told | None = None
    past: Past = field(default_factory=Past)


class Cycle:
    """Runs a monitor's cycles, one at a time; after a failure it starts from what the store holds."""

    def __init__(
        self,
        watched: Watched,
        store: Store,
        compute: Compute,
        *,
        now: Callable[[], int],
        worker: Worker | None = None,
    ) -> None:
        self._watched = watched
        self._store = store
        self._compute = compute
        self._worker = worker
        self._now = now
        self._state: _State | None = None
        self._reference: Reference | None = None
        self._history = History(
            watched.moving, watched.window, monitor=watched.name, store=store, compute=compute
        )
        self._layout = ""  # follows from the reference, so it is known once that is

    async def run(self, slot: int) -> CycleReport:
        """Run the cycle of grid point `slot` (UTC microseconds).

        Raises TidegaugeError where the source, the reference or the store fails; nothing was written then.
        """
        started, clock = self._now(), asyncio.get_running_loop().time
        began = clock()
        reference = await self.reference()
        self._layout = f"{self._watched.layout}:{reference.anchors.fingerprint}"
        state, self._state = self._state or await self._restore(), None  # kept again only after success
        before = state.checkpoint.position
        take = await self._watched.source.take(before)
        take = replace(take, batch=take.batch.taken(self._now(), live=take.live))
        record, kept = await self._advance(state, take, reference, slot=slot, started=started)
        committed = await self._store.commit(record, began=began)
        if committed:
            self._state = kept
        moved = take.position != before or bool(state.checkpoint.labelling.again)
        return CycleReport(record, take, committed, moved, seconds=clock() - began)

    async def reference(self) -> Reference:
        """Return the declared reference, loaded once. Raises TidegaugeError where it cannot be."""
        if self._reference is None:
            self._reference = await self._watched.load_reference()
        return self._reference

    async def _restore(self) -> _State:
        name, layout = self._watched.name, self._layout
        checkpoint = await self._store.checkpoint(name, layout)
        if self._watched.label_wait is None:  # no longer, perhaps: nothing is kept for labels not expected
            await self._store.forget_pending(name)
        first = self._first_needed(checkpoint)
        records = await self._store.panes(name, layout, first, None)
        panes = await self._compute.run(advance.restored, records)
        past = await self._history.past(layout, first)
        return _State(checkpoint, first, panes, await self._told(checkpoint, panes), past)

    async def _told(self, checkpoint: Checkpoint, panes: dict[int, Pane]) -> schema_change.Told | None:
        # The last closed pane with rows: mostly the one right before, farther back after a gap in the data.
        name, layout, closed = self._watched.name, self._layout, checkpoint.closed
        if closed is None:
            return None
        late = self._watched.late_column
        told = schema_change.newest(panes, closed, late=late)
        last, reach = self._watched.window.first_of(closed + 1) - 1, 1
        while told is None and reach <= LONGEST_GAP:
            records = await self._store.panes(name, layout, last - reach + 1, last)
            restored = await self._compute.run(advance.restored, records[-1:])
            told = schema_change.newest(restored, closed, late=late)
            last, reach = last - reach, reach * 4
        return told

    def _first_needed(self, checkpoint: Checkpoint) -> int | None:
        closed = checkpoint.closed
        return None if closed is None else self._watched.window.first_of(closed + 1) - self._history.behind

    async def _advance(
        self, state: _State, take: Take, reference: Reference, *, slot: int, started: int
    ) -> tuple[CycleRecord, _State]:
        watched, plan, before = self._watched, self._watched.window, state.checkpoint
        fresh = await self._compute.run(
            advance.profile_panes, take.batch, watched.schema, plan, before.rows, reference.anchors
        )
        after = advance.follow(before, take, plan)
        held = state.panes.keys() | fresh.keys()
        if take.exhausted and held:  # nothing will follow: panes that are open are as full as they get
            after = replace(after, closed=max([*held, *([] if after.closed is None else [after.closed])]))
        due = window.due(plan, before=before.closed, now=after.closed, touched=fresh.keys(), held=held)
        late = await label_step.look_up(watched, take, before, due, store=self._store, compute=self._compute)
        windows, history = sorted({*due, *late.again}), self._history
        wanted = {*fresh, *late.touched, *advance.panes_of(windows, plan), *history.wanted(windows)}
        panes = {**await self._older(state, wanted), **state.panes}
        windows = [last for last in windows if last in due or advance.panes_of([last], plan) & panes.keys()]
        early = await history.early(self._layout, state.past, windows)
        if watched.thresholds is not None:
            sizes = advance.window_rows(windows, panes, fresh, plan)
            await watched.thresholds.prepare(sizes, reference.fingerprint)

        everything, changed, relabelled = await self._compute.run(
            label_step.absorb,
            watched,
            late,
            take,
            panes,
            fresh,
            rows_before=before.rows,
            fixed=reference.anchors,
        )

        def compared() -> Iterator[Compared]:
            came = fresh, relabelled.corrections
            past = history.arrived(state.past, *came)
            shorter = {first: history.arrived(found, *came) for first, found in early.items()}
            return history.compared(windows, everything, past, shorter, reference.profile)

        counted = await self._compute.run(lambda: self._measured(windows, everything, compared(), reference))
        measured = [await self._settled(window) for window in counted]

        def work() -> tuple[CycleRecord, _State]:
            following, events = alarm.follow(
                replace(before, labelling=late.labelling),
                measured,
                watched.alarm,
                plan,
                late=watched.late_column,
            )
            detectors, found = self._changes(before, [take.batch, *relabelled.rows], reference)
            told, changes = schema_change.tell(state.told, everything, after.closed, late=watched.late_column)
            record = CycleRecord(
                monitor=watched.name,
                layout=self._layout,
                after=replace(
                    after, alarms=following.alarms, labelling=following.labelling, detectors=detectors
                ),
                slot=slot,
                started=started,
                rows=take.batch.rows,
                panes=advance.pane_records(changed),
                windows=tuple(measured),
                rejects=(*take.rejects, *relabelled.rejects),
                rejected=take.rejected + relabelled.rejected,
                events=(*changes, *found, *events, *_ended(take, after, slot)),
                lag_seconds=take.lag_seconds,
                progress=take.progress,
                labels=label_step.record_of(watched, take, relabelled),
            )
            return record, self._kept(
                record.after, everything, told, history.arrived(state.past, fresh, relabelled.corrections)
            )

        return await self._compute.run(work)

    def _measured(
        self, due: list[int], panes: dict[int, Pane], compared: Iterator[Compared], reference: Reference
    ) -> list[WindowRecord]:
        nothing, plan = profile.empty(self._watched.schema, reference.anchors), self._watched.window
        windows: list[WindowRecord] = []
        for last, against in zip(due, compared, strict=True):
            measured_by = self._measured_against(against, reference)
            windows += advance.measure_windows(
                [last], panes, nothing, plan, measured_by, fixed=reference.bins
            )
        return windows

    async def _settled(self, measured: WindowRecord) -> WindowRecord:
        # What only the worker process can measure; it fails measure by measure, never the cycle.
        asked = slow.calls(measured.measurements)
        if not asked or self._worker is None:
            return measured
        answers = {}
        for call in asked:
            try:
                answers[call] = await self._worker.run(call.function, *call.arguments)
            except WorkerError as error:
                answers[call] = {"": Answer(reason=str(error))}
        return replace(measured, measurements=settle(measured.measurements, answers))

    async def _older(self, state: _State, keys: set[int]) -> dict[int, Pane]:
        # Late rows and labels reach back behind the panes in memory.
        behind = sorted(key for key in keys if state.known_from is not None and key < state.known_from)
        if not behind:
            return {}
        records = await self._store.panes_at(self._watched.name, self._layout, behind)
        return await self._compute.run(advance.restored, records)

    def _measured_against(
        self, compared: Compared, reference: Reference
    ) -> Callable[[Profile], tuple[Measurement, ...]]:
        watched = self._watched

        def against(current: Profile) -> tuple[Measurement, ...]:
            plan = watched.measures
            if watched.thresholds is not None:
                drift = replace(plan.drift, calibrated=watched.thresholds.of(current.rows))
                plan = replace(plan, drift=drift)
            fixed, estimator = reference.anchors, reference.estimator
            measured = measure(compared.profile, current, watched.schema, plan, fixed, estimator=estimator)
            if watched.moving is None:
                return measured
            return (*measured, measure_moving(compared, reference.profile))

        return against

    def _changes(
        self, before: Checkpoint, rows: Sequence[Batch], reference: Reference
    ) -> tuple[dict[str, str], tuple[Event, ...]]:
        schema, detectors = self._watched.schema, self._watched.detectors
        if schema.task is None or not detectors:
            return {}, ()  # what a detector that was taken out had counted is forgotten
        fed = error_stream.errors_to_feed(schema, *rows)
        outcome = reference.profile.outcome
        return error_stream.find_changes(
            detectors, before.detectors, fed, task=schema.task, reference=outcome
        )

    def _kept(
        self, checkpoint: Checkpoint, panes: dict[int, Pane], told: schema_change.Told | None, past: Past
    ) -> _State:
        first = self._first_needed(checkpoint)
        kept = {key: pane for key, pane in panes.items() if first is None or key >= first}
        return _State(checkpoint, first, kept, told, self._history.moved_on(past, panes, first))


def _ended(take: Take, after: Checkpoint, slot: int) -> tuple[Event, ...]:
    # A monitor whose source has nothing left is silent for a good reason: whoever watches it should know.
    if not take.exhausted:
        return ()
    at = slot if after.watermark is None else after.watermark
    return (Event("ended", at, f"the source has nothing left after {after.rows} rows"),)
