"""Suggests the name that was meant: the nearest of those that exist, or all of them where none is near."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MIN_SHARED_START = 4  # characters: `time` is near `timestamp`, `by` is not near `bytes`


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be, None where none is near.

    Near is what at most every third character sets apart (missing, added, changed or swapped with its
    neighbour), or what begins alike up to the end of the shorter one.
    """
    given = _plain(str(name))
    found = [(_edits(given, _plain(candidate)), candidate) for candidate in sorted(known)]
    near = [(edits, candidate) for edits, candidate in found if _is_near(given, _plain(candidate), edits)]
    return min(near)[1] if near else None


def suggestion(name: object, known: Iterable[str]) -> str:
    """Return the end of a message on an unknown name: the nearest, or the list of those that exist."""
    names = sorted(known)
    found = nearest(name, names)
    return f"expected one of: {', '.join(names)}" if found is None else f"the nearest is {found}"


def _plain(name: str) -> str:
    return name.casefold().replace("-", "_").replace(" ", "_")


def _is_near(one: str, other: str, edits: int) -> bool:
    shorter, longer = sorted((one, other), key=len)
    begins_alike = len(shorter) >= MIN_SHARED_START and longer.startswith(shorter)
    return edits <= max(1, len(longer) // 3) or begins_alike


def _edits(one: str, other: str) -> int:
    """Return the optimal string alignment distance.

    L. Boytsov, "Indexing methods for approximate dictionary searching", 2011.
    """
    before_last: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        row = [i]
        for j, b in enumerate(other, start=1):
            edits = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                edits = min(edits, before_last[j - 2] + 1)
            row.append(edits)
        before_last, last = last, row
    return last[-1]
