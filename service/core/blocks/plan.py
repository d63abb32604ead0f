"""Blocks: the stretches of rows that are compared as wholes, since rows of one day share its weather.

A block is one local day, or a run of rows in the order of their arrival where rows have no times. It is made
of sub-blocks (hours, or shorter runs), so that a window shorter than a block can be judged by stretches of
its own length.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from service.core.season.season import DAY, HOUR, Season

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch

DAY_HOURS = 24
MIN_BLOCKS = 8  # fewer say too little of how blocks differ
ANY_TIME = Season()  # days of UTC, no cells
RUNS = 48  # of a reference without times
RUN_PARTS = 8
MIN_RUN_ROWS = 16


class BlockUnit(StrEnum):
    """What a block is."""

    DAY = "day"
    HOUR = "hour"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """How rows become blocks.

    Attributes:
        unit: What a block is.
        length: The length of a sub-block: microseconds of time, or rows of a run.
        parts: How many sub-blocks a block has.
        season: The time zone whose days and hours are meant, and the cells whose means may differ.

    """

    unit: BlockUnit
    length: int
    parts: int
    season: Season = ANY_TIME

    @property
    def fingerprint(self) -> str:
        """A text that is equal for equal plans."""
        return f"{self.unit}:{self.length}:{self.parts}@{self.season.fingerprint}"

    def sub_blocks(self, batch: Batch) -> NDArray[np.int64]:
        """Return the sub-block of each row (int64, shape (rows,)).

        Raises ValueError where runs are asked for and the rows are not numbered.
        """
        if self.unit is not BlockUnit.RUN:
            return np.floor_divide(self.season.zone.local(batch.event_time), self.length)
        if batch.ordinal is None:
            raise ValueError("runs of rows need numbered rows")
        return np.floor_divide(batch.ordinal, self.length)

    def blocks(self, sub_blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the block of each sub-block."""
        return np.floor_divide(sub_blocks, self.parts)


DAYS, HOURS = BlockPlan(BlockUnit.DAY, HOUR, DAY_HOURS), BlockPlan(BlockUnit.HOUR, HOUR, 1)


@dataclass(frozen=True, slots=True)
class BlockRules:
    """What is known of a monitor before its reference is read.

    Attributes:
        timed: Whether the rows that will be compared have times.
        whole_days: Whether every window is made of whole days, so that hours need not be kept.
        season: The time zone whose days and hours are meant, and the cells whose means may differ.

    """

    timed: bool = True
    whole_days: bool = False
    season: Season = ANY_TIME


def plan_of(batch: Batch, rules: BlockRules) -> BlockPlan:
    """Choose the blocks of a reference by its rows, in the order of their time.

    Days where it has eight of them, else hours where it has eight of those, else runs of rows.
    """
    times = batch.event_time
    if rules.timed and batch.rows and times.min() != times.max():
        days = BlockPlan(BlockUnit.DAY, DAY, 1) if rules.whole_days else DAYS
        for kind in (days, HOURS):
            plan = replace(kind, season=rules.season)
            if len(np.unique(plan.blocks(plan.sub_blocks(batch)))) >= MIN_BLOCKS:
                return plan
    length = max(batch.rows // (RUNS * RUN_PARTS), MIN_RUN_ROWS // RUN_PARTS)
    return BlockPlan(BlockUnit.RUN, length, RUN_PARTS)
