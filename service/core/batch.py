"""One cycle's rows as typed arrays: what the pure middle sees of a data frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from service.core.distribution import Values


@dataclass(frozen=True, slots=True)
class Numbers:
    """A numerical column: `values` float64, shape (n,), NaN where missing or not a number at all.

    `unparsable` marks the latter (bool, shape (n,)), None where every value was a number or missing.
    """

    values: NDArray[np.float64]
    unparsable: NDArray[np.bool_] | None = None

    def take(self, rows: NDArray[np.intp] | slice) -> Numbers:
        """Return the column of the rows chosen."""
        marks = None if self.unparsable is None else self.unparsable[rows]
        return Numbers(self.values[rows], marks)


@dataclass(frozen=True, slots=True)
class Labels:
    """A categorical column: `codes` (integers, shape (n,), -1 if missing) into sorted distinct `labels`."""

    codes: NDArray[np.integer]
    labels: Values

    def take(self, rows: NDArray[np.intp] | slice) -> Labels:
        """Return the column of the rows chosen."""
        return Labels(self.codes[rows], self.labels)


@dataclass(frozen=True, slots=True)
class Batch:
    """`rows` rows; `event_time` int64 UTC microseconds, shape (rows,); a column that never came is absent."""

    rows: int
    event_time: NDArray[np.int64]
    columns: Mapping[str, Numbers | Labels]

    def take(self, rows: NDArray[np.intp] | slice) -> Batch:
        """Return the batch of the rows chosen (indices or a slice)."""
        times = self.event_time[rows]
        chosen = {name: column.take(rows) for name, column in self.columns.items()}
        return Batch(len(times), times, chosen)


def no_rows() -> Batch:
    """Return the batch of no rows and no columns."""
    return Batch(0, np.zeros(0, dtype=np.int64), {})
