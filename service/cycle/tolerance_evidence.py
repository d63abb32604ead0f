"""Move the evidence against tolerances on by a cycle's rows and labels, and measure it at its windows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from service.core.profile.outcome import outcome_days
from service.methods.performance.evidence import measure_evidence
from service.methods.performance.tolerance import Evidence, follow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.core.checkpoint import Checkpoint
    from service.core.profile.profile import Profile
    from service.core.season.season import Season
    from service.core.windows.records import WindowRecord
    from service.cycle.monitor_plan import MonitorPlan
    from service.methods.performance.tolerance import ToleranceTest


def followed(
    monitor: MonitorPlan,
    before: Mapping[str, str],
    fresh: Iterable[Profile],
    after: Checkpoint,
    *,
    ended: bool,
    season: Season | None,
) -> dict[str, str]:
    """Return the evidence by metric after a cycle; that of a tolerance that was removed is dropped.

    `fresh` are the profiles of the rows and the late labels that came, each once. A day is over when the
    watermark has passed it by the time that rows and labels may be late, or when the source has `ended`; it
    is a day of the season's time zone.
    """
    tests = monitor.measures.tolerance_tests
    if not tests:
        return {}
    days = [found for found in (each.get(outcome_days.PART) for each in fresh) if found]
    until = None
    if after.watermark is not None:
        late = monitor.window.lateness + (monitor.label_wait or 0)
        until = outcome_days.last_over(after.watermark + (outcome_days.DAY if ended else -late), season)
    return {test.metric.name: _followed(test, before, days, until).encode() for test in tests}


def with_evidence(
    windows: Sequence[WindowRecord],
    tests: Iterable[ToleranceTest],
    evidence: Mapping[str, str],
    season: Season | None,
) -> list[WindowRecord]:
    """Return the windows with the evidence at the end of each."""
    known = [(test, Evidence.decode(evidence[test.metric.name])) for test in tests]
    return [
        replace(
            each,
            measurements=(
                *each.measurements,
                *(
                    measure_evidence(test, found, outcome_days.last_over(each.end, season))
                    for test, found in known
                ),
            ),
        )
        for each in windows
    ]


def _followed(
    test: ToleranceTest,
    before: Mapping[str, str],
    days: Sequence[Mapping[int, tuple[int, ...]]],
    until: int | None,
) -> Evidence:
    stored = before.get(test.metric.name)
    return follow(test, Evidence() if stored is None else Evidence.decode(stored), days, until)
