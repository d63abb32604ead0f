"""One cycle of one monitor: take a batch, profile it, measure the windows that are due, commit.

The only module that sees the whole line. Exactly-once processing rests on two guarantees: a source gives the
same rows for the same position, and the position is committed in the same transaction as the measurements.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.cycle_record import CycleRecord
from service.core.profile.outcome import outcome
from service.core.rows.label_form import take_in_form
from service.core.windows import schema_change, window
from service.core.windows.panes import pane_records, panes_of, profile_panes
from service.cycle import (
    gathering,
    late_labels,
    late_rows,
    measure_windows,
    own_events,
    tolerance_evidence,
)
from service.cycle.deduplicate import deduplicated
from service.cycle.gathering import Gathered
from service.cycle.monitor_plan import CycleReport
from service.cycle.state import StateLoader
from service.methods import alarm
from service.methods.block_test import model as block_model
from service.methods.concept import error_stream
from service.methods.quality.limits import measure_rejected, usually_missing
from service.methods.stats.shares import Share

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.event import Event
    from service.core.reference.reference import Reference
    from service.core.rows.batch import Batch
    from service.core.rows.take import Take
    from service.core.season.season import Season
    from service.core.windows.moving_reference import Compared
    from service.core.windows.records import WindowRecord
    from service.core.worker_call import Worker
    from service.cycle.late_labels import Absorbed
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Compute, Store
    from service.cycle.state import State


class Cycle:
    """Runs a monitor's cycles, one at a time; after a failure the next one starts from the stored state."""

    def __init__(
        self,
        monitor: MonitorPlan,
        store: Store,
        compute: Compute,
        *,
        now: Callable[[], int],
        worker: Worker | None = None,
    ) -> None:
        self._monitor = monitor
        self._store = store
        self._compute = compute
        self._worker = worker
        self._now = now
        self._loader = StateLoader(monitor, store, compute)
        self._state: State | None = None
        self._reference: Reference | None = None
        self._layout = ""  # known once the reference is loaded
        self._usually_missing: dict[str, float] = {}  # of each column's rows; likewise

    async def run(self, slot: int) -> CycleReport:
        """Run the cycle of grid point `slot` (UTC microseconds).

        Raises TidegaugeError where the source, the reference or the store fails; nothing was written then.
        """
        started, clock = self._now(), asyncio.get_running_loop().time
        began = clock()
        reference = await self.reference()
        self._layout = f"{self._monitor.layout}:{reference.spec.fingerprint}"
        state = self._state or await self._loader.restored(self._layout, self._usually_missing)
        self._state = None  # set again only after a commit
        state, take = await self._taken(state)
        before = state.checkpoint.position
        once = await deduplicated(
            self._monitor, take, restarted=state.restarted, store=self._store, compute=self._compute
        )
        take = once.take
        take = replace(take, batch=take.batch.taken(self._now(), live=self._monitor.live))
        take = await self._compute.run(take_in_form, take, self._monitor.schema, reference.spec.forms)
        gathered = await self._gathered(state, take, reference, slot=slot, started=started)
        absorbed = await self._absorbed(state, gathered, reference)
        gathered = await self._with_evidence(state, gathered, absorbed, reference.spec.season)
        windows = await self._measured(state, gathered, absorbed, reference)

        def recorded() -> tuple[CycleRecord, State]:
            record, reported = self._recorded(state, gathered, absorbed, windows, reference)
            record = replace(record, counted=once.change, duplicates=once.duplicates)
            past = self._loader.history.arrived(state.past, gathered.fresh, absorbed.relabelled.corrections)
            return record, self._loader.retain(record.after, absorbed.panes, reported, past)

        record, kept = await self._compute.run(recorded)
        committed = await self._store.commit(record, began=began)
        if committed:
            self._state = kept
        moved = take.position != before or bool(state.checkpoint.labelling.again)
        return CycleReport(record, take, committed, moved, seconds=clock() - began)

    async def reference(self) -> Reference:
        """Return the declared reference, loaded once. Raises TidegaugeError where it cannot be."""
        if self._reference is None:
            reference = await self._monitor.load_reference()
            # The reference settles which labels the task is about, and limits that nobody wrote.
            plan = self._monitor.measures
            if reference.outcome_blocks is None:
                plan = plan.with_limits_of(reference)
            else:
                plan = await self._compute.run_long(plan.with_limits_of, reference)
            by_block = reference.blocks
            model = None if by_block is None else await self._compute.run_long(block_model.fit, by_block)
            self._monitor = replace(self._monitor, schema=reference.schema, measures=plan, blocks=model)
            self._usually_missing = usually_missing(reference.profile, self._monitor.schema)
            self._reference = replace(reference, outcome_blocks=None)  # no longer needed
        return self._reference

    async def _taken(self, state: State) -> tuple[State, Take]:
        """Return the next take, and the state that it follows.

        Where the columns or the windows were edited after the source had ended, no row would ever be in a
        pane of the new layout: the source is read again from its start.
        """
        checkpoint = state.checkpoint
        take = await self._monitor.source.take(checkpoint.position)
        if not (checkpoint.is_unmeasured and take.exhausted and not take.batch.rows):
            return state, take
        state = replace(state, checkpoint=checkpoint.restarted(), restarted=True)
        return state, await self._monitor.source.take(None)

    async def _gathered(
        self, state: State, take: Take, reference: Reference, *, slot: int, started: int
    ) -> Gathered:
        monitor, plan, before = self._monitor, self._monitor.window, state.checkpoint
        fresh = await self._compute.run(
            profile_panes, take.batch, monitor.schema, plan, before.rows, reference.spec
        )
        after, due = await self._compute.run(gathering.due, plan, before, take, fresh, state.panes)
        late = await late_labels.look_up(monitor, take, before, due, store=self._store, compute=self._compute)
        windows, history = sorted({*due, *late.again}), self._loader.history

        def wanted() -> set[int]:
            return {*fresh, *late.touched, *panes_of(windows, plan), *history.wanted(windows)}

        older = await self._loader.load_older(state, self._layout, wanted)
        kept_from = await self._kept_from(before, {*fresh, *late.touched, *windows})
        if kept_from is not None:
            left = late_rows.refused(take, plan, kept_from)
            if left is not take:
                return await self._gathered(state, left, reference, slot=slot, started=started)
            windows = late_rows.whole(windows, plan, kept_from=kept_from, behind=history.behind)
        windows, panes = await self._compute.run(gathering.held, windows, due, plan, older, state.panes)
        early = await history.early(self._layout, state.past, windows)
        return Gathered(slot, started, take, fresh, after, windows, panes, early, late)

    async def _kept_from(self, before: Checkpoint, touched: Collection[int]) -> int | None:
        """Return the pane from which on all are kept, where panes of measured windows are touched again.

        To be asked once these were read: retention says what it drops before it does.
        """
        if self._monitor.window.unit is window.Unit.ROWS or before.closed is None:
            return None
        if not any(key <= before.closed for key in touched):
            return None
        return await self._store.kept_from(self._monitor.name, self._layout)

    async def _absorbed(self, state: State, gathered: Gathered, reference: Reference) -> Absorbed:
        return await self._compute.run(
            late_labels.absorb,
            self._monitor,
            gathered.late,
            gathered.take,
            gathered.panes,
            gathered.fresh,
            rows_before=state.checkpoint.rows,
            spec=reference.spec,
        )

    async def _with_evidence(
        self, state: State, gathered: Gathered, absorbed: Absorbed, season: Season | None
    ) -> Gathered:
        monitor, before = self._monitor, state.checkpoint.tolerances
        if not monitor.measures.tolerance_tests:
            return replace(gathered, after=replace(gathered.after, tolerances={}))
        ended = gathered.take.exhausted and not gathered.late.labelling.again
        fresh = (
            *(pane.profile for pane in gathered.fresh.values()),
            *absorbed.relabelled.corrections.values(),
        )
        found = await self._compute.run(
            lambda: tolerance_evidence.followed(
                monitor, before, fresh, gathered.after, ended=ended, season=season
            )
        )
        return replace(gathered, after=replace(gathered.after, tolerances=found))

    async def _measured(
        self, state: State, gathered: Gathered, absorbed: Absorbed, reference: Reference
    ) -> list[WindowRecord]:
        monitor, history = self._monitor, self._loader.history

        def compared() -> Iterator[Compared]:
            came = gathered.fresh, absorbed.relabelled.corrections
            past = history.arrived(state.past, *came)
            shorter = {first: history.arrived(found, *came) for first, found in gathered.early.items()}
            return history.compared(gathered.windows, absorbed.panes, past, shorter, reference.profile)

        counted = await self._compute.run(
            lambda: measure_windows.measured(
                monitor,
                reference,
                gathered.windows,
                absorbed.panes,
                compared(),
                matching=absorbed.matching,
            )
        )
        settled = [await measure_windows.settled(each, self._worker) for each in counted]
        tests = monitor.measures.tolerance_tests
        settled = tolerance_evidence.with_evidence(
            settled, tests, gathered.after.tolerances, reference.spec.season
        )
        if gathered.take.refused is None:
            return settled
        rejected = measure_rejected(Share(*gathered.take.refused), monitor.measures.quality)
        return [replace(each, measurements=(*each.measurements, rejected)) for each in settled]

    def _recorded(
        self,
        state: State,
        gathered: Gathered,
        absorbed: Absorbed,
        windows: Sequence[WindowRecord],
        reference: Reference,
    ) -> tuple[CycleRecord, schema_change.ReportedColumns | None]:
        monitor, before, take = self._monitor, state.checkpoint, gathered.take
        late, relabelled = monitor.late_column, absorbed.relabelled
        labelled = replace(before, labelling=gathered.late.labelling)
        following, events = alarm.follow(labelled, windows, monitor.alarm, monitor.window, late=late)
        detectors, found = self._changes(before, [take.batch, *relabelled.rows], reference)
        after = replace(
            gathered.after,
            alarms=following.alarms,
            labelling=replace(following.labelling, matching=absorbed.matching),
            detectors=detectors,
        )
        reported, changes = schema_change.report_changes(
            state.reported,
            absorbed.panes,
            after.closed,
            late=late,
            usually_missing=self._usually_missing,
        )
        record = CycleRecord(
            monitor=monitor.name,
            layout=self._layout,
            after=after,
            slot=gathered.slot,
            started=gathered.started,
            rows=take.batch.rows,
            panes=pane_records(absorbed.changed),
            windows=tuple(windows),
            rejects=(*take.rejects, *relabelled.rejects),
            rejected=take.rejected + relabelled.rejected,
            events=(
                *own_events.restarted(state, gathered.slot),
                *take.events,
                *changes,
                *absorbed.events,
                *found,
                *events,
                *own_events.ended(before, take, after, gathered.slot),
            ),
            lag_seconds=take.lag_seconds,
            progress=take.progress,
            labels=late_labels.record_of(monitor, take, relabelled),
            inbox=late_labels.inbox_change(take, relabelled),
            backlog_rows=take.backlog_rows,
        )
        return record, reported

    def _changes(
        self, before: Checkpoint, rows: Sequence[Batch], reference: Reference
    ) -> tuple[dict[str, str], tuple[Event, ...]]:
        schema, detectors = self._monitor.schema, self._monitor.detectors
        if schema.task is None or not detectors:
            return {}, ()  # the state of a removed detector is dropped
        fed = error_stream.errors_to_feed(schema, *rows)
        known = reference.profile.get(outcome.PART)
        return error_stream.find_changes(detectors, before.detectors, fed, task=schema.task, reference=known)
