"""A column's season-matched reference for one window, its effective size, and what limits it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.core.measurement import Aspect, Measurement, Series, Worse
from service.core.profile import season_rows
from service.core.profile.part import NOT_KEPT
from service.methods.drift.method import Definition
from service.methods.stats.unmeasurable import Unmeasurable

if TYPE_CHECKING:
    from service.core.profile.profile import Profile
    from service.core.reference.seasonal.seasonal import SeasonalReference
    from service.core.reference.seasonal.weighted import Weighted

EFFECTIVE_ROWS = "effective_rows"
MAX_UNMATCHED = 0.05  # the share of a window's rows above which the others do not stand for it
NO_SEASON = "the reference is not kept by season; expected one with a season, such as hour or auto"


def matched(reference: SeasonalReference | None, current: Profile, column: str) -> Weighted:
    """Return the column of the reference with the window's mix of cells.

    Raises Unmeasurable where there is none, or where more than a twentieth of the window's rows came in cells
    without a row in the reference.
    """
    if reference is None:
        raise Unmeasurable(NO_SEASON)
    window = current.get(season_rows.PART)
    if window is None or window.season != reference.season.fingerprint:
        raise Unmeasurable(NOT_KEPT)
    found = reference.column(column, window)
    if found.rows and found.unmatched > MAX_UNMATCHED * found.rows:
        raise Unmeasurable(
            f"{_unmatched(reference, found)}; above {MAX_UNMATCHED:.0%} nothing is compared: expected a "
            "longer reference, or a coarser season"
        )
    return found


def remark(reference: SeasonalReference | None, found: Weighted) -> str | None:
    """Return what limits a value against this matched reference; None where nothing does."""
    if reference is None or not found.unmatched:
        return None
    return f"{_unmatched(reference, found)}: the reference matches the other rows' hours and days"


def _unmatched(reference: SeasonalReference, found: Weighted) -> str:
    cells = reference.names(found.unmatched_cells)
    share = found.unmatched / found.rows
    return (
        f"{found.unmatched:,} of {found.rows:,} rows ({share:.2g} of them) came at times of which the "
        f"reference has no value ({cells})"
    )


def measure_effective_rows(column: str, found: Weighted | None, rows: int, reason: str | None) -> Measurement:
    """Measure how many independent rows the matched reference of a column is worth to a test."""
    series = Series(
        Aspect.DRIFT,
        EFFECTIVE_ROWS,
        column,
        definition=Definition.SEASON,
        unit="rows",
        worse=Worse.LOWER,
    )
    if found is None or not found.finite:
        return Measurement(series, None, rows, reason or "no value in the reference", decides=False)
    return Measurement(series, found.finite, rows, reason, decides=False)
