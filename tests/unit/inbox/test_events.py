"""Events for several monitors: what one cannot take now costs the others nothing, and is sent again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from service.core.inbox import Backlog
from service.errors import BacklogError, InboxUnavailableError, IntakeError, UnroutedEventError
from service.inbox.backlog import BacklogWatch
from service.inbox.events import EventIntake
from service.runtime.compute_threads import workers
from service.sources.otlp.events import decoded
from service.sources.otlp.records import FORM
from service.wiring.inbox.refusable import RefusableReceivers
from tests.unit.inbox.test_writer import Store, working
from tests.unit.sources.otlp.made import AT, JSON, receiver, record, request


async def _take_in(
    store: Store,
    monitors: dict[str, Any],
    refused: dict[str, str],
    *records: Any,
    monitor: str | None = None,
) -> int:
    backlog = BacklogWatch(store, limit=100, clock=lambda: 0.0)
    await backlog.look()
    async with workers() as compute, working(store) as writer:
        intake = EventIntake(
            RefusableReceivers(monitors, refused),
            {FORM: decoded},
            writer=writer,
            backlog=backlog,
            compute=compute,
            now=lambda: AT // 1_000,
        )
        await intake.take_in(FORM, JSON, json.dumps(request(*records)).encode(), monitor=monitor)
        return sum(each.events for each in intake.unrouted)


def _store(rows: dict[str, int]) -> Store:
    gate = asyncio.Event()
    gate.set()
    return Store(gate=gate, known={name: Backlog(waiting, None) for name, waiting in rows.items()})


SCORE = {"score": {"doubleValue": 0.5}}


@pytest.mark.parametrize(
    ("waiting", "refused", "error"),
    [(100, {}, BacklogError), (0, {"b": "has another file"}, InboxUnavailableError)],
)
async def test_what_one_monitor_cannot_take_costs_no_other(
    waiting: int, refused: dict[str, str], error: type[IntakeError]
) -> None:
    """The sender is asked to send again, and what the other took is known by its key when it comes again."""
    monitors = {"a": receiver(name="a"), "b": receiver(name="b")}
    store = _store({"b": waiting})
    with pytest.raises(error, match=r"of b wait|another file"):
        await _take_in(store, monitors, refused, record(SCORE))
    assert store.groups == [["a"]]
    with pytest.raises(error):
        await _take_in(store, {"b": monitors["b"]}, refused, record(SCORE))
    assert store.groups == [["a"]]


async def test_without_times_all_or_nothing_is_kept() -> None:
    """Such records could not be known when they come again, and would count twice."""
    store = _store({"b": 100})
    untimed = record(SCORE, timeUnixNano="0")
    with pytest.raises(BacklogError):
        await _take_in(store, {"a": receiver(name="a"), "b": receiver(name="b")}, {}, untimed)
    assert store.groups == []


async def test_nobody_is_warned_of_logs_that_are_no_events() -> None:
    """A collector logs each warning, and sends all logs; what has a name may be meant for a monitor."""
    monitors = {"a": receiver(name="a")}
    logs = (record({}, "", body={"stringValue": "GET /healthz 200"}), record({}, ""))
    assert await _take_in(_store({}), monitors, {}, *logs) == 2
    for sent, addressed in (((*logs, record(SCORE, "predictoin")), None), (logs, "a")):
        with pytest.raises(UnroutedEventError, match="a takes the records of prediction"):
            await _take_in(_store({}), monitors, {}, *sent, monitor=addressed)
