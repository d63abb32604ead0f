"""Where reading goes on in a table that is another one, or on a server that went back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from service.sources.event_clock import EventClock
from service.sources.postgres_table.position import (
    Identity,
    Position,
    Settled,
    Snapshot,
    ordered,
    position_of,
    resumed,
)

HERE = Identity("7", "00000001", 5, 100, {"100": 1000})
HELD = Position(HERE, 500, 700, ("2026-01-01", "3"), ("at", "id"), EventClock(5, 6), EventClock(7, 8))
NOW = Snapshot(800, 810)


def test_a_position_survives_its_checkpoint() -> None:
    """All of it, as JSON."""
    assert position_of(HELD.as_json()) == HELD
    assert position_of(None) == Position()


def test_the_same_table_goes_on() -> None:
    """Nothing is said of a server that goes on, nor of a partition that is new."""
    assert resumed(HELD, HERE, NOW, "t", 1, tells_ids=True) == (HELD, ())
    grown = replace(HERE, files={"100": 1000, "101": 7})
    assert resumed(HELD, grown, NOW, "t", 1, tells_ids=True) == (replace(HELD, identity=grown), ())


@pytest.mark.parametrize(
    ("changed", "snapshot", "said", "again"),
    [
        ({"system": "8"}, NOW, "on another server", True),
        ({"database": 6}, NOW, "in another database", True),
        ({"table": 101}, NOW, "dropped and made again", True),
        ({}, Snapshot(699, 900), "gone back from 700 to 699", True),
        ({"timeline": "00000002"}, NOW, "00000001 became 00000002", False),
        ({"files": {"100": 1001}}, NOW, "TRUNCATE", False),
    ],
)
def test_what_may_be_lost_is_an_event(
    changed: dict[str, Any], snapshot: Snapshot, said: str, again: bool
) -> None:
    """It says what happened, and where reading goes on."""
    now_is = replace(HERE, **changed)
    after, events = resumed(HELD, now_is, snapshot, "t", 1, tells_ids=False)
    assert [each.kind for each in events] == ["rows_lost"]
    assert said in events[0].message
    assert (after.horizon, after.target) == ((None, None) if again else (500, 700))
    assert after.clock == HELD.clock
    assert after.identity == now_is


def test_time_is_settled_once_what_ran_has_ended() -> None:
    """A transaction that stays open holds it back; one that began later does not."""
    settled = Settled().after(Snapshot(5, 5), 100)
    assert settled.at == 100
    settled = settled.after(Snapshot(5, 9), 200)
    settled = settled.after(Snapshot(5, 12), 300)
    assert settled.at == 100
    settled = settled.after(Snapshot(9, 15), 400)
    assert settled.at == 200
    assert settled.after(Snapshot(14, 20), 500).at == 200
    assert settled.after(Snapshot(15, 20), 600).at == 400


def test_a_round_begins_again_by_other_columns() -> None:
    """Its last key says nothing there; between rounds there is none."""
    assert ordered(HELD, ("at", "id"), "t", 1, tells_ids=True) == (HELD, ())
    after, events = ordered(HELD, ("id",), "t", 1, tells_ids=True)
    assert (after.after, after.order, after.target) == (None, ("id",), 700)
    assert "ordered by other columns" in events[0].message
    between = replace(HELD, after=None)
    assert ordered(between, ("id",), "t", 1, tells_ids=True) == (replace(between, order=("id",)), ())
