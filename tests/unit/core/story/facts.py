"""Facts of monitors for tests of the story, made as the store makes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from service.core.read_models import AlarmStart, MeasuredWindow
from service.core.story.facts import Facts
from service.core.story.newest import newest_window, raised_alarm, raised_names
from service.core.story.story import Story, tell
from tests.unit.status.values import WINDOW, latest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.core.read_models import WindowValue

MAY = datetime(2013, 5, 3, 5, tzinfo=UTC)


def facts(
    *values: WindowValue,
    alarms: Mapping[str, str] | None = None,
    since: Mapping[str, datetime] | None = None,
    window: MeasuredWindow | None = WINDOW,
    **more: Any,
) -> Facts:
    """Make the facts of a newest window; `since` is when the alarm of a column ('': any other) was raised."""
    found = latest(*values, alarms=dict(alarms or {}), window=window, **more)
    newest = newest_window(found)
    raised = []
    for name in raised_names(found, newest):
        at = (since or {}).get(name.column)
        raised.append(raised_alarm(name, None if at is None else AlarmStart(at=at, message="m")))
    return Facts(newest=newest, alarms=raised)


def story(*values: WindowValue, **more: Any) -> Story:
    """Tell the story of a newest window."""
    return tell(facts(*values, **more))


def text(*values: WindowValue, **more: Any) -> str:
    """Tell the story of a newest window, its text alone."""
    return story(*values, **more).text
