"""How much of a window is missing, unreadable, out of range or new? Shares of rows, beside the reference's.

A share of all rows: missing, infinite, unparsable. A share of the rows with a value: out of range (infinities
are), new category. `error_bound` is the share that compression may have moved across an end of the range.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from service.core import distribution
from service.core.distribution import Distribution
from service.core.measurement import Aspect, Measurement, Series
from service.core.schema import Kind
from service.methods.alignment import alike, numbers, paired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile import ColumnProfile, Profile
    from service.core.schema import Column, Schema

NO_ROWS = "no rows in the window"
NO_VALUES = "no value in the window"
NO_RANGE = "no value in the reference and no range declared"
NO_CATEGORIES = "no value in the reference"


class _Part(NamedTuple):
    # `found` of `rows` rows; with compressed values up to `doubtful` more.
    found: int
    rows: int
    doubtful: int | None = None


def measure_quality(reference: Profile, current: Profile, schema: Schema) -> tuple[Measurement, ...]:
    """Measure a window's rows, and each column's missing, infinite, unparsable, strange and new values."""
    rows = Measurement(
        Series(Aspect.QUALITY, "rows", unit="rows"),
        float(current.rows),
        current.rows,
        reference=float(reference.rows),
    )
    measured = [rows]
    for column in schema.columns:
        measured += _of_column(column, reference.columns[column.name], current.columns[column.name])
    return tuple(measured)


def _of_column(column: Column, reference: ColumnProfile, current: ColumnProfile) -> Iterator[Measurement]:
    before, now = reference.distribution, current.distribution
    yield _share(
        column,
        "missing_share",
        _Part(reference.missing, reference.rows),
        _Part(current.missing, current.rows),
    )
    if column.kind is Kind.CATEGORICAL:
        yield _new_categories(column, before, now)
        return
    yield _out_of_range(column, before, now)
    yield _share(
        column, "infinite_share", _Part(before.infinite, reference.rows), _Part(now.infinite, current.rows)
    )
    yield _share(
        column,
        "unparsable_share",
        _Part(reference.unparsable, reference.rows),
        _Part(current.unparsable, current.rows),
    )


def _share(
    column: Column, metric: str, reference: _Part, current: _Part, *, empty: str = NO_ROWS
) -> Measurement:
    series = Series(Aspect.QUALITY, metric, column.name, unit="share")
    baseline = reference.found / reference.rows if reference.rows else None
    if not current.rows:
        return Measurement(series, None, 0, empty, reference=baseline)
    bound = None if current.doubtful is None else current.doubtful / current.rows
    value = current.found / current.rows
    return Measurement(series, value, current.rows, reference=baseline, error_bound=bound)


def _new_categories(column: Column, reference: Distribution, current: Distribution) -> Measurement:
    if not reference.distinct:
        series = Series(Aspect.QUALITY, "new_category_share", column.name, unit="share")
        return Measurement(series, None, current.finite, NO_CATEGORIES)
    both = paired(reference, current)
    new = int(both.current[both.reference == 0].sum())
    return _share(
        column,
        "new_category_share",
        _Part(0, reference.finite),
        _Part(new, current.finite),
        empty=NO_VALUES,
    )


def _out_of_range(column: Column, reference: Distribution, current: Distribution) -> Measurement:
    ends = _range(column, reference)
    if ends is None:
        series = Series(Aspect.QUALITY, "out_of_range_share", column.name, unit="share")
        return Measurement(series, None, current.finite + current.infinite, NO_RANGE)
    return _share(
        column,
        "out_of_range_share",
        _outside(reference, *ends),
        _outside(current, *ends),
        empty=NO_VALUES,
    )


def _range(column: Column, reference: Distribution) -> tuple[Distribution, Distribution] | None:
    # Each end as a distribution of one value, which carries the bits that the reference has dropped.
    low, high = (
        _end(reference, index) if declared is None else distribution.of_numbers(np.array([declared]))
        for declared, index in ((column.low, 0), (column.high, -1))
    )
    return (low, high) if low.distinct and high.distinct else None


def _end(reference: Distribution, index: int) -> Distribution:
    value = numbers(reference)[index:][:1]
    return Distribution(value, np.ones(len(value), np.int64), dropped_bits=reference.dropped_bits)


def _outside(part: Distribution, low: Distribution, high: Distribution) -> _Part:
    # Truncation keeps the order: what is outside when truncated is outside.
    found, doubtful, compressed = part.infinite, 0, False
    for end, sign in ((low, 1.0), (high, -1.0)):
        kept, limit = alike(part, end)
        past = (numbers(kept) - numbers(limit)[0]) * sign
        found += int(kept.counts[past < 0.0].sum())
        if kept.dropped_bits:
            compressed = True
            doubtful += int(kept.counts[past == 0.0].sum())
    return _Part(found, part.finite + part.infinite, doubtful if compressed else None)
