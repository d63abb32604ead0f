from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from service.commands.status import NEVER_RUN, MonitorStatus, statuses, write_table
from service.config.monitor_folder import MonitorFolder
from service.store.tables.story import StoredStory

MAY, NOW = datetime(2013, 5, 3, 5, tzinfo=UTC), datetime(2026, 11, 27, 18, 55, tzinfo=UTC)
STORY = "Worse since 3 May 2013: the mean absolute error is 15.3. 98 % of the rise is the relation."


def told(
    monitor: str, state: str, since: datetime | None = None, event: datetime | None = None
) -> StoredStory:
    return StoredStory(monitor, state, since, event, f"{monitor}'s story.")


def test_the_worst_come_first() -> None:
    """Failing, silent, in alarm, breached, waiting, healthy; by name among equals."""
    states = ["fine", "waiting", "breach", "alarm", "silent", "failing"]
    found = statuses([told(f"{state}-{place}", state) for state in states for place in "ba"], MonitorFolder())
    assert [each.monitor for each in found] == [f"{s}-{place}" for s in reversed(states) for place in "ab"]


@pytest.mark.parametrize(
    ("state", "since"), [("alarm", MAY), ("silent", NOW), ("failing", NOW), ("fine", None)]
)
def test_since_is_of_the_state(state: str, since: datetime | None) -> None:
    """An alarm began in event time; a silent or failing monitor's last cycle ended by the clock."""
    by_clock = None if state == "fine" else NOW
    (found,) = statuses([told("shop", state, by_clock, MAY if state != "fine" else None)], MonitorFolder())
    assert found.since == (None if since is None else since.isoformat())


def test_a_story_is_wrapped_into_its_column() -> None:
    """On a terminal lines end between words, never before a percent sign; elsewhere a monitor is a line."""
    out = io.StringIO()
    rows = [
        MonitorStatus("shop", "alarm", MAY.isoformat(), STORY),
        MonitorStatus("new", NEVER_RUN, None, "W."),
    ]
    write_table(rows, out, 90)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= 90
    assert not any(line.strip().startswith("%") for line in lines)
    assert " ".join(line[40:].strip() for line in lines[1:-1]) == STORY
    assert lines[1].startswith("shop     alarm        2013-05-03 05:00  Worse since 3 May 2013:")
    assert lines[-1] == "new      not run yet  -                 W."
    plain = io.StringIO()
    write_table(rows, plain, None)
    assert plain.getvalue().splitlines()[1].endswith(STORY)


def test_without_a_monitor_it_says_how_to_make_one() -> None:
    """An empty folder is no fault."""
    out = io.StringIO()
    write_table([], out, None)
    assert "tidegauge init" in out.getvalue()
