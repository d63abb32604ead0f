"""A monitor's newest window, its measurements marked by the monitor's alarms and in their order."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from service.core.alarm_state import AlarmHistory
from service.core.read_models import NewestMeasurement, NewestWindow, StoredValue
from service.core.story.order import worst_first

if TYPE_CHECKING:
    from service.core.read_models import LatestWindow, WindowValue

_COPIED = tuple(field.name for field in fields(StoredValue))


def newest_window(latest: LatestWindow) -> NewestWindow:
    """Mark the newest window's values by the monitor's alarms and order them (`order.py`).

    Several values may share an alarm, as a column's drift methods do: as where alarms are raised, the first
    that is breached represents them all, or else the first. `series_id` says which was measured first.
    """
    histories = {name: AlarmHistory.decode(text) for name, text in latest.alarms.items()}
    named = [(value.alarm_name.encode(), value) for value in latest.values]
    represents: dict[str, WindowValue] = {}
    for name, value in sorted(named, key=lambda one: (not one[1].breached, one[1].series_id or 0)):
        represents.setdefault(name, value)
    marked, quiet = [], AlarmHistory()
    for name, value in named:
        history = histories.get(name, quiet) if represents[name] is value else quiet
        marked.append(_marked(value, alarm=history.raised, decides=history.breached))
    return NewestWindow(window=latest.window, measurements=worst_first(marked))


def _marked(value: WindowValue, *, alarm: bool, decides: bool) -> NewestMeasurement:
    copied = {name: getattr(value, name) for name in _COPIED}
    return NewestMeasurement(**copied, alarm=alarm, decides=decides)
