"""What do a cycle's late labels change? The rows that they find, and the windows that hold those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.cycle_record import LabelRecord
from service.core.labels import join, pending_rows
from service.core.labels import matching as label_matching
from service.core.labels import remeasure as labelling
from service.core.labels.join import JoinedLabels
from service.core.labels.matching import LabelMatching
from service.core.labels.remeasure import LabelProgress
from service.core.windows import window
from service.core.windows.panes import corrected, merge_into

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.core.checkpoint import Checkpoint
    from service.core.event import Event
    from service.core.labels.join import ValidLabels
    from service.core.labels.pending_rows import PendingRows
    from service.core.profile.spec import ProfileSpec
    from service.core.rows.take import Take
    from service.core.windows.panes import Pane
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Store
    from service.runtime.compute_threads import Compute


class Absorbed(NamedTuple):
    """Every pane after a take, those of them that `changed`, and what became of its labels.

    `matching` is how many labels find a row now, `events` say where most have come not to.
    """

    panes: dict[int, Pane]
    changed: dict[int, Pane]
    relabelled: JoinedLabels
    matching: LabelMatching = LabelMatching()
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class LateStep:
    """Labels that can be used (None: there are none), and the rows that are `found` to wait for them.

    `again` are the windows that late labels measure again in this cycle, `labelling` what is left for later.
    """

    sifted: ValidLabels | None = None
    found: PendingRows = field(default_factory=pending_rows.none)
    again: tuple[int, ...] = ()
    labelling: LabelProgress = field(default_factory=LabelProgress)

    @property
    def touched(self) -> set[int]:
        """The panes, by key, that count the rows found."""
        return set(self.found.panes.tolist())


async def look_up(
    watched: MonitorPlan,
    take: Take,
    before: Checkpoint,
    due: Iterable[int],
    *,
    store: Store,
    compute: Compute,
) -> LateStep:
    """Find the rows that wait for a take's labels; `due` are the windows that are measured in any case."""
    target = watched.late_column
    if target is None:
        return LateStep()
    step = LateStep()
    if take.labels is not None and len(take.labels):
        sifted = await compute.run(join.validate, take.labels, target)
        ids = join.signed(sifted.labels.identity)
        step = LateStep(sifted, await store.pending(watched.name, ids) if ids else pending_rows.none())
    again, left = labelling.schedule(
        before.labelling, watched.window, closed=before.closed, touched=step.touched, due=due
    )
    return LateStep(step.sifted, step.found, tuple(again), left)


def absorb(
    watched: MonitorPlan,
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
    relabelled = _joined(watched, step, take, rows_before, panes=everything, spec=spec)
    everything |= corrected(everything, relabelled.corrections)
    changed = sorted({*fresh, *relabelled.corrections})
    matching, events = label_matching.follow(step.labelling.matching, take, relabelled)
    return Absorbed(everything, {key: everything[key] for key in changed}, relabelled, matching, events)


def record_of(watched: MonitorPlan, take: Take, relabelled: JoinedLabels) -> LabelRecord | None:
    """Return what the store changes of the rows that wait; None where no labels come late."""
    if watched.label_wait is None:
        return None
    until = None if take.labels is None else take.labels.until
    return LabelRecord(
        join.signed(relabelled.identity),
        relabelled.waiting,
        given_up_before=None if until is None else until - watched.label_wait,
        labels=len(relabelled.identity),
    )


def _joined(
    watched: MonitorPlan,
    step: LateStep,
    take: Take,
    rows_before: int,
    *,
    panes: Iterable[int],
    spec: ProfileSpec,
) -> JoinedLabels:
    if watched.late_column is None:
        return JoinedLabels(pending_rows.none())
    keys = window.assign(take.batch, watched.window, rows_before)
    fresh = pending_rows.waiting(take.batch, keys, watched.schema, spec)
    if step.sifted is None:
        return JoinedLabels(fresh)
    known = np.array(sorted(panes), dtype=np.int64)
    return join.join_labels(step.sifted, step.found, fresh, panes=known, schema=watched.schema, spec=spec)
