"""The sums of rows' scores by sub-block.

A commutative monoid over rows, all of it integers: merging the sums of any split of the rows gives the whole,
bit for bit.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks.scores import absent_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.blocks.plan import BlockPlan
    from service.core.blocks.scores import ColumnScores, Component
    from service.core.rows.batch import Batch

    Ints = NDArray[np.int64]

MIXED = "mixed"  # the mark of sums that were made with different references


@dataclass(frozen=True, slots=True, eq=False)
class BlockSpec:
    """What a reference fixes for the sums that are compared with it.

    Attributes:
        plan: How rows become blocks.
        columns: The scores of each column.
        expected: By how much the mean score of a season's cell lies beyond that of all rows: int64, shape
            (cells, components).
        components: What is summed, column by column.
        fingerprint: Sixteen hex digits that change with anything here.

    """

    plan: BlockPlan
    columns: tuple[ColumnScores, ...]
    expected: Ints
    components: tuple[Component, ...] = field(init=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Collect the components, and compute the fingerprint once: every batch needs it."""
        components = tuple(each for column in self.columns for each in column.components)
        object.__setattr__(self, "components", components)
        object.__setattr__(self, "fingerprint", mark_of(self.plan.fingerprint, self.columns, self.expected))


def mark_of(plan: str, columns: Sequence[ColumnScores], expected: Ints) -> str:
    """Return the fingerprint of a spec by that of its plan, its scores and what its season expects."""
    components = tuple(each for column in columns for each in column.components)
    digest = hashlib.sha256(repr((plan, components)).encode(errors="surrogatepass"))
    for column in columns:
        digest.update(column.mark())
    digest.update(expected.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class BlockSums:
    """Sums by sub-block; arrays are read-only.

    Attributes:
        mark: The fingerprint of the spec that they were made with; `MIXED` where there were several.
        sub_blocks: The sub-blocks that hold rows, rising (int64, shape (s,)).
        rows: The rows of each (int64, shape (s,)).
        sums: The sums of each (int64, shape (s, components)), in units of 2**-20.

    """

    mark: str
    sub_blocks: Ints
    rows: Ints
    sums: Ints

    def __post_init__(self) -> None:
        """Make the arrays read-only, so that merges can share them."""
        for array in (self.sub_blocks, self.rows, self.sums):
            array.flags.writeable = False

    def __eq__(self, other: object) -> bool:
        """Compare bit by bit."""
        if not isinstance(other, BlockSums):
            return NotImplemented
        return self.mark == other.mark and all(
            np.array_equal(mine, its)
            for mine, its in (
                (self.sub_blocks, other.sub_blocks),
                (self.rows, other.rows),
                (self.sums, other.sums),
            )
        )

    __hash__ = None  # type: ignore[assignment]  # arrays inside: compared, never hashed


def empty(spec: BlockSpec) -> BlockSums:
    """Return the sums of no rows: the identity of `merge`."""
    nothing = np.zeros(0, dtype=np.int64)
    return BlockSums(
        spec.fingerprint, nothing, nothing.copy(), np.zeros((0, len(spec.components)), dtype=np.int64)
    )


def of(batch: Batch, spec: BlockSpec) -> BlockSums:
    """Sum a batch's scores. Raises ValueError where blocks are runs and the rows are not numbered."""
    if not batch.rows:
        return empty(spec)
    sub_blocks, groups = np.unique(spec.plan.sub_blocks(batch), return_inverse=True)
    size = len(sub_blocks)
    season = spec.plan.season.cells(batch.event_time)
    found = [column.sums(batch.columns.get(column.column), groups, size, season) for column in spec.columns]
    summed = np.concatenate([np.zeros((size, 0), dtype=np.int64), *found], axis=1)
    if spec.plan.season.size > 1:
        summed -= _expected(batch, spec, groups, size, season)
    rows = np.bincount(groups, minlength=size).astype(np.int64, copy=False)
    return BlockSums(spec.fingerprint, sub_blocks, rows, summed)


def _expected(
    batch: Batch, spec: BlockSpec, groups: NDArray[np.intp], size: int, season: NDArray[np.int16]
) -> Ints:
    # What each group's cells of the season add, shape (size, components). Of a row without a value nothing is
    # expected but that it is missing.
    cells = spec.plan.season.size
    places = groups * cells + season

    def counted(chosen: NDArray[np.intp]) -> Ints:
        return np.bincount(chosen, minlength=size * cells).astype(np.int64).reshape(size, cells)

    found, at = counted(places) @ spec.expected, 0
    for column in spec.columns:
        width, absent = len(column.components), absent_rows(batch.columns.get(column.column), batch.rows)
        valued = slice(at, at + width - column.missing)
        if absent.any():
            found[:, valued] -= counted(places[absent]) @ spec.expected[:, valued]
        at += width
    return found


def merge(parts: Sequence[BlockSums]) -> BlockSums:
    """Return the sums of all rows of `parts` (one or more), which stay as they are.

    Parts that were made with different references have no common sums: the result is marked `MIXED`.
    """
    first = parts[0]
    if any(part.mark != first.mark for part in parts):
        return mixed()
    filled = [part for part in parts if len(part.sub_blocks)]
    if len(filled) < 2:  # noqa: PLR2004 - nothing to add up
        return filled[0] if filled else first
    together = np.concatenate([part.sub_blocks for part in filled])
    sub_blocks, places = np.unique(together, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    rows = np.concatenate([part.rows for part in filled])[order]
    sums = np.concatenate([part.sums for part in filled])[order]
    return BlockSums(
        first.mark, sub_blocks, np.add.reduceat(rows, starts), np.add.reduceat(sums, starts, axis=0)
    )


def mixed() -> BlockSums:
    """Return the sums of parts that were made with different references: there are none."""
    nothing = np.zeros(0, dtype=np.int64)
    return BlockSums(MIXED, nothing, nothing.copy(), np.zeros((0, 0), dtype=np.int64))
