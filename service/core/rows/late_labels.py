"""Labels that a source delivers after their rows: ids, labels and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from service.core.rows.batch import Labels, Numbers


@dataclass(frozen=True, slots=True)
class LateLabels:
    """Labels in the order in which they became known; shapes (n,).

    `identity` (uint64) is the id as the rows' own are hashed (`Arrival.identity`), 0 where it is missing;
    `names` holds the ids as they are shown. `labels` is a column of the target's kind, `labelled_at` (int64)
    UTC microseconds. Every label known before `until` (None: not known) has been handed over: rows that have
    waited for too long by then are given up.
    """

    identity: NDArray[np.uint64]
    labels: Numbers | Labels
    labelled_at: NDArray[np.int64]
    names: Numbers | Labels
    until: int | None = None

    def __len__(self) -> int:
        """Return how many labels there are."""
        return len(self.identity)

    def take(self, rows: NDArray[np.intp]) -> LateLabels:
        """Return the labels chosen."""
        return LateLabels(
            self.identity[rows],
            self.labels.take(rows),
            self.labelled_at[rows],
            self.names.take(rows),
            self.until,
        )
