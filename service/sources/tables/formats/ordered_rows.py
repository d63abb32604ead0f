"""A table's usable rows in the order of their time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from service.core.rows.batch import Batch
    from service.core.rows.take import Reject


@dataclass(frozen=True, slots=True)
class OrderedRows:
    """The rows, and those that could not be used.

    times: int64 UTC microseconds, ascending, shape (rows,).
    read: gives the rows from a first to a stop (half-open).
    close: gives back the open files.
    fingerprint: of the files' content; a copy has the same.
    rejects: the first of the rows that are malformed or without a usable time.
    rejected: how many rows are.
    remarks: what else was noticed of the files, in words.
    """

    times: NDArray[np.int64]
    read: Callable[[int, int], Batch]
    close: Callable[[], None]
    fingerprint: str
    rejects: tuple[Reject, ...] = ()
    rejected: int = 0
    remarks: tuple[str, ...] = ()
