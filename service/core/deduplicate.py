"""Which rows come again: rows whose id was counted before within a horizon of event time.

A row counts unless a row of its id that counted before lies within the horizon, before or after it. Rows are
judged in the order in which they came, so that the verdict depends neither on how they were cut into batches
nor on what died in between. Two ids are the same where both of their 64-bit hashes are.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.row_hash import NOTHING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch

DUPLICATE = "a row of this id was counted before (deduplicate)"
MAX_ROUNDS = 32  # of judging a batch at once, before what is left is judged row by row


@dataclass(frozen=True, slots=True)
class DeduplicatePlan:
    """How rows that come again are found.

    - `within_us`: the horizon of event time (microseconds)
    - `reach_us`: how far a row that is taken may lie behind the newest one (microseconds)
    """

    within_us: int
    reach_us: int = 0


@dataclass(frozen=True, slots=True)
class CountedIds:
    """The ids of rows that counted, shapes (n,): two hashes (uint64) and the rows' times (int64, UTC us)."""

    identity: NDArray[np.uint64]
    check: NDArray[np.uint64]
    event_time: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.identity)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> CountedIds:
        """Return those chosen."""
        return CountedIds(self.identity[rows], self.check[rows], self.event_time[rows])


@dataclass(frozen=True, slots=True)
class CountedChange:
    """What a cycle changes in the ids that are remembered, in this order.

    - `forget`: all are forgotten first, as the source is read again from its start
    - `before`: those of an earlier event time (UTC microseconds) are forgotten; None: none are
    - `fresh`: those of the cycle's rows
    """

    fresh: CountedIds
    before: int | None = None
    forget: bool = False


def no_ids() -> CountedIds:
    """Return none."""
    hashes = np.zeros(0, dtype=np.uint64)
    return CountedIds(hashes, hashes, np.zeros(0, dtype=np.int64))


def ids_of(batch: Batch) -> CountedIds:
    """Return the ids of a batch's rows; those of a row without an id are 0."""
    nothing = np.zeros(batch.rows, dtype=np.uint64)
    identity, check = batch.arrival.identity, batch.arrival.check
    return CountedIds(
        nothing if identity is None else identity, nothing if check is None else check, batch.event_time
    )


def repeated(ids: CountedIds, known: CountedIds, within_us: int) -> NDArray[np.bool_]:
    """Mark the rows (bool, shape (n,)) whose id counted before: among the `known`, or earlier among them."""
    marks = np.zeros(len(ids), dtype=np.bool_)
    candidates = _candidates(ids.identity, known.identity)
    if not len(candidates):
        return marks
    chosen = ids.take(candidates)
    groups = _groups(known, chosen)
    mine, theirs = groups[len(known) :], groups[: len(known)]
    found = _near_known(mine, chosen.event_time, theirs, known.event_time, within_us)
    left = np.flatnonzero(~found)
    found[left] = _near_earlier(mine[left], chosen.event_time[left], within_us)
    marks[candidates] = found
    return marks


def _candidates(identity: NDArray[np.uint64], known: NDArray[np.uint64]) -> NDArray[np.intp]:
    # The rows whose first hash is known, or is there twice; most batches have none.
    order = np.argsort(identity, kind="stable")
    ascending = identity[order]
    same = ascending[1:] == ascending[:-1]
    twice = np.zeros(len(identity), dtype=np.bool_)
    twice[1:] |= same
    twice[:-1] |= same
    if len(known):
        sorted_known = np.sort(known)
        places = np.minimum(np.searchsorted(sorted_known, ascending), len(known) - 1)
        twice |= sorted_known[places] == ascending
    twice &= ascending != NOTHING
    return np.sort(order[twice])


def _groups(known: CountedIds, chosen: CountedIds) -> NDArray[np.int64]:
    # A number for each id, the same for the same id.
    identity = np.concatenate([known.identity, chosen.identity])
    check = np.concatenate([known.check, chosen.check])
    order = np.lexsort((check, identity))
    differs = np.ones(len(order), dtype=np.bool_)
    differs[1:] = (identity[order][1:] != identity[order][:-1]) | (check[order][1:] != check[order][:-1])
    groups = np.empty(len(order), dtype=np.int64)
    groups[order] = np.cumsum(differs) - 1
    return groups


def _near_known(
    mine: NDArray[np.int64],
    times: NDArray[np.int64],
    theirs: NDArray[np.int64],
    known_times: NDArray[np.int64],
    within_us: int,
) -> NDArray[np.bool_]:
    # In the order of ids and times, the nearest known times are the last one before a row and the next one.
    if not len(theirs):
        return np.zeros(len(mine), dtype=np.bool_)
    groups, instants = np.concatenate([theirs, mine]), np.concatenate([known_times, times])
    order = np.lexsort((instants, groups))
    groups, instants = groups[order], instants[order]
    places, count = np.arange(len(order)), len(order)
    is_known = order < len(theirs)
    before = np.maximum.accumulate(np.where(is_known, places, -1))
    after = np.minimum.accumulate(np.where(is_known, places, count)[::-1])[::-1]
    near = np.zeros(count, dtype=np.bool_)
    for nearest, is_there in ((before, before >= 0), (after, after < count)):
        other = np.clip(nearest, 0, count - 1)
        near |= is_there & (groups[other] == groups) & (np.abs(instants - instants[other]) <= within_us)
    found = np.empty(count, dtype=np.bool_)
    found[order] = near
    return found[len(theirs) :]


def _near_earlier(groups: NDArray[np.int64], times: NDArray[np.int64], within_us: int) -> NDArray[np.bool_]:
    # A round counts the first row of every id that is left, and drops those near it.
    found = np.zeros(len(groups), dtype=np.bool_)
    left = np.arange(len(groups))
    for _ in range(MAX_ROUNDS):
        if not len(left):
            return found
        _, first, inverse = np.unique(groups[left], return_index=True, return_inverse=True)
        near = np.abs(times[left] - times[left[first]][inverse]) <= within_us
        found[left[near]] = True
        found[left[first]] = False
        left = left[~near]
    found[left] = _one_by_one(groups[left].tolist(), times[left].tolist(), within_us)
    return found


def _one_by_one(groups: list[int], times: list[int], within_us: int) -> list[bool]:
    # Ids that come again and again, each time beyond the horizon: every round would count one row of each.
    counted: dict[int, list[int]] = {}
    found = []
    for group, time in zip(groups, times, strict=True):
        earlier = counted.setdefault(group, [])
        place = bisect_left(earlier, time - within_us)
        is_near = place < len(earlier) and earlier[place] <= time + within_us
        found.append(is_near)
        if not is_near:
            insort(earlier, time)
    return found
