"""The reference by season cell: made once of its rows, for every window that is compared with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.profile import columns
from service.core.profile.outcome import outcome
from service.core.profile.outcome.repeated import repeated
from service.core.reference.seasonal.weighted import CellValues
from service.core.rows.batch import Labels, Numbers
from service.core.rows.task import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from service.core.profile.outcome.outcome import Outcome
    from service.core.profile.season_rows import SeasonRows
    from service.core.reference.seasonal.weighted import Weighted
    from service.core.rows.batch import Batch, ColumnRows, Values
    from service.core.rows.schema import Column, Schema
    from service.core.season.season import Season

REPEATED = 2**30  # rows: the product of two sides of so many is a whole number of 64 bits
UNLIMITED = 2**62  # distinct values: a reference by cell is never compressed


class MatchedOutcome(NamedTuple):
    """The reference's outcome with a window's mix of cells.

    whole: the outcome; its counts of rows are many times the reference's.
    rows: the window's rows that the mix was taken from.
    unmatched: those of them whose cell has no labelled row in the reference.
    unmatched_cells: their cells.
    """

    whole: Outcome
    rows: int
    unmatched: int
    unmatched_cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SeasonalReference:
    """A reference's rows by season cell.

    Attributes:
        season: The season.
        columns: Every column's values by cell.
        outcomes: The outcome of each cell's rows; empty where the schema has no task.
        rows: The rows of each cell.

    """

    season: Season
    columns: Mapping[str, CellValues]
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)
    rows: tuple[int, ...] = ()

    def column(self, name: str, window: SeasonRows) -> Weighted:
        """Return a column with the shares that the cells have among the window's rows with a value of it."""
        return self.columns[name].matched(window.of_column(name))

    def outcome(self, target: str, window: SeasonRows) -> MatchedOutcome | None:
        """Return the outcome with the shares that the cells have among the window's rows with a `target`.

        Its rows are repeated whole numbers of times, at most 2**30 of them together: exactly, or where that
        would take more, to six digits. None where no cell of the window has a labelled row.
        """
        asked = window.of_column(target)
        held = [each.labelled for each in self.outcomes]
        rows = sum(n for n, known in zip(asked, held, strict=True) if known)
        if not rows:
            return None
        whole_times = math.lcm(*(known for n, known in zip(asked, held, strict=True) if n and known))
        scale = min(Fraction(whole_times), Fraction(REPEATED, rows))
        times = [round(n * scale / known) if known else 0 for n, known in zip(asked, held, strict=True)]
        parts = [repeated(each, n) for each, n in zip(self.outcomes, times, strict=True) if n]
        lacking = tuple(
            cell for cell, (n, known) in enumerate(zip(asked, held, strict=True)) if n and not known
        )
        whole = outcome.merge(parts, limit=columns.DISTINCT_LIMIT)
        return MatchedOutcome(whole, sum(asked), sum(asked) - rows, lacking)

    def names(self, cells: Sequence[int], most: int = 3) -> str:
        """Return the names of some cells, at most so many of them, for a message."""
        shown = ", ".join(self.season.name(cell) for cell in cells[:most])
        return f"{shown} and {len(cells) - most} more" if len(cells) > most else shown


def of(batch: Batch, schema: Schema, season: Season) -> SeasonalReference:
    """Count the reference's rows by season cell."""
    cells = season.cells(batch.event_time)
    return SeasonalReference(
        season,
        {column.name: _counted(batch, column, cells, season.size) for column in schema.columns},
        _outcomes(batch, schema, cells, season.size),
        tuple(np.bincount(cells, minlength=season.size).tolist()),
    )


def _counted(batch: Batch, column: Column, cells: NDArray[np.int16], size: int) -> CellValues:
    whole = columns.of_column(batch, column, UNLIMITED).distribution
    places = _places(batch.columns.get(column.name), batch.rows, whole.values)
    held = places >= 0
    pairs, rows = np.unique(places[held] * size + cells[held], return_counts=True)
    ends = [np.bincount(cells[places == end], minlength=size) for end in (_LOW, _HIGH)]
    return CellValues(
        whole.values,
        (pairs // size).astype(np.int32),
        (pairs % size).astype(np.int16),
        rows.astype(np.int32),
        np.bincount(cells[held], minlength=size).astype(np.int64),
        np.array(ends, dtype=np.int64),
    )


_MISSING, _LOW, _HIGH = -1, -2, -3


def _places(held: ColumnRows | None, rows: int, values: Values) -> NDArray[np.int64]:
    # Each row's place among the column's distinct values, or one of the marks above.
    if held is None:
        return np.full(rows, _MISSING, dtype=np.int64)
    if isinstance(held, Labels):
        of_label = np.append(values.searchsorted(held.labels), _MISSING)
        return np.asarray(of_label[held.codes], dtype=np.int64)
    numbers = held.values if isinstance(held, Numbers) else held.lengths
    with np.errstate(invalid="ignore"):
        places = np.asarray(values.searchsorted(numbers), dtype=np.int64)
    places[np.isnan(numbers)] = _MISSING
    places[np.isneginf(numbers)] = _LOW
    places[np.isposinf(numbers)] = _HIGH
    if isinstance(held, Numbers) and held.unparsable is not None:
        places[held.unparsable] = _MISSING
    return places


def _outcomes(batch: Batch, schema: Schema, cells: NDArray[np.int16], size: int) -> tuple[Outcome, ...]:
    task = schema.task
    if task is None:
        return ()
    asked = {name: batch.columns[name] for name in columns_of(task) if name in batch.columns}
    order = np.argsort(cells, kind="stable")
    ordered = type(batch)(batch.rows, batch.event_time, asked).take(order)
    ends = np.bincount(cells, minlength=size).cumsum().tolist()
    return tuple(
        outcome.of(ordered.take(slice(start, end)), task, limit=columns.DISTINCT_LIMIT)
        for start, end in zip([0, *ends[:-1]], ends, strict=True)
    )
