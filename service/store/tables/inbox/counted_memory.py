"""The newest ids of rows that counted, in memory, as the table `counted_block` has them.

A memory is of one version: that of the checkpoint with which its last change was committed. Whatever else
changes the ids, changes the checkpoint as well, so that a memory of another version is read anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.deduplicate import CountedIds, no_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_IN_MEMORY = 2_000_000  # ids of a monitor, 24 bytes each
MAX_PART = 250_000  # ids that are searched, and moved to `counted_id`, at once


@dataclass(frozen=True, slots=True)
class Part:
    """The ids of some consecutive blocks, ascending by their first hash; `last` is the newest's number."""

    last: int
    ids: CountedIds


@dataclass(frozen=True, slots=True)
class CountedMemory:
    """The ids of a monitor's blocks.

    - `version`: of the checkpoint that they belong to; 0 before the first
    - `parts`: the oldest first
    - `has_older`: whether older ids lie in `counted_id`
    """

    version: int
    parts: tuple[Part, ...] = ()
    has_older: bool = False

    def __len__(self) -> int:
        """Return how many ids there are."""
        return sum(len(part.ids) for part in self.parts)

    def matching(self, identity: NDArray[np.uint64]) -> CountedIds:
        """Return those with one of these first hashes (ascending)."""
        return joined([_matching(part.ids, identity) for part in self.parts])

    def with_block(self, number: int, ids: CountedIds, before: int | None) -> CountedMemory:
        """Return it with a new block; parts all of whose rows are older than `before` are left out."""
        parts = [part for part in self.parts if before is None or int(part.ids.event_time.max()) >= before]
        if len(ids):
            parts.append(Part(number, ids.take(np.argsort(ids.identity, kind="stable"))))
        while len(parts) > 1 and _may_merge(parts[-2].ids, parts[-1].ids):
            newest = parts.pop()
            older = parts.pop()
            parts.append(Part(newest.last, _merged(older.ids, newest.ids, before)))
        return replace(self, parts=tuple(part for part in parts if len(part.ids)))

    def spilled(self) -> tuple[CountedMemory, tuple[Part, ...]]:
        """Return it with MAX_IN_MEMORY ids at most, and the oldest parts, which are too many."""
        count, kept = len(self), 0
        while count > MAX_IN_MEMORY:
            count -= len(self.parts[kept].ids)
            kept += 1
        if not kept:
            return self, ()
        return replace(self, parts=self.parts[kept:], has_older=True), self.parts[:kept]


def joined(found: Sequence[CountedIds]) -> CountedIds:
    """Return the ids of all, in their order."""
    if not found:
        return no_ids()
    return CountedIds(
        np.concatenate([ids.identity for ids in found]),
        np.concatenate([ids.check for ids in found]),
        np.concatenate([ids.event_time for ids in found]),
    )


def _may_merge(older: CountedIds, newer: CountedIds) -> bool:
    # Each is more than twice the next one, up to the largest size: few parts, and few moves of an id.
    return len(older) <= 2 * len(newer) and len(older) + len(newer) <= MAX_PART


def _merged(older: CountedIds, newer: CountedIds, before: int | None) -> CountedIds:
    both = joined([older, newer])
    if before is not None:
        both = both.take(both.event_time >= before)
    return both.take(np.argsort(both.identity, kind="stable"))


def _matching(ids: CountedIds, wanted: NDArray[np.uint64]) -> CountedIds:
    first = np.searchsorted(ids.identity, wanted, side="left")
    counts = np.searchsorted(ids.identity, wanted, side="right") - first
    found = np.flatnonzero(counts)
    first, counts = first[found], counts[found]
    # Of each run its places one after the other.
    starts = np.cumsum(counts) - counts
    places = np.arange(int(counts.sum())) - np.repeat(starts, counts) + np.repeat(first, counts)
    return ids.take(places)
