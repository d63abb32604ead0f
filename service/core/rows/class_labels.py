"""The class that each row names: a column's values as codes into class names, numbers and texts alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core.rows.batch import Numbers, Texts
from service.core.rows.label_text import of_class

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows

MISSING, UNUSABLE = -1, -2


class ClassLabels(NamedTuple):
    """Each row's class: `codes` (int64, shape (n,)) into `names`, `MISSING` or `UNUSABLE`.

    Unusable is what is no number in a column of numbers, and infinity.
    """

    codes: NDArray[np.int64]
    names: list[str]


def class_labels(column: ColumnRows | None, rows: int) -> ClassLabels:
    """Return each row's class; all are missing where the column never came."""
    if column is None:
        return ClassLabels(np.full(rows, MISSING, dtype=np.int64), [])
    if isinstance(column, Texts):  # a text names no class; a monitor that asks for it is refused
        return ClassLabels(np.full(rows, UNUSABLE, dtype=np.int64), [])
    if not isinstance(column, Numbers):
        return ClassLabels(column.codes.astype(np.int64), column.labels.tolist())
    finite = np.isfinite(column.values)
    distinct, places = np.unique(column.values[finite] + 0.0, return_inverse=True)  # one zero
    codes = np.where(np.isnan(column.values), MISSING, UNUSABLE)
    codes[finite] = places
    if column.unparsable is not None:
        codes[column.unparsable] = UNUSABLE
    return ClassLabels(codes, [of_class(value) for value in distinct.tolist()])


def is_one_of(labels: ClassLabels, wanted: Collection[str]) -> NDArray[np.int64]:
    """Return 1 where a row's class is one of `wanted`, 0 where it is another, else its negative code."""
    marks = [int(name in wanted) for name in labels.names]
    found: NDArray[np.int64] = np.array([*marks, UNUSABLE, MISSING], dtype=np.int64)[labels.codes]
    return found
