"""A tally's form in a profile's bytes: a JSON head, and its hashes apart, which nothing compresses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile.duplicates import DuplicateSketch
from service.core.profile.row_counts import Tally, Unwatched

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Take = Callable[[str, int], NDArray[Any]]


def tally_head(tally: Tally, arrays: list[bytes], hashes: list[bytes]) -> dict[str, Any]:
    """Return a tally's head; what it names is appended to `arrays` (int64) and `hashes` (uint64)."""
    return {
        "repeats": _seen_head(tally.repeats, arrays, hashes),
        "identities": None if tally.identities is None else _seen_head(tally.identities, arrays, hashes),
        "time": [tally.first, tally.last],
        "marks": [tally.ordered, tally.backwards, tally.judged, tally.future],
        "newest": tally.newest,
        "unwatched": [tally.unwatched.rows, tally.unwatched.names, tally.unwatched.more],
    }


def tally_of(head: dict[str, Any], take: Take, take_hashes: Take) -> Tally:
    """Return the tally that `head` was made of; both functions give the next array, by dtype and length."""
    identities, newest = head["identities"], head["newest"]
    rows, names, more = head["unwatched"]
    first, last = head["time"]
    ordered, backwards, judged, future = head["marks"]
    return Tally(
        repeats=_seen(head["repeats"], take, take_hashes),
        identities=None if identities is None else _seen(identities, take, take_hashes),
        first=first,
        last=last,
        ordered=ordered,
        backwards=backwards,
        judged=judged,
        future=future,
        newest=None if newest is None else (newest[0], newest[1]),
        unwatched=Unwatched(rows, tuple((name, count) for name, count in names), more),
    )


def _seen_head(seen: DuplicateSketch, arrays: list[bytes], hashes: list[bytes]) -> list[int]:
    repeated = np.flatnonzero(seen.counts > 1)  # nearly every row is its only one
    arrays.append(repeated.astype("<i8").tobytes())
    arrays.append(seen.counts[repeated].astype("<i8").tobytes())
    hashes.append(seen.hashes.astype("<u8").tobytes())
    return [seen.rows, seen.missing, seen.level, len(seen.hashes), len(repeated)]


def _seen(head: list[int], take: Take, take_hashes: Take) -> DuplicateSketch:
    rows, missing, level, distinct, repeated = head
    counts = np.ones(distinct, dtype=np.int64)
    places = take("<i8", repeated)
    counts[places] = take("<i8", repeated)
    return DuplicateSketch(rows, missing, take_hashes("<u8", distinct), counts, level)
