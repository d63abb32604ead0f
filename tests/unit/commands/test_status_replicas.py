"""`tidegauge status` names the replica of each monitor where there are several."""

from __future__ import annotations

from io import StringIO

from service.commands.status import MonitorStatus, write_table


def _written(*replicas: str | None) -> list[list[str]]:
    out = StringIO()
    found = [MonitorStatus(f"m{n}", "fine", None, "Healthy.", each) for n, each in enumerate(replicas)]
    write_table(found, out, None)
    return [line.split() for line in out.getvalue().splitlines()]


def test_a_column_where_there_are_several() -> None:
    """One process alone needs no name; a monitor that nobody holds has a dash."""
    assert _written("a:1", "a:1")[0] == ["monitor", "state", "since", "story"]
    head, first, second, third = _written("a:1", "b:1", None)
    assert head == ["monitor", "state", "since", "replica", "story"]
    assert (first[3], second[3], third[3]) == ("a:1", "b:1", "-")
