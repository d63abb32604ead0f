from __future__ import annotations

from service.core.measurement import Aspect
from service.core.read_models import Standing
from service.status.overview import rank
from tests.unit.api.doors import cycle_status

STANDINGS = {
    "drifts": Standing(raised={Aspect.DRIFT: 50.0}, breached={}),
    "errs": Standing(raised={Aspect.PERFORMANCE: 1.1}, breached={}),
    "errs more": Standing(raised={Aspect.PERFORMANCE: 1.9, Aspect.DRIFT: 0.2}, breached={}),
    "breaches": Standing(raised={}, breached={Aspect.QUALITY: 90.0}),
    "calm": Standing(raised={}, breached={}),
}
WORST_FIRST = ["errs more", "errs", "silent", "drifts", "breaches", "calm", "new"]


def test_the_worst_monitor_comes_first_and_performance_before_the_rest() -> None:
    """Alarms, then breaches, then the others by name; one whose cycles have a problem is in alarm."""
    monitors = [cycle_status(name) for name in sorted(WORST_FIRST)]
    ranked = rank(monitors, STANDINGS, ["silent"])
    assert [one.cycles.name for one in ranked] == WORST_FIRST
    assert [one.verdict for one in ranked].count("alarm") == 4
