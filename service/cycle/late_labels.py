"""What do a cycle's late labels change? The rows that they find, and the windows that hold those."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.cycle_record import LabelRecord
from service.core.labels import join as relabel
from service.core.labels import pending_rows as pending
from service.core.labels import remeasure as labelling
from service.core.labels.join import Relabelled
from service.core.labels.remeasure import Labelling
from service.core.windows import panes as advance
from service.core.windows import window

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from service.core.checkpoint import Checkpoint
    from service.core.labels.join import Sifted
    from service.core.labels.pending_rows import PendingRows
    from service.core.profile.spec import Anchors
    from service.core.rows.take import Take
    from service.core.windows.panes import Pane
    from service.cycle.monitor_plan import Watched
    from service.cycle.ports import Store
    from service.runtime.compute_threads import Compute


class Absorbed(NamedTuple):
    """Every pane after a take, those of them that `changed`, and what became of its labels."""

    panes: dict[int, Pane]
    changed: dict[int, Pane]
    relabelled: Relabelled


@dataclass(frozen=True, slots=True)
class LateStep:
    """Labels that can be used (None: there are none), and the rows that are `found` to wait for them.

    `again` are the windows that late labels measure again in this cycle, `labelling` what is left for later.
    """

    sifted: Sifted | None = None
    found: PendingRows = field(default_factory=pending.none)
    again: tuple[int, ...] = ()
    labelling: Labelling = field(default_factory=Labelling)

    @property
    def touched(self) -> set[int]:
        """The panes, by key, that count the rows found."""
        return set(self.found.panes.tolist())


async def look_up(
    watched: Watched, take: Take, before: Checkpoint, due: Iterable[int], *, store: Store, compute: Compute
) -> LateStep:
    """Find the rows that wait for a take's labels; `due` are the windows that are measured in any case."""
    target = watched.late_column
    if target is None:
        return LateStep()
    step = LateStep()
    if take.labels is not None and len(take.labels):
        sifted = await compute.run(relabel.sift, take.labels, target)
        ids = relabel.signed(sifted.labels.identity)
        step = LateStep(sifted, await store.pending(watched.name, ids) if ids else pending.none())
    again, left = labelling.schedule(
        before.labelling, watched.window, closed=before.closed, touched=step.touched, due=due
    )
    return LateStep(step.sifted, step.found, tuple(again), left)


def absorb(
    watched: Watched,
    step: LateStep,
    take: Take,
    panes: Mapping[int, Pane],
    fresh: Mapping[int, Pane],
    *,
    rows_before: int,
    fixed: Anchors,
) -> Absorbed:
    """Return `panes` with the `fresh` ones and the labels of a take.

    `rows_before` rows were placed before the take's.
    """
    everything = {**panes, **advance.absorb(panes, fresh)}
    relabelled = _joined(watched, step, take, rows_before, panes=everything, fixed=fixed)
    everything |= advance.corrected(everything, relabelled.corrections)
    changed = sorted({*fresh, *relabelled.corrections})
    return Absorbed(everything, {key: everything[key] for key in changed}, relabelled)


def record_of(watched: Watched, take: Take, relabelled: Relabelled) -> LabelRecord | None:
    """Return what the store changes of the rows that wait; None where no labels come late."""
    if watched.label_wait is None:
        return None
    until = None if take.labels is None else take.labels.until
    return LabelRecord(
        relabel.signed(relabelled.identity),
        relabelled.waiting,
        given_up_before=None if until is None else until - watched.label_wait,
        labels=len(relabelled.identity),
    )


def _joined(
    watched: Watched, step: LateStep, take: Take, rows_before: int, *, panes: Iterable[int], fixed: Anchors
) -> Relabelled:
    if watched.late_column is None:
        return Relabelled(pending.none())
    keys = window.assign(take.batch, watched.window, rows_before)
    fresh = pending.waiting(take.batch, keys, watched.schema, fixed)
    if step.sifted is None:
        return Relabelled(fresh)
    known = np.array(sorted(panes), dtype=np.int64)
    return relabel.match(step.sifted, step.found, fresh, panes=known, schema=watched.schema, fixed=fixed)
