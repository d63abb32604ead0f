"""All monitors, the worst first, a page at a time.

What decides the order is read for all monitors at once; whole states only for those of the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.measurement import Aspect
from service.status.monitor_state import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from service.core.read_models import Standing
    from service.status.monitor_state import CycleStatus, MonitorSummary

_CALM = 2
_SEVEREST = 100.0  # a monitor that measures nothing any more; the database's largest severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A page of the monitors, the worst first.

    - `total`: all monitors
    - `alarms`: how many of all are in alarm
    - `matched`: those that the search leaves, over all pages
    """

    total: int
    alarms: int
    matched: int
    monitors: Sequence[MonitorSummary]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A monitor with its place in the order: its verdict, whether performance is its reason, the severity."""

    cycles: CycleStatus
    verdict: Verdict
    place: tuple[int, bool, float]


def rank(
    cycles: Iterable[CycleStatus], standings: Mapping[str, Standing], troubled: Iterable[str]
) -> list[Ranked]:
    """Return the monitors, the worst first; `troubled` names those whose cycles have a problem."""
    in_trouble = frozenset(troubled)
    ranked = [_ranked(one, standings.get(one.name), troubled=one.name in in_trouble) for one in cycles]
    return sorted(ranked, key=lambda one: (one.place, one.cycles.name))


def searched(one: Ranked) -> str:
    """Return the text of a ranked monitor that a search looks at."""
    return text_of(one.cycles)


def text_of(monitor: CycleStatus) -> str:
    """Return the text of a monitor that a search looks at."""
    return f"{monitor.name} {monitor.description}"


def _ranked(cycles: CycleStatus, standing: Standing | None, *, troubled: bool) -> Ranked:
    raised = {} if standing is None else standing.raised
    breached = {} if standing is None else standing.breached
    if troubled:
        raised = {Aspect.HEALTH: _SEVEREST, **raised}
    for group, (verdict, aspects) in enumerate(((Verdict.ALARM, raised), (Verdict.BREACH, breached))):
        if aspects:
            return Ranked(cycles, verdict, (group, *_worst(aspects)))
    return Ranked(cycles, Verdict.FINE, (_CALM, True, 0.0))


def _worst(severities: Mapping[Aspect, float]) -> tuple[bool, float]:
    # As measurements are ordered (`core/story/order.py`): performance first, then by severity.
    if Aspect.PERFORMANCE in severities:
        return False, -severities[Aspect.PERFORMANCE]
    return True, -max(severities.values())
