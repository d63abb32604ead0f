"""The reference's labelled rows by block: what tells how far a metric moves where nothing has changed.

A block is a day, or a run of rows in the order of their arrival where rows have no times. Where windows are
shorter than a day there are stretches too, as long as a window: neighbouring hours go together, so the rows
of one hour are no sample of their day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from service.core.profile.outcome import outcome
from service.core.profile.outcome.outcome_days import DAY, day_of
from service.core.rows.batch import Batch
from service.core.rows.task import columns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.profile.outcome.outcome import Outcome
    from service.core.rows.schema import Schema
    from service.core.rows.task import Task
    from service.core.season.season import Season

    Codes = NDArray[np.int64]

MIN_BLOCKS = 8  # fewer say too little of how blocks differ
MAX_STRETCHES = 200
RUNS = 48  # of a reference without times
MIN_RUN_ROWS = 16


@dataclass(frozen=True, slots=True)
class OutcomeBlocks:
    """A reference's outcome by block, in the order of time; blocks without a labelled row are left out.

    Attributes:
        blocks: The outcome of each block.
        run_rows: How many rows a block has where it is a run; None where it is a day.
        stretches: The outcomes of stretches as long as a window, where that is shorter than a day.

    """

    blocks: tuple[Outcome, ...]
    run_rows: int | None = None
    stretches: tuple[Outcome, ...] = field(default=())

    @property
    def named(self) -> str:
        """How many there are, in words."""
        unit = "day" if self.run_rows is None else f"run of {self.run_rows} rows"
        plural = "" if len(self.blocks) == 1 else "s"
        return f"{len(self.blocks)} {unit.replace(' of', f'{plural} of')}" + (
            plural if self.run_rows is None else ""
        )


@dataclass(frozen=True, slots=True)
class OutcomeBlockRules:
    """What is known of a monitor's windows before its reference is read.

    Attributes:
        timed: Whether the rows that will be compared have times.
        window: A window's length in microseconds; None where it is counted in rows.
        window_rows: A window's rows; None where it is a length of time.

    """

    timed: bool = True
    window: int | None = None
    window_rows: int | None = None


def of(
    batch: Batch, schema: Schema, rules: OutcomeBlockRules, season: Season | None = None
) -> OutcomeBlocks | None:
    """Return the outcome of a reference's rows by block; None without a task.

    The labels are in the reference's form, and `schema` is settled by them. Days are those of the season's
    time zone.
    """
    task = schema.task
    if task is None:
        return None
    columns = {name: batch.columns[name] for name in columns_of(task) if name in batch.columns}
    narrow = Batch(batch.rows, batch.event_time, columns)
    times = batch.event_time
    if rules.timed and batch.rows and times.min() != times.max():
        days = day_of(times, season)
        return OutcomeBlocks(_split(narrow, days, task), None, _stretches(narrow, days, task, rules))
    length = max(-(-batch.rows // RUNS), MIN_RUN_ROWS)
    return OutcomeBlocks(_split(narrow, np.arange(batch.rows) // length, task), length)


def _stretches(batch: Batch, days: Codes, task: Task, rules: OutcomeBlockRules) -> tuple[Outcome, ...]:
    if rules.window is not None and rules.window < DAY:
        codes = np.floor_divide(batch.event_time, rules.window)
    elif rules.window_rows is not None and rules.window_rows * len(np.unique(days)) < batch.rows:
        codes = np.arange(batch.rows, dtype=np.int64) // rules.window_rows
    else:
        return ()
    names = np.unique(codes)
    if len(names) > MAX_STRETCHES:  # evenly over the reference, so that every hour and weekday is there
        chosen = names[np.linspace(0, len(names) - 1, MAX_STRETCHES).round().astype(np.intp)]
        held = np.isin(codes, chosen)
        batch, codes = batch.take(np.flatnonzero(held)), codes[held]
    return _split(batch, codes, task)


def _split(batch: Batch, codes: Codes, task: Task) -> tuple[Outcome, ...]:
    order = np.argsort(codes, kind="stable")
    ordered = batch.take(order)
    cuts: Sequence[int] = (np.flatnonzero(np.diff(codes[order])) + 1).tolist()
    ends = [*cuts, batch.rows] if batch.rows else []
    found = (
        outcome.of(ordered.take(slice(start, end)), task, limit=batch.rows + 1)
        for start, end in zip([0, *cuts], ends, strict=False)
    )
    return tuple(each for each in found if each.labelled)
