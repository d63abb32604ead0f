"""A half's columns as typed rows, by the code that reads the same cells however they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.batch import Arrival, Batch
from service.core.rows.schema import Kind
from service.errors import SourceError, UnreadableRowsError
from service.sources.http.content import MAX_LABEL, MAX_TEXT, object_frame, typed_table
from service.sources.http.table_limits import MAX_ROWS
from service.sources.tables import from_arrow

if TYPE_CHECKING:
    from service.core.rows.schema import Schema
    from service.sources.kserve.columns import Columns

_NUMBERS = frozenset({int, float})


def typed(columns: Columns, schema: Schema) -> Batch:
    """Return the watched columns as typed rows without times. Raises UnreadableRowsError."""
    if columns.rows > MAX_ROWS:
        raise UnreadableRowsError(f"it has {columns.rows:,} rows; expected {MAX_ROWS:,} at most")
    limits = {each.name: MAX_TEXT if each.kind is Kind.TEXT else MAX_LABEL for each in schema.columns}
    for name, cells in columns.cells.items():
        _check(name, cells, limits.get(name, MAX_LABEL))
    numeric = {each.name for each in schema.columns if each.kind is Kind.NUMERICAL}
    held = {
        name: _as_numbers(values) if name in numeric else values for name, values in columns.cells.items()
    }
    names = list(dict.fromkeys((*columns.names, *columns.cells)))
    if not held:
        return Batch(columns.rows, np.zeros(columns.rows, dtype=np.int64), {}, Arrival(tuple(names)))
    try:
        table = typed_table(held)
        if table is not None:
            return from_arrow.to_batch(table, schema, None, names=names).batch
        from service.sources.tables import from_pandas  # noqa: PLC0415 - half a second, for mixed cells alone

        return from_pandas.to_batch(object_frame(held, columns.rows), schema, None, names=names).batch
    except SourceError as error:
        raise UnreadableRowsError(str(error)) from error


def _check(name: str, cells: list[Any], limit: int) -> None:
    for row, cell in enumerate(cells):
        if isinstance(cell, list | dict):
            raise UnreadableRowsError(
                f"{name!r} is a list or an object in row {row}; expected a number, a text or a truth value"
            )
        if isinstance(cell, str) and len(cell) > limit:
            raise UnreadableRowsError(
                f"{name!r} has a text of {len(cell):,} characters; expected {limit:,} at most"
            )


def _as_numbers(cells: list[Any]) -> list[Any]:
    """Return whole and broken numbers as one type, which is read faster."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if not kinds <= _NUMBERS:
        return cells
    try:
        return [None if cell is None else float(cell) for cell in cells]
    except OverflowError:  # beyond 64 bits
        return cells
