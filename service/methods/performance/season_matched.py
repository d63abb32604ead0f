"""Performance next to the reference's own value over a window's mix of hours and days.

Errors at night are not errors by day: a window without its night looks worse, or better, than a reference
with it. Each metric is given again, as `season_matched_mae`, with the reference's value of the same mix.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.measurement import Aspect
from service.core.profile import season_rows
from service.core.profile.outcome import outcome as outcomes
from service.core.profile.part import NOT_KEPT
from service.methods.performance.performance import values_by_metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.measurement import Measurement
    from service.core.profile.profile import Profile
    from service.core.reference.seasonal.seasonal import MatchedOutcome, SeasonalReference
    from service.core.rows.task import Task

PREFIX = "season_matched_"
MAX_UNMATCHED = 0.05  # the share of a window's labelled rows above which the others do not stand for it


def measure_season_matched(
    measured: Sequence[Measurement],
    current: Profile,
    task: Task | None,
    seasonal: SeasonalReference | None,
) -> tuple[Measurement, ...]:
    """Return a window's performance, `measured` already, with the season-matched reference values.

    Nothing without a season or a task. Where there is no such value, the reason says why.
    """
    if seasonal is None or task is None:
        return ()
    found, reason = _matched(current, task, seasonal)
    known: dict[str, float | None] = {}
    if found is not None:
        known = values_by_metric(task, found.whole, current.get(outcomes.PART))
    return tuple(
        replace(
            m,
            series=replace(m.series, metric=f"{PREFIX}{m.series.metric}", headline=None),
            reason="; ".join(part for part in (m.reason if m.value is None else None, reason) if part)
            or None,
            threshold=None,
            breached=None,
            reference=known.get(m.series.metric),
            decides=False,
        )
        for m in measured
        if m.series.aspect is Aspect.PERFORMANCE and not m.series.segment and m.series.unit != "rows"
    )


def _matched(
    current: Profile, task: Task, seasonal: SeasonalReference
) -> tuple[MatchedOutcome | None, str | None]:
    window = current.get(season_rows.PART)
    if window is None or window.season != seasonal.season.fingerprint:
        return None, f"no season-matched reference: {NOT_KEPT}"
    found = seasonal.outcome(task.target, window)
    if found is None:
        return None, "no season-matched reference: it has no labelled row of these hours and days"
    if not found.unmatched:
        return found, None
    share = found.unmatched / found.rows
    remark = (
        f"{found.unmatched:,} of {found.rows:,} labelled rows ({share:.2g} of them) came at times of which "
        f"the reference has none ({seasonal.names(found.unmatched_cells)})"
    )
    if share > MAX_UNMATCHED:
        return None, f"no season-matched reference: {remark}, more than {MAX_UNMATCHED:.0%}"
    return found, remark
