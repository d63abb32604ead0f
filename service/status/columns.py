"""All columns of a monitor, a row each: drift, missing share, history and distribution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.measurement import Aspect
from service.core.story.order import rank

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from service.core.read_models import (
        ColumnShares,
        MeasuredWindow,
        NewestMeasurement,
        NewestWindow,
        SparkPoint,
    )

MISSING_SHARE = "missing_share"
USUAL = "evidently"  # the definition of the methods that are the default


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnHead:
    """A column's drift and missing share in the newest window, None where there is none.

    `drift` is the measurement in alarm or breach, else one with a threshold: that of the usual method, else
    the closest to its threshold.
    """

    column_name: str
    drift: NewestMeasurement | None
    missing: NewestMeasurement | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRow(ColumnHead):
    """A column with its drift's last windows, oldest first, and its distribution in the newest window."""

    history: Sequence[SparkPoint]
    distribution: ColumnShares | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnPage:
    """A page of a monitor's columns, the worst first; `total` counts all, `matched` those of the search."""

    window: MeasuredWindow | None
    columns: Sequence[ColumnRow]
    total: int
    matched: int


def column_heads(newest: NewestWindow, watched: Iterable[str]) -> list[ColumnHead]:
    """Return the columns in the order of their worst measurements, those that were not measured last."""
    of_column: dict[str, list[NewestMeasurement]] = {}
    for row in newest.measurements:  # the worst first: so are the columns
        if row.column_name:
            of_column.setdefault(row.column_name, []).append(row)
    for name in watched:
        of_column.setdefault(name, [])
    return [
        ColumnHead(
            column_name=name,
            drift=_representative(row for row in rows if row.aspect is Aspect.DRIFT),
            missing=_representative(row for row in rows if row.metric == MISSING_SHARE),
        )
        for name, rows in of_column.items()
    ]


def _representative(rows: Iterable[NewestMeasurement]) -> NewestMeasurement | None:
    # Of all rows where there are segments too: a row of the table is about the whole column. A column without
    # an alarm is represented by what is judged, of that by its usual method, whichever other one comes
    # closest to its threshold.
    def key(row: NewestMeasurement) -> tuple[bool, bool, bool, bool, Any]:
        is_quiet, is_unjudged = not (row.alarm or row.decides), row.threshold is None
        return bool(row.segment), is_quiet, is_unjudged, row.definition != USUAL, rank(row)

    return min(rows, key=key, default=None)
