"""Batches put one behind the other: the parts of a table that lies in several files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.rows.batch import Arrival, Batch, Labels, Numbers, Texts, no_rows, steps_back
from service.core.rows.label_text import common_type
from service.core.rows.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from service.core.rows.batch import ColumnRows, LabelType
    from service.core.rows.schema import Column, Schema


def concatenated(batches: Sequence[Batch], schema: Schema) -> Batch:
    """Return all rows of `batches` in their order; a column that a part lacks is missing in its rows.

    A column that no part has is absent. Labels typed as numbers in one part and texts in another
    are texts.
    """
    parts = [batch for batch in batches if batch.rows]
    if len(parts) <= 1:
        return parts[0] if parts else (batches[0] if batches else no_rows())
    times = np.concatenate([part.event_time for part in parts])
    held = [column for column in schema.columns if any(column.name in part.columns for part in parts)]
    columns = {column.name: _column(parts, column) for column in held}
    return Batch(len(times), times, columns, _arrival(parts, times))


def differently_typed(batches: Sequence[Batch]) -> tuple[Batch, ...]:
    """Return the batches where labels of a column are typed differently in them; none where they are not."""
    typed: dict[str, LabelType] = {}
    for batch in batches:
        for name, column in batch.columns.items():
            if not isinstance(column, Labels) or not len(column.labels):
                continue
            if typed.setdefault(name, column.typed) is not column.typed:
                return tuple(batches)
    return ()


def _column(parts: Sequence[Batch], column: Column) -> ColumnRows:
    found = [(part.columns.get(column.name), part.rows) for part in parts]
    if column.kind is Kind.NUMERICAL:
        return _numbers([_as_numbers(each, rows) for each, rows in found])
    if column.kind is Kind.TEXT:
        texts = [each.texts if isinstance(each, Texts) else _nothing(rows) for each, rows in found]
        return Texts(np.concatenate(texts))
    return _labels([each if isinstance(each, Labels) else _no_labels(rows) for each, rows in found])


def _as_numbers(column: ColumnRows | None, rows: int) -> Numbers:
    return column if isinstance(column, Numbers) else Numbers(np.full(rows, np.nan))


def _nothing(rows: int) -> NDArray[np.object_]:
    return np.full(rows, None, dtype=object)


def _no_labels(rows: int) -> Labels:
    return Labels(np.full(rows, -1, dtype=np.int64), np.zeros(0, dtype=np.str_))


def _numbers(parts: Sequence[Numbers]) -> Numbers:
    values = np.concatenate([part.values for part in parts])
    if all(part.unparsable is None for part in parts):
        return Numbers(values)
    marks = [
        np.zeros(len(part.values), dtype=np.bool_) if part.unparsable is None else part.unparsable
        for part in parts
    ]
    return Numbers(values, np.concatenate(marks))


def _labels(parts: Sequence[Labels]) -> Labels:
    distinct, places = np.unique(np.concatenate([part.labels for part in parts]), return_inverse=True)
    codes, start = [], 0
    for part in parts:
        own = np.append(places[start : start + len(part.labels)], -1)  # code -1, missing, is the last
        codes.append(own[part.codes])
        start += len(part.labels)
    typed = common_type({part.typed for part in parts if len(part.labels)})
    return Labels(np.concatenate(codes), distinct, typed)


def _arrival(parts: Sequence[Batch], times: NDArray[np.int64]) -> Arrival:
    arrivals = [part.arrival for part in parts]
    names = {name for arrival in arrivals for name in arrival.unwatched or ()}
    misfits = {misfit.column: misfit for arrival in arrivals for misfit in arrival.misfits}
    return Arrival(
        tuple(sorted(names)) if any(arrival.unwatched is not None for arrival in arrivals) else None,
        _hashes(parts, [arrival.identity for arrival in arrivals]),
        None if all(arrival.backwards is None for arrival in arrivals) else steps_back(times),
        misfits=tuple(misfits.values()),
        example_id=next((arrival.example_id for arrival in arrivals if arrival.example_id), None),
        remarks=tuple(dict.fromkeys(remark for arrival in arrivals for remark in arrival.remarks)),
        check=_hashes(parts, [arrival.check for arrival in arrivals]),
    )


def _hashes(parts: Sequence[Batch], hashes: Sequence[NDArray[np.uint64] | None]) -> NDArray[np.uint64] | None:
    if all(each is None for each in hashes):
        return None
    return np.concatenate(
        [
            np.zeros(part.rows, dtype=np.uint64) if each is None else each
            for part, each in zip(parts, hashes, strict=True)
        ]
    )
