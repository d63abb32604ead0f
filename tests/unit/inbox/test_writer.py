"""The group commit: who is answered, when, and what a failure costs whom."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pytest
from structlog.testing import capture_logs

from service.core.inbox import Backlog, BatchKind, Receipt, Sent
from service.errors import BacklogError, InboxUnavailableError, StoreError, StoreUnavailableError
from service.inbox import writer as writers
from service.inbox.backlog import BacklogWatch
from service.inbox.writer import Writer

if TYPE_CHECKING:
    from service.inbox.spooling import Spooling


@dataclass
class Store:
    """A store that can be held up, be away, or refuse one monitor's rows."""

    groups: list[list[str]] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    away: bool = False
    known: dict[str, Backlog] = field(default_factory=dict)

    async def append(self, sent: Sequence[Sent], *, seconds: float | None = None) -> list[Receipt]:
        del seconds
        self.asked.set()
        await self.gate.wait()
        if self.away:
            raise StoreUnavailableError("away")
        if any(each.monitor == "bad" for each in sent):
            raise StoreError("a value that the database refuses")
        self.groups.append([each.monitor for each in sent])
        return [Receipt(each.rows) for each in sent]

    async def append_segment(self, name: str, sent: Sequence[Sent]) -> Mapping[str, int]:
        raise NotImplementedError

    async def ping(self) -> None:
        raise NotImplementedError

    async def is_committed(self, transaction: str) -> bool | None:
        raise NotImplementedError

    async def backlog(self) -> Mapping[str, Backlog]:
        if self.away:
            raise StoreUnavailableError("away")
        return dict(self.known)

    async def forget_keys(self, days: int) -> None:
        raise NotImplementedError


def sent(monitor: str = "toy", rows: int = 1) -> Sent:
    return Sent(monitor, BatchKind.ROWS, 0, b"rows", rows)


class FullDisk:
    """A spool on a disk that has no space left."""

    is_empty = True

    async def append(self, _: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


@asynccontextmanager
async def working(store: Store, spooling: FullDisk | None = None) -> AsyncIterator[Writer]:
    writer = Writer(store, cast("Spooling | None", spooling))
    task = asyncio.create_task(writer.work())
    try:
        yield writer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_full_disk_is_one_line_in_the_log_and_a_reason_for_the_sender() -> None:
    """The database may be there and out of space as well: nothing says that it is away."""
    store = Store(away=True)
    store.gate.set()
    with capture_logs() as logs:
        async with working(store, FullDisk()) as writer:
            with pytest.raises(InboxUnavailableError) as refused:
                await writer.keep(sent())
    assert str(refused.value) == (
        "nothing was kept: the database takes no rows now, and neither does the service's disk: "
        "No space left on device"
    )
    (line,) = [line for line in logs if line["event"] == "rows not spooled"]
    assert ("exc_info" in line, line["error"]) == (False, "[Errno 28] No space left on device")
    assert "TIDEGAUGE_DATA_DIR" in line["hint"]


async def test_what_waits_shares_the_next_transaction() -> None:
    """Requests that come during a commit are one group; each has its own receipt."""
    store = Store()
    async with working(store) as writer:
        first = asyncio.create_task(writer.keep(sent("a", 1)))
        await store.asked.wait()
        others = [asyncio.create_task(writer.keep(sent("b", number))) for number in (2, 3)]
        await asyncio.sleep(0)
        store.gate.set()
        receipts = await asyncio.gather(first, *others)
    assert store.groups == [["a"], ["b", "b"]]
    assert [receipt.accepted for receipt in receipts] == [1, 2, 3]


async def test_one_request_that_is_refused_costs_no_other() -> None:
    """A group with rows that the database refuses is written one by one; only these get 503."""
    store = Store()
    async with working(store) as writer:
        first = asyncio.create_task(writer.keep(sent("a")))
        await store.asked.wait()
        group = [asyncio.create_task(writer.keep(sent(name))) for name in ("b", "bad", "c")]
        await asyncio.sleep(0)
        store.gate.set()
        found = await asyncio.gather(first, *group, return_exceptions=True)
    assert [type(each) for each in found] == [Receipt, Receipt, InboxUnavailableError, Receipt]
    assert store.groups == [["a"], ["b"], ["c"]]


async def test_a_stop_acknowledges_nothing_that_is_not_durable() -> None:
    """What is being written and what waits when the task is cancelled is refused; so is what comes later."""
    store = Store()
    async with working(store) as writer:
        begun = asyncio.create_task(writer.keep(sent()))
        await store.asked.wait()
        waits = asyncio.create_task(writer.keep(sent()))
        await asyncio.sleep(0)
    found = await asyncio.gather(begun, waits, return_exceptions=True)
    assert [str(each) for each in found] == ["the service is stopping"] * 2
    with pytest.raises(InboxUnavailableError, match="stopping"):
        await writer.keep(sent())
    assert store.groups == []


async def test_a_sender_that_went_away_holds_up_nobody() -> None:
    """A cancelled request is written or not; the others of its group have their answers."""
    store = Store()
    async with working(store) as writer:
        gone, stays = (asyncio.create_task(writer.keep(sent(name))) for name in ("a", "b"))
        await store.asked.wait()
        gone.cancel()
        store.gate.set()
        assert (await stays).accepted == 1


async def test_the_queue_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """With as many requests waiting as may wait, the next is asked to come again in a moment."""
    monkeypatch.setattr(writers, "MAX_WAITING", 1)
    store = Store()
    async with working(store) as writer:
        begun = asyncio.create_task(writer.keep(sent()))
        await store.asked.wait()
        waits = asyncio.create_task(writer.keep(sent()))
        await asyncio.sleep(0)
        with pytest.raises(InboxUnavailableError) as refused:
            await writer.keep(sent())
        assert refused.value.retry_seconds == 1
        store.gate.set()
        await asyncio.gather(begun, waits)


async def test_without_a_spool_an_outage_is_a_503() -> None:
    """Nobody is told that rows are kept; the sender knows when to come again."""
    store = Store(away=True)
    store.gate.set()
    async with working(store) as writer:
        with pytest.raises(InboxUnavailableError, match="the database is away") as refused:
            await writer.keep(sent())
    assert refused.value.retry_seconds == 5


async def test_senders_wait_as_long_as_cycles_need_to_catch_up() -> None:
    """The time to wait follows from how fast rows were taken, and rows of a moment ago count."""
    clock = iter(range(0, 1_000, 10))
    store = Store(known={"toy": Backlog(900)})
    watch = BacklogWatch(store, limit=1_000, clock=lambda: float(next(clock)))
    await watch.look()
    watch.check("toy")
    watch.add("toy", 300)
    store.known = {"toy": Backlog(1_000)}
    await watch.look()  # 200 of 1,200 rows were taken in ten seconds
    with pytest.raises(BacklogError, match="1,000 rows of toy wait") as refused:
        watch.check("toy")
    assert refused.value.retry_seconds == 5
    watch.check("other")
    store.away = True
    watch.add("other", 1_000)
    with pytest.raises(StoreUnavailableError):
        await watch.look()
    with pytest.raises(BacklogError):
        watch.check("other")
