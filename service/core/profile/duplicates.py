"""A sketch of repeated rows: their 64-bit hashes, counted; bounded and mergeable.

Up to a limit of distinct hashes everything is kept and the share of repeats is exact (but for hashes shared
by chance, see `rows/row_hash.py`). Above it only the hashes that begin with `level` zero bits are: an even
sample of the distinct rows, each with its full count (M. Wegman's adaptive sampling, analysed by P. Flajolet,
1990). A whole has at least as many distinct hashes as any part, so the level does not depend on how the rows
were split.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.measurement import TWO_SIDED_95
from service.core.rows.row_hash import NOTHING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.row_hash import Hashes

HASH_BITS = 64


@dataclass(frozen=True, slots=True, eq=False)
class DuplicateSketch:
    """The counted hashes of some rows; arrays are read-only.

    Attributes:
        rows: Rows that have something to compare.
        missing: Rows that have nothing to compare.
        hashes: The distinct hashes below 2**(64 - level) (uint64, ascending, shape (k,)).
        counts: The rows of each hash (int64, shape (k,)).
        level: With how many zero bits the hashes kept begin; 0 where all are kept.

    """

    rows: int = 0
    missing: int = 0
    hashes: Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    level: int = 0

    def __post_init__(self) -> None:
        """Make the arrays read-only, so that a merge can share them."""
        self.hashes.flags.writeable = False
        self.counts.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare bit by bit."""
        if not isinstance(other, DuplicateSketch):
            return NotImplemented
        return (
            (self.rows, self.missing, self.level) == (other.rows, other.missing, other.level)
            and np.array_equal(self.hashes, other.hashes)
            and np.array_equal(self.counts, other.counts)
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared, never hashed


class Repeated(NamedTuple):
    """The share of rows that repeat an earlier one; `low` and `high` (95 %) are None where it is exact."""

    share: float
    low: float | None = None
    high: float | None = None


def of_hashes(hashes: Hashes, *, limit: int, may_miss: bool = False) -> DuplicateSketch:
    """Count `hashes` (uint64, shape (n,)); with `may_miss`, NOTHING marks a row that has none."""
    rows = len(hashes)
    if may_miss:
        hashes = hashes[hashes != NOTHING]
    ordered = np.sort(hashes, kind="stable")  # for integers the faster one
    starts = _starts(ordered)
    if len(starts) == len(ordered):  # common case: no duplicates
        distinct, counts = ordered, np.ones(len(ordered), dtype=np.int64)
    else:
        distinct, counts = ordered[starts], np.diff(starts, append=len(ordered))
    return _bounded(DuplicateSketch(len(ordered), rows - len(ordered), distinct, counts), limit)


def merge(parts: Sequence[DuplicateSketch], *, limit: int) -> DuplicateSketch:
    """Return the sketch of all rows of `parts`, which stay as they are; of none, that of no rows."""
    if len(parts) == 1:
        return _bounded(parts[0], limit)
    rows, missing = sum(part.rows for part in parts), sum(part.missing for part in parts)
    filled = [part for part in parts if len(part.hashes)]
    level = max((part.level for part in parts), default=0)
    if not filled:
        return DuplicateSketch(rows, missing, level=level)
    together = np.concatenate([part.hashes for part in filled])
    order = np.argsort(together, kind="stable")
    ordered = together[order]
    starts = _starts(ordered)
    counts = np.add.reduceat(np.concatenate([part.counts for part in filled])[order], starts)
    return _bounded(_sampled(DuplicateSketch(rows, missing, ordered[starts], counts), level), limit)


def repeated(sketch: DuplicateSketch) -> Repeated | None:
    """Return the share of rows that repeat an earlier one, None without rows.

    From a sample it is the sample's share, kept within the 95 % band that the number of distinct hashes
    gives: that band also holds where one row repeats so often that the sample happened to miss it.
    """
    if not sketch.rows:
        return None
    if not sketch.level:
        return Repeated((sketch.rows - len(sketch.hashes)) / sketch.rows)
    kept, rows = len(sketch.hashes), int(sketch.counts.sum())
    chance = 2.0**-sketch.level
    distinct, error = kept / chance, TWO_SIDED_95 * math.sqrt(kept * (1.0 - chance)) / chance
    low = min(max(0.0, 1.0 - (distinct + error) / sketch.rows), 1.0)
    high = min(max(0.0, 1.0 - (distinct - error) / sketch.rows), 1.0)
    share = (rows - kept) / rows if rows else low
    return Repeated(min(max(share, low), high), low, high)


def _starts(ordered: Hashes) -> NDArray[np.intp]:
    fresh = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return np.flatnonzero(fresh)


def _bounded(sketch: DuplicateSketch, limit: int) -> DuplicateSketch:
    level = sketch.level
    while level < HASH_BITS and _below(sketch, level) > limit:
        level += 1
    return _sampled(sketch, level)


def _sampled(sketch: DuplicateSketch, level: int) -> DuplicateSketch:
    if level == sketch.level:
        return sketch
    kept = _below(sketch, level)
    return DuplicateSketch(sketch.rows, sketch.missing, sketch.hashes[:kept], sketch.counts[:kept], level)


def _below(sketch: DuplicateSketch, level: int) -> int:
    # How many hashes begin with `level` zero bits: the first ones.
    if not level:
        return len(sketch.hashes)
    return int(np.searchsorted(sketch.hashes, np.uint64(2 ** (HASH_BITS - level)), side="left"))
