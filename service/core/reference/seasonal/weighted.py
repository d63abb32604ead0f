"""A column of the reference, its rows weighted so that its season cells have a window's shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import Values


@dataclass(frozen=True, slots=True, eq=False)
class Weighted:
    """A weighted column: F = sum over cells of (window's rows / all of them) * F of the cell.

    Counts are scaled to the effective size (sum of weights)**2 / (sum of their squares): rows of equal weight
    count as one each.

    Attributes:
        values: The distinct values that have a weight (float64 or str, sorted, shape (k,)).
        counts: The effective rows of each (float64, shape (k,), all positive).
        finite: The effective rows with a finite value.
        positive_infinite: Effective rows with plus infinity.
        negative_infinite: Effective rows with minus infinity.
        rows: The window's rows that the mix was taken from.
        unmatched: Those of them whose cell has no row in the reference.
        unmatched_cells: Their cells.

    """

    values: Values
    counts: NDArray[np.float64]
    finite: float
    positive_infinite: float = 0.0
    negative_infinite: float = 0.0
    rows: int = 0
    unmatched: int = 0
    unmatched_cells: tuple[int, ...] = ()

    @property
    def is_numeric(self) -> bool:
        """Whether the values are numbers rather than labels."""
        return self.values.dtype.kind == "f"

    @property
    def infinite(self) -> float:
        """Effective rows with plus or minus infinity."""
        return self.positive_infinite + self.negative_infinite


@dataclass(frozen=True, slots=True, eq=False)
class CellValues:
    """A column of the reference, counted by value and season cell; exact, whatever the number of values.

    Attributes:
        values: The distinct values (float64 or str, sorted, shape (k,)).
        place: Of each pair of a value and a cell that comes: the value's place (shape (p,)).
        cell: Its cell (shape (p,)).
        count: Its rows (shape (p,)).
        finite: The rows with a finite value by cell.
        infinite: The rows with minus and plus infinity by cell (shape (2, cells)).

    """

    values: Values
    place: NDArray[np.int32]
    cell: NDArray[np.int16]
    count: NDArray[np.int32]
    finite: NDArray[np.int64]
    infinite: NDArray[np.int64]

    def matched(self, window: Sequence[int]) -> Weighted:
        """Return the column with the cells' shares of a `window`, which has so many rows in each cell."""
        asked = np.asarray(window, dtype=np.float64)
        lacking = (asked > 0) & (self.finite == 0)
        share = np.divide(asked, self.finite, out=np.zeros_like(asked), where=self.finite > 0)  # per row
        rows = float(asked[~lacking].sum())
        squares = float((share * asked)[~lacking].sum())
        finite = rows**2 / squares if squares else 0.0
        weight = share * (finite / rows) if rows else share
        held = weight[self.cell]
        counts: NDArray[np.float64] = np.bincount(
            self.place, held * self.count, minlength=len(self.values)
        ).astype(np.float64)
        kept = counts > 0.0
        low, high = (self.infinite @ weight).tolist()
        return Weighted(
            self.values[kept],
            counts[kept],
            finite,
            high,
            low,
            int(asked.sum()),
            int(asked[lacking].sum()),
            tuple(np.flatnonzero(lacking).tolist()),
        )
