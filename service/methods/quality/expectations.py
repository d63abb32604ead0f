"""Expectations that a monitor file declares of columns: the share of rows that break each, threshold 0.

`below_min_share`, `above_max_share`, `not_allowed_share` and `duplicate_share` are shares of the rows with
a value (infinities are values; a cell that is not a number is none, see `unparsable_share`), `null_share` is
one of all rows. Each is breached by a single row, and is measured with the reference's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from service.core.measurement import Aspect, Series
from service.core.profile import distribution
from service.core.rows.label_form import PLAIN
from service.core.rows.label_text import text_of
from service.core.rows.schema import Kind
from service.methods.stats.alignment import alike
from service.methods.stats.shares import NO_ROWS, NO_VALUES, End, Share, beyond, measured_share, single

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from service.core.measurement import Measurement
    from service.core.profile.columns import ColumnProfile
    from service.core.profile.distribution import Distribution
    from service.core.profile.profile import Profile
    from service.core.rows.label_form import LabelForm
    from service.core.rows.schema import Schema

    Count = Callable[[ColumnProfile], Share]

THRESHOLD = 0.0
NO_FORMS: Mapping[str, LabelForm] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a monitor declares of a column; None and False declare nothing.

    low, high: the range of a numerical column.
    allowed: the values it may have: numbers, or texts of a categorical column, read in the column's form.
    not_null: every row has a value.
    unique: no value occurs twice.
    """

    low: float | None = None
    high: float | None = None
    allowed: tuple[str | float, ...] | None = None
    not_null: bool = False
    unique: bool = False


def measure_expectations(
    reference: Profile,
    current: Profile,
    schema: Schema,
    expectations: Mapping[str, Expectation],
    forms: Mapping[str, LabelForm] = NO_FORMS,
) -> tuple[Measurement, ...]:
    """Measure each declared expectation of each column, in the schema's order; labels are in `forms`."""
    measured = []
    for column in schema.columns:
        declared = expectations.get(column.name, Expectation())
        sides = reference.columns[column.name], current.columns[column.name]
        for metric, count, empty in _counts(declared, column.kind, forms.get(column.name, PLAIN)):
            series = Series(Aspect.QUALITY, metric, column.name, unit="share")
            before, now = map(count, sides)
            measured.append(measured_share(series, before, now, empty=empty, threshold=THRESHOLD))
    return tuple(measured)


def _counts(declared: Expectation, kind: Kind, form: LabelForm) -> Iterator[tuple[str, Count, str]]:
    if declared.low is not None:
        low = single(declared.low)
        yield "below_min_share", lambda column: beyond(column.distribution, low, End.LOW), NO_VALUES
    if declared.high is not None:
        high = single(declared.high)
        yield "above_max_share", lambda column: beyond(column.distribution, high, End.HIGH), NO_VALUES
    if declared.allowed is not None:
        allowed = declared.allowed
        if kind is Kind.CATEGORICAL:
            allowed = tuple(form.text(text) for text in map(text_of, allowed) if text is not None)
        yield "not_allowed_share", lambda column: _not_allowed(column.distribution, allowed, kind), NO_VALUES
    if declared.not_null:
        yield "null_share", lambda column: Share(column.missing, column.rows), NO_ROWS
    if declared.unique:
        yield "duplicate_share", lambda column: _repeated(column.distribution), NO_VALUES


def _not_allowed(part: Distribution, allowed: tuple[str | float, ...], kind: Kind) -> Share:
    if kind is Kind.NUMERICAL:
        kept, known = alike(part, distribution.of_numbers(np.array(allowed, dtype=np.float64)))
        fits = np.isin(kept.values, known.values)
    else:
        kept = distribution.labelled(part)
        fits = np.isin(kept.values, allowed)
    doubtful = int(kept.counts[fits].sum()) if kept.dropped_bits else None
    return Share(int(kept.counts[~fits].sum()) + part.infinite, part.finite + part.infinite, doubtful)


def _repeated(part: Distribution) -> Share:
    rows = part.finite + part.infinite
    distinct = part.distinct + bool(part.positive_infinite) + bool(part.negative_infinite)
    # Values that compression has made equal look repeated.
    return Share(rows - distinct, rows, rows - distinct if part.dropped_bits else None)
