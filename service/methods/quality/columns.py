"""Quality of each column: shares of rows that are missing, unreadable, out of range or new.

Each is measured with the reference's own share. A share of all rows: missing, infinite, unparsable. A share
of the rows with a value: out of range (infinities are), new category. `vanished_categories` counts those with
at least 1 % of the reference's rows and none in the window.

The target and the prediction of a classifier hold classes, whatever their kind: a column of numbers has its
new ones measured as well. Which they are is the measurement's reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile.distribution import Distribution, inexact
from service.core.rows.label_text import of_class
from service.core.rows.schema import Kind
from service.core.rows.task import Binary, Multiclass
from service.methods.quality.texts import measure_texts
from service.methods.stats.alignment import alike, numbers, paired
from service.methods.stats.shares import NO_ROWS, NO_VALUES, End, Share, beyond, measured_share, single

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Column, Schema

NO_RANGE = "no value in the reference and no range declared"
NO_CATEGORIES = "no value in the reference"
MAX_CLASSES_SHOWN = 5
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
    task = schema.task
    of_classes = {task.target, task.prediction} if isinstance(task, Binary | Multiclass) else set()
    for column in schema.columns:
        before, now = reference.columns[column.name], current.columns[column.name]
        measured += _of_column(column, before, now)
        if column.name in of_classes:
            measured = _with_new_classes(measured, column, before.distribution, now.distribution)
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
    return measured_share(_series(column, metric), reference, current, empty=empty)


def _series(column: Column, metric: str) -> Series:
    return Series(Aspect.QUALITY, metric, column.name, unit="share")


def _inexact(column: Column, before: Distribution, now: Distribution) -> Iterator[Measurement]:
    # Only where there are such numbers: most columns never have one.
    sides = [Share(int(side.counts[inexact(numbers(side))].sum()), side.finite) for side in (before, now)]
    if any(side.found for side in sides):
        yield _share(column, "inexact_share", *sides, empty=NO_VALUES)


def _new_categories(column: Column, reference: Distribution, current: Distribution) -> Measurement:
    if not reference.distinct:
        return Measurement(_series(column, "new_category_share"), None, current.finite, NO_CATEGORIES)
    both = paired(reference, current)
    new = int(both.current[both.reference == 0].sum())
    return _share(
        column,
        "new_category_share",
        Share(0, reference.finite),
        Share(new, current.finite),
        empty=NO_VALUES,
    )


def _with_new_classes(
    measured: list[Measurement], column: Column, before: Distribution, now: Distribution
) -> list[Measurement]:
    if column.kind is Kind.NUMERICAL:
        measured = [*measured, _new_categories(column, before, now)]
    reason = _new_classes(before, now)
    return [
        replace(one, reason=reason)
        if reason and one.value and one.series == _series(column, "new_category_share")
        else one
        for one in measured
    ]


def _new_classes(reference: Distribution, current: Distribution) -> str:
    before, now = alike(reference, current)
    new = ~np.isin(now.values, before.values)
    found = sorted(zip(now.counts[new].tolist(), now.values[new].tolist(), strict=True), reverse=True)
    shown = [
        f'"{value if isinstance(value, str) else of_class(value)}" ({count:,})'
        for count, value in found[:MAX_CLASSES_SHOWN]
    ]
    more = len(found) - len(shown)
    return f"not in the reference: {', '.join(shown)}{f' and {more} more' if more else ''}" if shown else ""


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
