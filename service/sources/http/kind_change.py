"""Columns of stored batches whose kind was edited while they waited: read as if they came now."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Labels, Numbers, Texts
from service.core.rows.schema import Kind, Schema

if TYPE_CHECKING:
    from service.core.rows.batch import Batch, ColumnRows

_TYPES: dict[Kind, type[Numbers | Labels | Texts]] = {
    Kind.NUMERICAL: Numbers,
    Kind.CATEGORICAL: Labels,
    Kind.TEXT: Texts,
}


def by_kind(batch: Batch, schema: Schema) -> Batch:
    """Return the batch with every watched column as its kind is now.

    A text that is no number is marked as none, as it would have been had it come later.
    """
    changed = tuple(
        column
        for column in schema.columns
        if column.name in batch.columns and not isinstance(batch.columns[column.name], _TYPES[column.kind])
    )
    if not changed:
        return batch
    import pandas as pd  # noqa: PLC0415 - half a second, for the edit of a monitor

    from service.sources.tables.from_pandas import columns_of  # noqa: PLC0415 - as above

    cells = {
        column.name: pd.Series(_cells(held), dtype=np.float64 if isinstance(held, Numbers) else object)
        for column in changed
        for held in (batch.columns[column.name],)
    }
    read, _ = columns_of(pd.DataFrame(cells), Schema(changed))
    return replace(batch, columns={**batch.columns, **read})


def _cells(held: ColumnRows) -> list[Any]:
    if isinstance(held, Labels):
        texts = [*held.labels.tolist(), None]  # code -1, missing, is the last
        return [texts[code] for code in held.codes.tolist()]
    array = held.texts if isinstance(held, Texts) else held.values  # noqa: PD011  # of no frame
    return list(array.tolist())
