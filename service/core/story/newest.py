"""A monitor's newest window, its measurements ordered and marked by its alarms; the alarms themselves."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from service.core.alarm_state import AlarmHistory, AlarmName
from service.core.read_models import NewestMeasurement, NewestWindow, RaisedAlarm, StoredValue
from service.core.story.order import worst_first

if TYPE_CHECKING:
    from service.core.read_models import AlarmStart, LatestWindow, WindowValue

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
        # With late labels the history may end with an earlier window than the newest.
        decides = history.breached and value.breached is True
        marked.append(_marked(value, alarm=history.raised, decides=decides))
    return NewestWindow(
        window=latest.window,
        measurements=worst_first(marked),
        started=latest.started,
        ended=latest.ended,
    )


def raised_names(latest: LatestWindow, newest: NewestWindow) -> list[AlarmName]:
    """Return the raised alarms in the order of their names.

    An alarm of a column's drift is given with the method that represents it, where the newest window has one.
    """
    names = [name for name, text in latest.alarms.items() if AlarmHistory.decode(text).raised]
    known = {each.alarm_name.encode(): each.alarm_name for each in newest.measurements if each.alarm}
    return [known.get(name) or AlarmName.decode(name) for name in sorted(names)]


def raised_alarm(name: AlarmName, start: AlarmStart | None) -> RaisedAlarm:
    """Return a raised alarm with its start, None where that is not known."""
    return RaisedAlarm(
        aspect=name.aspect,
        column_name=name.column,
        segment=name.segment,
        metric=name.metric,
        definition=name.definition,
        since=None if start is None else start.at,
        message=None if start is None else start.message,
    )


def _marked(value: WindowValue, *, alarm: bool, decides: bool) -> NewestMeasurement:
    copied = {name: getattr(value, name) for name in _COPIED}
    return NewestMeasurement(**copied, alarm=alarm, decides=decides)
