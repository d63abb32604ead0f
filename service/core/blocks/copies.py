"""Blocks that hold the very rows of another block: no days of their own, that say nothing of chance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.blocks.plan import BlockUnit
from service.core.rows.batch import Labels, Numbers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.blocks.plan import BlockPlan
    from service.core.rows.batch import Batch, ColumnRows

    Hashes = NDArray[np.uint64]

MIN_DISTINCT = 10  # different rows of a block, from which another one has them all by no chance
_FACTORS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFT = np.uint64(29)


def note_on_copied_blocks(batch: Batch, names: Sequence[str], plan: BlockPlan) -> str | None:
    """Return a line where blocks of a reference hold the rows of another one; None where none does."""
    if plan.unit is BlockUnit.RUN or not batch.rows:
        return None
    blocks = plan.blocks(plan.sub_blocks(batch))
    rows = _hashes(batch, names)
    order = np.lexsort((rows, blocks))
    blocks, rows = blocks[order], rows[order]
    starts = np.flatnonzero(np.diff(blocks, prepend=blocks[0] - 1))
    fresh = (np.diff(blocks, prepend=blocks[0] - 1) != 0) | (rows != np.roll(rows, 1))
    distinct = np.add.reduceat(fresh.astype(np.int64), starts)
    whole = np.add.reduceat(_mixed(rows), starts)  # whatever the order of a block's rows
    told = distinct >= MIN_DISTINCT
    copies = int(told.sum()) - len(np.unique(whole[told]))
    if not copies:
        return None
    unit = "days" if plan.unit is BlockUnit.DAY else "hours"
    return (
        f"{copies:,} of its {len(starts):,} {unit} hold the very rows of another one: repeated {unit} say "
        "nothing of how they differ, and drift alarms come more often than they were asked for; leave the "
        "copies out"
    )


def _hashes(batch: Batch, names: Sequence[str]) -> Hashes:
    found = np.zeros(batch.rows, dtype=np.uint64)
    for name in names:
        if (data := batch.columns.get(name)) is not None:
            found = _mixed(found * _FACTORS[0] + _bits(data))
    return found


def _bits(data: ColumnRows) -> Hashes:
    if isinstance(data, Labels):
        return data.codes.astype(np.int64).view(np.uint64)
    values = data.values if isinstance(data, Numbers) else data.lengths
    return np.ascontiguousarray(values, dtype=np.float64).view(np.uint64)


def _mixed(bits: Hashes) -> Hashes:
    bits = (bits ^ (bits >> _SHIFT)) * _FACTORS[1]
    return (bits ^ (bits >> _SHIFT)) * _FACTORS[2]
