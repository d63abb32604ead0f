"""Columns that hold something else than their kind: texts, times, lists or structs in place of numbers."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from service.core.rows.batch import TEXT_TIMES, Misfit, Numbers
from service.core.rows.schema import Kind
from service.sources.tables.number_text import proposed, proposed_words
from service.sources.tables.time_text import are_times

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.core.rows.batch import ColumnRows
    from service.core.rows.schema import Column, Schema

EXAMPLES = 100  # cells that are looked at
EXAMPLE_LENGTH = 60
TIMES, LISTS, STRUCTS, BYTES, TEXTS = "times", "lists", "structs", "bytes", "texts"
_HOLDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((dt.date, dt.time, dt.timedelta, np.datetime64, np.timedelta64), TIMES),
    ((list, tuple, set, np.ndarray), LISTS),
    (dict, STRUCTS),
    ((bytes, bytearray), BYTES),
    (str, TEXTS),
)


def find_misfits(
    frame: pd.DataFrame, columns: Mapping[str, ColumnRows], schema: Schema
) -> tuple[Misfit, ...]:
    """Return what does not fit its column's kind, from the first cells of each of them that do not."""
    return tuple(_misfits(frame, columns, schema))


def _misfits(frame: pd.DataFrame, columns: Mapping[str, ColumnRows], schema: Schema) -> Iterator[Misfit]:
    for column in schema.columns:
        read = columns.get(column.name)
        if read is None or column.name == schema.identity:
            continue
        cells = _cells(frame[column.name], read, column)
        texts = [cell for cell in cells if isinstance(cell, str)]
        holds = _kind_of(cells[0]) if cells else None
        if holds == TEXTS and are_times(texts):
            holds = TIMES if column.kind is Kind.NUMERICAL else TEXT_TIMES
        if holds is None or (column.kind is not Kind.NUMERICAL and holds in {TEXTS, BYTES}):
            continue
        proposal = proposed(texts) if holds == TEXTS else ""
        if not proposal and holds == TEXTS and isinstance(read, Numbers) and np.isfinite(read.values).any():
            proposal = proposed_words(texts)
        yield Misfit(column.name, holds, str(cells[0])[:EXAMPLE_LENGTH], proposal)


def _kind_of(cell: object) -> str | None:
    return next((what for of_type, what in _HOLDS if isinstance(cell, of_type)), None)


def _cells(held: pd.Series[Any], read: ColumnRows, column: Column) -> list[Any]:
    if isinstance(read, Numbers):
        if read.unparsable is None:
            return []
        return held[read.unparsable].head(EXAMPLES).tolist()
    if column.kind is Kind.TEXT or pd.api.types.is_numeric_dtype(held.dtype):
        return []
    head = held.iloc[: 10 * EXAMPLES].dropna().head(EXAMPLES)
    cells: list[Any] = head.tolist()
    return cells
