"""A queue of window keys that holds each key once, kept as ranges.

Ranges (first, last) include both ends and keep the order of arrival: labels touch consecutive windows, so
that a month of them takes a few integers in a checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

KeyRanges = tuple[tuple[int, int], ...]


def ranges_of(keys: Iterable[int]) -> KeyRanges:
    """Return keys as ranges, ascending, each key once."""
    found: list[tuple[int, int]] = []
    for key in sorted(set(keys)):
        if found and key == found[-1][1] + 1:
            found[-1] = (found[-1][0], key)
        else:
            found.append((key, key))
    return tuple(found)


def added(queue: KeyRanges, keys: Iterable[int]) -> KeyRanges:
    """Return the queue with the keys that it does not hold yet appended, ascending."""
    return (*queue, *ranges_of(key for key in keys if not any(a <= key <= b for a, b in queue)))


def without(queue: KeyRanges, keys: Iterable[int]) -> KeyRanges:
    """Return the queue without `keys`; the others keep their order."""
    for key in set(keys):
        queue = tuple(part for span in queue for part in _cut(span, key))
    return queue


def first(queue: KeyRanges, limit: int) -> tuple[list[int], KeyRanges]:
    """Return the `limit` keys that have waited longest, ascending, and the rest of the queue."""
    taken: list[int] = []
    for place, (low, high) in enumerate(queue):
        room = limit - len(taken)
        if room < high - low + 1:
            rest = ((low + room, high), *queue[place + 1 :])
            return sorted([*taken, *range(low, low + room)]), rest
        taken += range(low, high + 1)
    return sorted(taken), ()


def _cut(span: tuple[int, int], key: int) -> KeyRanges:
    low, high = span
    if not low <= key <= high:
        return (span,)
    return tuple(part for part in ((low, key - 1), (key + 1, high)) if part[0] <= part[1])
