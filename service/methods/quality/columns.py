"""Quality of each column: shares of rows that are missing, unreadable, out of range or new.

Each is measured with the reference's own share. A share of all rows: missing, infinite, unparsable. A share
of the rows with a value: out of range (infinities are), new category. `vanished_categories` counts those with
at least 1 % of the reference's rows and none in the window.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile.distribution import Distribution, inexact
from service.core.rows.schema import Kind
from service.methods.quality.texts import measure_texts
from service.methods.stats.alignment import numbers, paired
from service.methods.stats.shares import NO_ROWS, NO_VALUES, End, Share, beyond, measured_share, single

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Column, Schema

NO_RANGE = "no value in the reference and no range declared"
NO_CATEGORIES = "no value in the reference"
COMMON_SHARE = 0.01  # of the reference's rows, from which a category is missed


def measure_quality(reference: Profile, current: Profile, schema: Schema) -> tuple[Measurement, ...]:
    """Measure a window's rows, then each column's missing, infinite, unparsable and unexpected values."""
    rows = Measurement(
        Series(Aspect.QUALITY, "rows", unit="rows"),
        float(current.rows),
        current.rows,
        reference=float(reference.rows),
    )
    measured = [rows]
    for column in schema.columns:
        measured += _of_column(column, reference.columns[column.name], current.columns[column.name])
        if column.kind is Kind.TEXT:
            measured += measure_texts(column.name, reference, current)
    return tuple(measured)


def _of_column(column: Column, reference: ColumnProfile, current: ColumnProfile) -> Iterator[Measurement]:
    before, now = reference.distribution, current.distribution
    yield _share(
        column,
        "missing_share",
        Share(reference.missing, reference.rows),
        Share(current.missing, current.rows),
    )
    if column.kind is Kind.TEXT:
        return
    if column.kind is Kind.CATEGORICAL:
        yield _new_categories(column, before, now)
        yield _vanished_categories(column, before, now)
        return
    yield _out_of_range(column, before, now)
    yield from _inexact(column, before, now)
    yield _share(
        column, "infinite_share", Share(before.infinite, reference.rows), Share(now.infinite, current.rows)
    )
    yield _share(
        column,
        "unparsable_share",
        Share(reference.unparsable, reference.rows),
        Share(current.unparsable, current.rows),
    )


def _share(
    column: Column, metric: str, reference: Share, current: Share, *, empty: str = NO_ROWS
) -> Measurement:
    series = Series(Aspect.QUALITY, metric, column.name, unit="share")
    return measured_share(series, reference, current, empty=empty)


def _inexact(column: Column, before: Distribution, now: Distribution) -> Iterator[Measurement]:
    # Only where there are such numbers: most columns never have one.
    sides = [Share(int(side.counts[inexact(numbers(side))].sum()), side.finite) for side in (before, now)]
    if any(side.found for side in sides):
        yield _share(column, "inexact_share", *sides, empty=NO_VALUES)


def _new_categories(column: Column, reference: Distribution, current: Distribution) -> Measurement:
    if not reference.distinct:
        series = Series(Aspect.QUALITY, "new_category_share", column.name, unit="share")
        return Measurement(series, None, current.finite, NO_CATEGORIES)
    both = paired(reference, current)
    new = int(both.current[both.reference == 0].sum())
    return _share(
        column,
        "new_category_share",
        Share(0, reference.finite),
        Share(new, current.finite),
        empty=NO_VALUES,
    )


def _vanished_categories(column: Column, reference: Distribution, current: Distribution) -> Measurement:
    series = Series(Aspect.QUALITY, "vanished_categories", column.name, unit="categories")
    if not reference.distinct or not current.distinct:
        return Measurement(series, None, current.finite, NO_VALUES if reference.distinct else NO_CATEGORIES)
    both = paired(reference, current)
    common = both.reference >= COMMON_SHARE * reference.finite
    return Measurement(series, float((common & (both.current == 0)).sum()), current.finite, reference=0.0)


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
        _end(reference, index) if declared is None else single(declared)
        for declared, index in ((column.low, 0), (column.high, -1))
    )
    return (low, high) if low.distinct and high.distinct else None


def _end(reference: Distribution, index: int) -> Distribution:
    value = numbers(reference)[index:][:1]
    return Distribution(value, np.ones(len(value), np.int64), dropped_bits=reference.dropped_bits)


def _outside(part: Distribution, low: Distribution, high: Distribution) -> Share:
    below, above = beyond(part, low, End.LOW), beyond(part, high, End.HIGH)
    doubts = [side.doubtful for side in (below, above) if side.doubtful is not None]
    return Share(below.found + above.found, below.rows, sum(doubts) if doubts else None)
