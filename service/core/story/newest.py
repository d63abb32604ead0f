"""A monitor's newest window, its measurements marked by the monitor's alarms and in their order."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from service.core.alarm_state import AlarmHistory
from service.core.read_models import NewestMeasurement, NewestWindow, StoredValue
from service.core.story.order import worst_first

if TYPE_CHECKING:
    from service.core.read_models import LatestWindow, WindowValue


def newest_window(latest: LatestWindow) -> NewestWindow:
    """Mark the newest window's values by the monitor's alarms and order them (`order.py`).

    Several values may share an alarm, as a column's drift methods do: as where alarms are raised, the first
    that is breached represents them all, or else the first. `series_id` says which was measured first.
    """
    histories = {name: AlarmHistory.decode(text) for name, text in latest.alarms.items()}
    represents: dict[str, WindowValue] = {}
    for value in sorted(latest.values, key=lambda value: (not value.breached, value.series_id or 0)):
        represents.setdefault(value.alarm_name.encode(), value)
    marked = []
    for value in latest.values:
        name = value.alarm_name.encode()
        history = histories.get(name, AlarmHistory()) if represents[name] is value else AlarmHistory()
        marked.append(_marked(value, alarm=history.raised, decides=history.breached))
    return NewestWindow(window=latest.window, measurements=worst_first(marked))


def _marked(value: WindowValue, *, alarm: bool, decides: bool) -> NewestMeasurement:
    copied = {field.name: getattr(value, field.name) for field in fields(StoredValue)}
    return NewestMeasurement(**copied, alarm=alarm, decides=decides)
