"""Integrity of a window's rows: repeats, order, delay, and the columns that came.

`duplicate_row_share` is the share of rows equal to an earlier row of the window in every watched column,
`duplicate_id_share` of rows with an earlier row's id: exact up to 65,536 distinct rows, a sample's share
with its 95 % band above. `backwards_share` is the share of rows whose time lies before that of the row
right before them in the source's order, `future_share` of those whose time lay more than a minute ahead when
they were taken. `freshness_seconds` is the age of the window's newest row when it was taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile import duplicates, row_counts, texts
from service.core.profile.part import NOT_KEPT
from service.core.profile.row_counts import RowCounts
from service.core.rows.schema import Kind, Role
from service.core.time_units import SECOND
from service.methods.stats.shares import NO_ROWS, Share, measured_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.duplicates import DuplicateSketch
    from service.core.profile.profile import Profile
    from service.core.profile.row_counts import Unwatched
    from service.core.rows.schema import Column, Schema

NO_ORDER = "the source does not say in which order its rows came"
NO_RECEIPT = "when the rows were taken is not known"
REPLAYED = "the rows are replayed: when they were taken does not say how fresh they were"
NO_NAMES = "the source does not say which columns came"
NO_REFERENCE_NAMES = "the reference does not say which columns it has"
NO_IDS = "no row in the window has an id"
FEW_VALUES = "fewer than two values in the window"


def measure_integrity(reference: Profile, current: Profile, schema: Schema) -> tuple[Measurement, ...]:
    """Measure repeats, order, time and columns of a window; then which columns have become constant."""
    return (
        *_repeats(reference, current, schema),
        *_time(reference, current),
        *_columns(reference, current, schema),
    )


def _repeats(reference: Profile, current: Profile, schema: Schema) -> Iterator[Measurement]:
    sides = [side.get(row_counts.PART) for side in (reference, current)]
    before, now = (None if side is None else side.repeats for side in sides)
    yield _repeated(_series("duplicate_row_share"), before, now, NO_ROWS)
    if schema.identity is None:
        return
    before, now = (None if side is None else side.identities for side in sides)
    series = _series("duplicate_id_share", schema.identity)
    yield _repeated(series, before, now, NO_IDS if current.rows else NO_ROWS)
    yield measured_share(
        _series("missing_id_share", schema.identity),
        Share(0, 0) if before is None else Share(before.missing, reference.rows),
        Share(0, 0) if now is None else Share(now.missing, current.rows),
        empty=NOT_KEPT if now is None else NO_ROWS,
    )


def _repeated(
    series: Series, reference: DuplicateSketch | None, current: DuplicateSketch | None, empty: str
) -> Measurement:
    before = None if reference is None else duplicates.repeated(reference)
    baseline = None if before is None else before.share
    if current is None:
        return Measurement(series, None, 0, NOT_KEPT, reference=baseline)
    now = duplicates.repeated(current)
    if now is None:
        return Measurement(series, None, 0, empty, reference=baseline)
    return Measurement(series, now.share, current.rows, reference=baseline, low=now.low, high=now.high)


def _time(reference: Profile, current: Profile) -> Iterator[Measurement]:
    before, now = reference.get(row_counts.PART) or RowCounts(), current.get(row_counts.PART)
    fresh = Series(Aspect.QUALITY, "freshness_seconds", unit="seconds")
    no_order, no_receipt, replayed = NO_ORDER, NO_RECEIPT, REPLAYED
    if now is None:
        now, no_order, no_receipt, replayed = RowCounts(), NOT_KEPT, NOT_KEPT, NOT_KEPT
    yield measured_share(
        _series("backwards_share"),
        Share(before.backwards, before.ordered),
        Share(now.backwards, now.ordered),
        empty=no_order if current.rows else NO_ROWS,
    )
    yield measured_share(
        _series("future_share"),
        Share(before.future, before.received),
        Share(now.future, now.received),
        empty=no_receipt if current.rows else NO_ROWS,
    )
    if now.newest is None:
        yield Measurement(fresh, None, current.rows, replayed if current.rows else NO_ROWS)
        return
    event_time, received = now.newest
    yield Measurement(fresh, (received - event_time) / SECOND, current.rows)


def _columns(reference: Profile, current: Profile, schema: Schema) -> Iterator[Measurement]:
    sides = (side.get(row_counts.PART) for side in (reference, current))
    unwatched = (None if side is None else side.unwatched for side in sides)
    yield _appeared(*unwatched, rows=current.rows)
    lost = sum(_is_absent(column) for column in current.columns.values())
    before = float(sum(_is_absent(column) for column in reference.columns.values()))
    yield _count("columns_disappeared", lost if current.rows else None, current.rows, reference=before)
    flags = [
        _constant(column.name, _distinct(column, reference), _distinct(column, current), current)
        for column in schema.columns
        if column.role is not Role.SERVICE
    ]
    known = [flag.value for flag in flags if flag.value is not None]
    if any(flag.reason == NOT_KEPT for flag in flags):  # a count of the other columns would be too low
        yield _count("constant_columns", None, current.rows, why=NOT_KEPT)
    else:
        yield _count("constant_columns", int(sum(known)) if known else None, current.rows)
    yield from flags


def _appeared(reference: Unwatched | None, current: Unwatched | None, *, rows: int) -> Measurement:
    if reference is None or current is None:
        return _count("columns_appeared", None, rows, why=NOT_KEPT)
    if not current.rows or not reference.rows:
        why = NO_REFERENCE_NAMES if current.rows else NO_NAMES
        return _count("columns_appeared", None, rows, why=why)
    known = {name for name, _ in reference.names}
    ends = [side.names[-1][0] for side in (reference, current) if side.more]
    new = [name for name, _ in current.names if name not in known and all(name <= end for end in ends)]
    return _count("columns_appeared", len(new), rows, reference=0.0)


def _constant(name: str, before: int | None, now: int | None, current: Profile) -> Measurement:
    series = Series(Aspect.QUALITY, "constant", name, unit="flag")
    kept = current.columns[name].distribution
    rows = kept.finite + kept.infinite
    if rows < 2:  # noqa: PLR2004 - one value is always constant
        return Measurement(series, None, rows, FEW_VALUES)
    if before is None or now is None:
        return Measurement(series, None, rows, NOT_KEPT)
    return Measurement(series, float(before > 1 and now == 1), rows)


def _distinct(column: Column, profile: Profile) -> int | None:
    # Of a text column 2 for two or more: its distribution is that of lengths. None: not kept.
    if column.kind is Kind.TEXT:
        counted = profile.get(texts.PART)
        if counted is None:
            return None
        text = counted[column.name]
        return 0 if text.first is None else 2 - text.is_constant
    kept = profile.columns[column.name].distribution
    return kept.distinct + bool(kept.positive_infinite) + bool(kept.negative_infinite)


def _is_absent(column: ColumnProfile) -> bool:
    return bool(column.rows) and column.absent == column.rows


def _count(
    metric: str, value: int | None, rows: int, *, why: str = FEW_VALUES, reference: float | None = None
) -> Measurement:
    series = Series(Aspect.QUALITY, metric, unit="columns")
    if value is None:
        return Measurement(series, None, rows, why if rows else NO_ROWS, reference=reference)
    return Measurement(series, float(value), rows, reference=reference)


def _series(metric: str, column: str = "") -> Series:
    return Series(Aspect.QUALITY, metric, column, unit="share")
