"""Default thresholds of quality measurements: far above the reference's own share.

A share is judged where its aspect is plainly broken data: missing values and ids, cells that are no numbers,
categories that the reference does not have, refused rows. It is breached above the largest of three limits,
so that neither chance nor a small change alarms:

- chance: what one window in 10,000 would pass if its rows were drawn like the reference's (Bernstein's bound,
  for the reference's share at its upper bound);
- three times the odds of the reference's share;
- five points above it.

A row is as likely to be of a new category as a reference row is the only one of its own (Good and Turing).
Cells that are no numbers are never usual, however many the reference has. Source of
the former: I. J. Good, Biometrika 40 (1953).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series
from service.core.profile import row_counts
from service.core.profile.chance import explains_all, upper_bound
from service.core.rows.schema import Role
from service.methods.stats.shares import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.profile.columns import ColumnProfile
    from service.core.profile.profile import Profile
    from service.core.rows.schema import Schema

ODDS = 3.0
MARGIN = 0.05
MISSING, UNPARSABLE, NEW = "missing_share", "unparsable_share", "new_category_share"
MISSING_ID, REJECTED = "missing_id_share", "rejected_share"
JUDGED = (MISSING, UNPARSABLE, NEW, MISSING_ID, REJECTED)
MEASURED = (
    *JUDGED,
    "infinite_share",
    "out_of_range_share",
    "vanished_categories",
    "empty_text_share",
    "out_of_vocabulary_share",
    "constant",
    "duplicate_row_share",
    "duplicate_id_share",
    "backwards_share",
    "future_share",
    "freshness_seconds",
    "columns_appeared",
    "columns_disappeared",
    "constant_columns",
)


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """Declared thresholds by metric: a number, or None for no verdict; the default holds for others.

    - `everywhere`: for all columns and for the window's own measurements.
    - `by_column`: for one column, before those.
    """

    everywhere: Mapping[str, float | None] = field(default_factory=dict)
    by_column: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)


def judged(
    measurements: Sequence[Measurement],
    reference: Profile,
    current: Profile,
    schema: Schema,
    limits: QualityLimits,
    *,
    min_rows: int = 0,
) -> tuple[Measurement, ...]:
    """Return quality measurements with their thresholds and verdicts; the values stay as they are.

    A window of fewer than `min_rows` rows has no verdict by default.
    """
    roles = {column.name: column.role for column in schema.columns}
    found = []
    for one in measurements:
        declared, limit = _declared(one.series, limits)
        if one.value is None or one.threshold is not None:
            found.append(one)
        elif declared:
            found.append(_with(one, limit))
        elif one.series.metric not in JUDGED or current.rows < min_rows:
            found.append(_explained(one))
        else:
            role = roles.get(one.series.column)
            usual = _usual(one.series, reference, waits_for_labels=role is Role.TARGET)
            found.append(_explained(one if usual is None else _with(one, limit_of(usual, one.rows))))
    return tuple(found)


def measure_rejected(refused: Share, limits: QualityLimits) -> Measurement:
    """Measure which share of the rows that came had to be refused, judged as the others are."""
    series = Series(Aspect.QUALITY, REJECTED, unit="share")
    if not refused.rows:
        return Measurement(series, None, 0, "no row came")
    found = Measurement(series, refused.found / refused.rows, refused.rows)
    declared, limit = _declared(series, limits)
    return _with(found, limit if declared else limit_of(Share(0, 0), refused.rows))


def limit_of(usual: Share, rows: int) -> float:
    """Return the share of `rows` rows above which there are far more than the `usual` ones.

    It is below 1 wherever chance alone does not explain that all rows are affected.
    """
    share = _upper(usual)
    chance = upper_bound(share, rows)
    odds = ODDS * share / (1.0 - share) if share < 1.0 else math.inf
    limit = max(chance, odds / (1.0 + odds) if math.isfinite(odds) else 1.0, share + MARGIN)
    if limit >= 1.0:
        return 1.0 if explains_all(share, rows) else 1.0 - 0.5 / rows
    return limit


def usually_missing(reference: Profile, schema: Schema) -> dict[str, float]:
    """Return how large the share of each column's rows without a value may usually be.

    It is 1 for the target, whose values may come later.
    """
    return {
        column.name: 1.0 if column.role is Role.TARGET else _upper(_missing(reference.columns[column.name]))
        for column in schema.columns
    }


def _upper(usual: Share) -> float:
    return upper_bound(usual.found / usual.rows, usual.rows) if usual.rows else 0.0


def _missing(column: ColumnProfile) -> Share:
    return Share(column.missing, column.rows)


def _declared(series: Series, limits: QualityLimits) -> tuple[bool, float | None]:
    for source in (limits.by_column.get(series.column, {}), limits.everywhere):
        if series.metric in source:
            return True, source[series.metric]
    return False, None


def _usual(series: Series, reference: Profile, *, waits_for_labels: bool) -> Share | None:
    if series.metric == UNPARSABLE:
        return Share(0, reference.rows)
    if series.metric == MISSING_ID:
        counts = reference.get(row_counts.PART)
        ids = None if counts is None else counts.identities
        return None if ids is None else Share(ids.missing, reference.rows)
    column = reference.columns.get(series.column)
    if column is None or (series.metric == MISSING and waits_for_labels):
        return None
    if series.metric == MISSING:
        return _missing(column)
    return _seen_once(column)


def _seen_once(column: ColumnProfile) -> Share:
    counts = column.distribution.counts
    return Share(int((counts == 1).sum()), column.distribution.finite)


def _with(one: Measurement, limit: float | None) -> Measurement:
    if limit is None or one.value is None:
        return _explained(one)
    return _explained(replace(one, threshold=limit, breached=one.value > limit))


def _explained(one: Measurement) -> Measurement:
    # What is dropped is said, whether it is a breach or not.
    if one.series.metric != UNPARSABLE or not (one.value or one.reference):
        return one
    here, before = 100 * (one.value or 0.0), 100 * (one.reference or 0.0)
    reason = f"{here:.1f} % of the rows hold no number, {before:.1f} % in the reference; they are left out"
    return replace(one, reason=reason)
