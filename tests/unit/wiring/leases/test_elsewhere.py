"""What a replica says of the monitors of others, and what it does not take rows for."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import asyncpg
import pytest

from service.core.inbox import Posted
from service.core.sharing import LeaseState, LiveReplica, Part
from service.errors import InboxUnavailableError, UnroutedEventError
from service.inbox.backlog import BacklogWatch
from service.inbox.events import EventIntake
from service.inbox.writer import Writer
from service.runtime.compute_threads import workers
from service.runtime.job import CycleResult, Job
from service.sources.otlp.events import decoded
from service.sources.otlp.records import FORM
from service.status.live_feed import EventBroadcaster
from service.store.leases.leases import Sharing
from service.wiring.inbox.refusable import RefusableReceivers
from service.wiring.leases.elsewhere import Elsewhere
from service.wiring.monitor_index import MonitorIndex
from tests.unit.sources.otlp.made import AT, JSON, receiver, record, request


async def _never(slot: int) -> CycleResult:
    raise AssertionError(slot)


def _sharing(holders: dict[str, str | None], *replicas: str) -> Sharing:
    return Sharing(
        replicas=[LiveReplica(name, 0.0, {}) for name in replicas],
        names={name: f"host-{name}:1" for name in replicas},
        addresses={},
        leases={monitor: LeaseState(holder, "a") for monitor, holder in holders.items()},
        fences={},
    )


async def _follow(index: MonitorIndex, seen: Sharing, part: Part) -> None:
    elsewhere = Elsewhere(cast("asyncpg.Pool", None), index, EventBroadcaster())
    await elsewhere.follow(seen, part)


async def test_who_holds_what_is_said_where_there_are_several() -> None:
    """Of one alone only what it holds is said; a monitor without a holder has none since the first look."""
    index = MonitorIndex(jobs={name: Job(name, 1.0, _never) for name in ("a", "b", "c")})
    part = Part((), (), ())
    await _follow(index, _sharing({"a": "one", "b": "one", "c": "one"}, "one"), part)
    assert (index.holders, index.replicas) == ({}, {"host-one:1": ["a", "b", "c"]})
    assert index.unheld == {}
    await _follow(index, _sharing({"a": "one", "b": "two", "x": "two"}, "one", "two"), part)
    assert index.holders == {"a": "host-one:1", "b": "host-two:1"}
    assert index.replicas == {"host-one:1": ["a"], "host-two:1": ["b"]}
    since = index.unheld["c"]
    await asyncio.sleep(0)
    await _follow(index, _sharing({"a": "one", "b": "two", "c": None}, "one", "two"), part)
    assert index.unheld == {"c": since}


async def test_no_rows_are_taken_for_a_refused_monitor() -> None:
    """A sender tries again, and meets a replica whose file counts, or this one once it has that file."""
    index = MonitorIndex(jobs={"a": Job("a", 1.0, _never)})
    reader = object()
    receivers = RefusableReceivers({"a": reader}, index.refused)  # type: ignore[dict-item]
    seen = _sharing({"a": "two"}, "one", "two")
    await _follow(index, seen, Part((), (), ("a",)))
    refusing = receivers.get("a")
    assert refusing is not None
    for read in (refusing.read_rows, refusing.read_labels):
        with pytest.raises(
            InboxUnavailableError, match="not the one that host-two:1, which measures it"
        ) as why:
            read(cast("Posted", None), 0)
        assert why.value.retry_seconds
    await _follow(index, seen, Part((), (), ()))
    assert receivers.get("a") is reader
    assert receivers.get("b") is None


@pytest.mark.parametrize("addressed", [None, "a"])
async def test_no_events_are_taken_for_a_refused_monitor(addressed: str | None) -> None:
    """They are refused so that they are sent again, and do not count as of no monitor; others do."""
    receivers = RefusableReceivers({"a": receiver(service="iris")}, {"a": "its file is another one"})
    async with workers() as compute:
        intake = EventIntake(
            receivers,
            {FORM: decoded},
            writer=cast("Writer", None),
            backlog=cast("BacklogWatch", None),
            compute=compute,
            now=lambda: AT // 1_000,
        )
        sent = json.dumps(request(record({"score": {"doubleValue": 0.5}}))).encode()
        with pytest.raises(InboxUnavailableError, match="its file is another one") as why:
            await intake.take_in(FORM, JSON, sent, monitor=addressed)
        assert why.value.retry_seconds
        assert intake.unrouted == ()
        with pytest.raises(UnroutedEventError):
            await intake.take_in(FORM, JSON, json.dumps(request(record({}), service="b")).encode())
