from __future__ import annotations

from itertools import permutations

from service.core.read_models import WindowValue
from service.core.story.newest import newest_window
from tests.unit.status.values import latest, window_value

MAE = window_value("performance", "mae", 13.0, breached=True, severity=1.1)
WITHIN = window_value("performance", "rmse", 3.0, breached=False, severity=0.5)
UNJUDGED = window_value("performance", "me", 3.0)
TEMP = window_value("drift", "psi", column_name="temp", breached=True, severity=9.0, series_id=1)
WIND = window_value("drift", "psi", column_name="wind", breached=True, severity=3.0)
MISSING = window_value("quality", "missing_share", column_name="temp", breached=True, severity=5.0)
CLEAR = window_value("quality", "missing_share", column_name="wind", breached=False, severity=0.9)
NONE = window_value("performance", "r2", value=None, reason="no labels yet")
# In alarm although the newest window is clear, and beyond its threshold without a say.
ENDING = window_value("drift", "psi", column_name="rain", breached=False, severity=0.2)
SECOND = window_value(
    "drift", "psi", definition="robust", column_name="temp", breached=True, severity=50.0, series_id=2
)

ALARMS = {
    MAE.alarm_name.encode(): ".x",
    TEMP.alarm_name.encode(): "xx!",
    WIND.alarm_name.encode(): "xx!",
    MISSING.alarm_name.encode(): "xx!",
    ENDING.alarm_name.encode(): "xx.!",
}


def test_performance_comes_first_then_the_most_severe() -> None:
    """However the values come: what counts, performance before all, then by severity; gaps come last."""
    wanted = [MAE, TEMP, MISSING, WIND, ENDING, WITHIN, SECOND, CLEAR, UNJUDGED, NONE]
    for first in permutations(wanted[:4]):
        values: list[WindowValue] = [*reversed(wanted[4:]), *first]
        found = newest_window(latest(*values, alarms=ALARMS)).measurements
        assert [_name(each) for each in found] == [_name(each) for each in wanted]


def _name(of: WindowValue) -> tuple[str, str, str]:
    return of.column_name, of.metric, of.definition
