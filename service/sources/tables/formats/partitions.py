"""Columns that the names of a file's folders add: `year=2024/part.parquet` has the column `year`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Numbers, Texts
from service.core.rows.label_text import coded, text_of
from service.core.rows.schema import Kind
from service.errors import SourceError
from service.sources.tables.event_time import USABLE, reason_text
from service.sources.tables.number_text import plain_number
from service.sources.tables.time_text import of_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.rows.batch import Batch, ColumnRows
    from service.core.rows.schema import Schema
    from service.sources.tables.formats.loaded import Loaded
    from service.sources.tables.parsed import Framed


def with_partitions(loaded: Loaded, partitions: Mapping[str, str | None], schema: Schema) -> Loaded:
    """Return the file with the columns of its folders; a column of the file itself wins."""
    added = {name: value for name, value in partitions.items() if name not in loaded.names}
    if not added:
        return loaded

    def framed(by: str | None) -> Framed:
        if by not in added:
            found = loaded.framed(by)
            return replace(found, batch=add_partitions(found.batch, added, schema))
        found = loaded.framed(None)
        micros, reason = of_text(added[by] or "")
        if reason != USABLE:
            raise _unusable(by, added[by], reason)
        batch = replace(found.batch, event_time=np.full(found.batch.rows, micros, dtype=np.int64))
        return replace(found, batch=add_partitions(batch, {**added, by: None}, schema, time=by))

    return replace(loaded, names=[*loaded.names, *added], framed=framed)


def add_partitions(
    batch: Batch, partitions: Mapping[str, str | None], schema: Schema, *, time: str | None = None
) -> Batch:
    """Return the batch with a column for each partition that is watched; others are named as unwatched."""
    kinds = {column.name: column.kind for column in schema.columns}
    columns = dict(batch.columns)
    for name, value in partitions.items():
        if name in kinds and name not in columns:
            columns[name] = _constant(value, kinds[name], batch.rows)
    others = {name for name in partitions if name not in kinds and name not in {time, schema.identity}}
    names = tuple(sorted({*(batch.arrival.unwatched or ()), *others}))
    return replace(batch, columns=columns, arrival=replace(batch.arrival, unwatched=names))


def _constant(value: str | None, kind: Kind, rows: int) -> ColumnRows:
    if kind is Kind.TEXT:
        return Texts(np.full(rows, value, dtype=object))
    if kind is Kind.CATEGORICAL:
        return coded(np.zeros(rows, dtype=np.int64), [text_of(value)])
    number = np.nan if value is None else plain_number(value)
    if number is None:
        return Numbers(np.full(rows, np.nan), np.ones(rows, dtype=np.bool_))
    return Numbers(np.full(rows, number))


def _unusable(name: str, value: str | None, reason: int) -> SourceError:

    return SourceError(f"the folder's {name}={value or ''} {reason_text(reason)}")
