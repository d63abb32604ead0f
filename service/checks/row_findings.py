"""What the rows of source and reference say of each other."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from service.checks.look import Finding
from service.core.rows.batch import Labels, Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.checks.look import MonitorLook
    from service.core.rows.batch import Batch, ColumnRows


def same_rows(look: MonitorLook) -> Iterator[Finding]:
    """Yield that the source has the reference's own rows and no other: they cannot drift."""
    if look.source is None or look.reference is None or not look.source.complete:
        return
    rows, known = look.source.batch, look.reference.batch
    if rows.rows and rows.rows == known.rows and _are_equal(rows, known):
        message = f"its {rows.rows:,} rows are those of the reference: nothing can drift"
        yield Finding("note", f"{look.monitor.name}: source", message)


def unusable_rows(look: MonitorLook) -> Iterator[Finding]:
    """Yield that rows of a live source are rejected, with the commonest reason, or that it has none yet.

    A file that holds no usable row is an error of reading it.
    """
    source = look.source
    if source is None or source.first_take is None or not look.monitor.source.is_live:
        return
    where, usable = f"{look.monitor.name}: source", source.batch.rows
    if not usable + source.rejected:
        yield Finding("note", where, "it has no rows yet, so that its columns could not be compared")
    if not source.rejected:
        return
    reasons = Counter(reject.reason for reject in source.first_take.rejects)
    said = f"; most of the first: {reasons.most_common(1)[0][0]}" if reasons else ""
    if usable:
        text = f"{source.rejected:,} of {usable + source.rejected:,} rows are rejected{said}"
        yield Finding("note", where, text)
    else:
        yield Finding("fault", where, f"none of {source.rejected:,} rows can be used{said}")


def _are_equal(one: Batch, other: Batch) -> bool:
    return one.columns.keys() == other.columns.keys() and all(
        _is_equal(column, other.columns[name]) for name, column in one.columns.items()
    )


def _is_equal(one: ColumnRows, other: ColumnRows) -> bool:
    if isinstance(one, Numbers) and isinstance(other, Numbers):
        return np.array_equal(one.values, other.values, equal_nan=True)
    if isinstance(one, Labels) and isinstance(other, Labels):
        return _texts(one) == _texts(other)
    return not isinstance(one, Numbers | Labels) and _texts(one) == _texts(other)


def _texts(column: ColumnRows) -> list[str | None]:
    if isinstance(column, Labels):
        texts = [*column.labels.tolist(), None]  # code -1, missing, is the last
        return [texts[code] for code in column.codes.tolist()]
    return [] if isinstance(column, Numbers) else list(column.texts.tolist())
