"""Which windows still wait to be measured again? A queue of window keys that holds each of them once.

The keys are kept as runs (first, last), both included, in the order in which they came: labels touch windows
that follow each other, so a month of them is a few numbers in a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KeyRanges = tuple[tuple[int, int], ...]


def runs_of(keys: Iterable[int]) -> KeyRanges:
    """Return keys as runs, ascending, each key once."""
    found: list[tuple[int, int]] = []
    for key in sorted(set(keys)):
        if found and key == found[-1][1] + 1:
            found[-1] = (found[-1][0], key)
        else:
            found.append((key, key))
    return tuple(found)


def added(queue: KeyRanges, keys: Iterable[int]) -> KeyRanges:
    """Return the queue with the keys that it does not hold yet behind it, ascending."""
    return (*queue, *runs_of(key for key in keys if not any(a <= key <= b for a, b in queue)))


def without(queue: KeyRanges, keys: Iterable[int]) -> KeyRanges:
    """Return the queue without `keys`; the others keep their order."""
    for key in set(keys):
        queue = tuple(part for run in queue for part in _cut(run, key))
    return queue


def first(queue: KeyRanges, most: int) -> tuple[list[int], KeyRanges]:
    """Return the `most` keys that wait longest, ascending, and the queue that is left."""
    taken: list[int] = []
    for place, (low, high) in enumerate(queue):
        room = most - len(taken)
        if room < high - low + 1:
            rest = ((low + room, high), *queue[place + 1 :])
            return sorted([*taken, *range(low, low + room)]), rest
        taken += range(low, high + 1)
    return sorted(taken), ()


def _cut(run: tuple[int, int], key: int) -> KeyRanges:
    low, high = run
    if not low <= key <= high:
        return (run,)
    return tuple(part for part in ((low, key - 1), (key + 1, high)) if part[0] <= part[1])
