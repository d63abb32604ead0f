"""Join a cycle's late labels to the rows that wait for them, and choose the windows to measure again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.cycle_record import LabelRecord
from service.core.event import Event
from service.core.labels import join, pending_rows
from service.core.labels import matching as label_matching
from service.core.labels import remeasure as labelling
from service.core.labels.join import JoinedLabels
from service.core.labels.matching import LabelMatching
from service.core.labels.remeasure import LabelProgress
from service.core.rows.id_sums import sums_of
from service.core.windows import window
from service.core.windows.panes import corrected, merge_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.core.checkpoint import Checkpoint
    from service.core.labels.join import ValidLabels
    from service.core.labels.pending_rows import PendingRows
    from service.core.profile.spec.spec import ProfileSpec
    from service.core.rows.inbox_change import InboxChange
    from service.core.rows.take import Take
    from service.core.windows.panes import Pane
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Compute, Store


class Absorbed(NamedTuple):
    """Every pane after a take, those that `changed`, and how its labels were joined.

    `matching` is how many labels find a row by then, `events` say where most no longer do.
    """

    panes: dict[int, Pane]
    changed: dict[int, Pane]
    relabelled: JoinedLabels
    matching: LabelMatching = LabelMatching()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class LateStep:
    """The late labels of one cycle, before they are joined.

    `valid`: the labels that can be used; None: there are none.
    `found`: the stored rows that wait for them.
    `labelled`: the ids among the others' whose rows have a label already.
    `again`: the windows that are measured again in this cycle, by last pane.
    `labelling`: the progress with the windows that are left for later cycles.
    """

    valid: ValidLabels | None = None
    found: PendingRows = field(default_factory=pending_rows.none)
    labelled: frozenset[int] = frozenset()
    again: tuple[int, ...] = ()
    labelling: LabelProgress = field(default_factory=LabelProgress)

    @property
    def touched(self) -> set[int]:
        """The panes, by key, that count the rows found."""
        return set(self.found.panes.tolist())


async def look_up(
    monitor: MonitorPlan,
    take: Take,
    before: Checkpoint,
    due: Iterable[int],
    *,
    store: Store,
    compute: Compute,
) -> LateStep:
    """Find the rows that wait for a take's labels; `due` are the windows that are measured in any case."""
    target = monitor.late_column
    if target is None:
        return LateStep()
    step = LateStep()
    if take.labels is not None and len(take.labels):
        valid = await compute.run(join.validate, take.labels, target)
        ids = join.signed(valid.labels.identity)
        found = await store.pending(monitor.name, ids) if ids else pending_rows.none()
        others = sorted({*ids} - {*join.signed(found.identity)})
        has_label = await store.labelled_ids(monitor.name, others) if others else ()
        step = LateStep(valid, found, frozenset(has_label))
    again, left = await compute.run(
        labelling.schedule,
        before.labelling,
        monitor.window,
        closed=before.closed,
        touched=step.touched,
        due=due,
    )
    return replace(step, again=tuple(again), labelling=left)


def absorb(
    monitor: MonitorPlan,
    step: LateStep,
    take: Take,
    panes: Mapping[int, Pane],
    fresh: Mapping[int, Pane],
    *,
    rows_before: int,
    spec: ProfileSpec,
) -> Absorbed:
    """Return `panes` with the `fresh` ones and the labels of a take.

    `rows_before` rows were placed before the take's.
    """
    everything = {**panes, **merge_into(panes, fresh)}
    relabelled = _joined(monitor, step, take, rows_before, panes=everything, spec=spec)
    everything |= corrected(everything, relabelled.corrections)
    changed = sorted({*fresh, *relabelled.corrections})
    matching, events = step.labelling.matching, tuple[Event, ...]()
    if monitor.late_column is not None:
        matching, events = label_matching.follow(matching, take, relabelled)
    return Absorbed(everything, {key: everything[key] for key in changed}, relabelled, matching, events)


def record_of(monitor: MonitorPlan, take: Take, relabelled: JoinedLabels) -> LabelRecord | None:
    """Return the change of the stored waiting rows; None where no labels come late."""
    if monitor.label_wait is None:
        return None
    until = None if take.labels is None else take.labels.until
    return LabelRecord(
        join.signed(relabelled.identity),
        relabelled.waiting,
        given_up_before=None if until is None else until - monitor.label_wait,
        labels=len(relabelled.identity),
        labelled=pending_rows.joined([relabelled.done, *_came_labelled(monitor, take)]),
    )


def inbox_change(take: Take, relabelled: JoinedLabels) -> InboxChange | None:
    """Return what a take changes in the inbox, with the sums of its labels.

    Those that are not attached to a row are rejected.
    """
    change = take.inbox
    if change is None or take.labels is None or not len(take.labels):
        return change
    ids = np.unique(relabelled.done.identity)
    attached = sums_of(ids, len(ids))
    rejected = sums_of(take.labels.identity, len(take.labels)) - attached
    return replace(
        change,
        attached_labels=change.attached_labels + attached,
        rejected_labels=change.rejected_labels + rejected,
    )


def _came_labelled(monitor: MonitorPlan, take: Take) -> list[PendingRows]:
    # Of sent rows: a label of a row that has one would wait for a row that never comes.
    return [pending_rows.labelled(take.batch, monitor.schema)] if monitor.live else []


def _joined(
    monitor: MonitorPlan,
    step: LateStep,
    take: Take,
    rows_before: int,
    *,
    panes: Iterable[int],
    spec: ProfileSpec,
) -> JoinedLabels:
    if monitor.late_column is None:
        return JoinedLabels(pending_rows.none())
    keys = window.assign(take.batch, monitor.window, rows_before)
    fresh = pending_rows.waiting(take.batch, keys, monitor.schema, spec)
    if step.valid is None:
        return JoinedLabels(fresh)
    known = np.array(sorted(panes), dtype=np.int64)
    return join.join_labels(
        step.valid,
        step.found,
        fresh,
        panes=known,
        schema=monitor.schema,
        spec=spec,
        labelled=step.labelled,
    )
