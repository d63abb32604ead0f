"""Take the rows that come again out of a take, and remember the ids of the others."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.deduplicate import DUPLICATE, CountedChange, ids_of, no_ids, repeated
from service.core.rows.id_sums import sums_of
from service.core.rows.row_hash import NOTHING
from service.core.rows.take import Reject, cells_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.deduplicate import CountedIds, DeduplicatePlan
    from service.core.rows.batch import Batch
    from service.core.rows.take import Take
    from service.cycle.monitor_plan import MonitorPlan
    from service.cycle.ports import Compute, Store

KEPT_DUPLICATES = 10  # of a take, among the rejected rows


@dataclass(frozen=True, slots=True)
class Deduplicated:
    """A take without the rows that came again, how many these are, and what is to be remembered."""

    take: Take
    duplicates: int | None = None
    change: CountedChange | None = None


async def deduplicated(
    monitor: MonitorPlan, take: Take, *, restarted: bool, store: Store, compute: Compute
) -> Deduplicated:
    """Return a take without the rows whose ids were counted before.

    Where the source was `restarted` its rows are counted again, so that no earlier id is known.
    """
    plan = monitor.deduplicate
    if plan is None:
        return Deduplicated(take)
    ids = await compute.run(ids_of, take.batch)
    known = no_ids()
    if len(ids) and not restarted:
        wanted = await compute.run(lambda: np.unique(ids.identity[ids.identity != NOTHING]))
        known = await store.counted_ids(monitor.name, wanted) if len(wanted) else known
    return await compute.run(_without, take, ids, known, plan, restarted)


def _without(
    take: Take, ids: CountedIds, known: CountedIds, plan: DeduplicatePlan, restarted: bool
) -> Deduplicated:
    marks = repeated(ids, known, plan.within_us)
    kept = ~marks
    newest = int(ids.event_time.max()) if len(ids) else None
    if newest is not None and take.watermark is not None:
        newest = min(newest, take.watermark)  # a part of the source may be behind the others
    change = CountedChange(
        ids.take(kept & (ids.identity != NOTHING)),
        None if newest is None else newest - plan.within_us - plan.reach_us,
        restarted,
    )
    if not marks.any():
        return Deduplicated(take, 0, change)
    return Deduplicated(_taken_out(take, marks), int(marks.sum()), change)


def _taken_out(take: Take, marks: NDArray[np.bool_]) -> Take:
    places = np.flatnonzero(marks)
    shown = take.batch.take(places[:KEPT_DUPLICATES])
    rejects = tuple(Reject(cells_of(shown, row), DUPLICATE) for row in range(shown.rows))
    inbox = take.inbox
    if inbox is not None and not inbox.counts_events:
        identity = take.batch.arrival.identity
        sums = sums_of(None if identity is None else identity[places], len(places))
        inbox = replace(inbox, measured=inbox.measured - sums, duplicates=inbox.duplicates + sums)
    return replace(
        take,
        batch=take.batch.take(np.flatnonzero(~marks)),
        parts=_parts(take.parts, ~marks),
        rejects=(*take.rejects, *rejects),
        inbox=inbox,
    )


def _parts(parts: tuple[Batch, ...], kept: NDArray[np.bool_]) -> tuple[Batch, ...]:
    found, start = [], 0
    for part in parts:
        found.append(part.take(np.flatnonzero(kept[start : start + part.rows])))
        start += part.rows
    return tuple(found)
