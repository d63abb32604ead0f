from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.api.app import build
from service.core.event import Event
from service.errors import StoreError
from service.status import live_feed as feeds
from service.status.live_feed import MOST_FOLLOWERS, MOST_WAITING, Feed, Follower, Telling
from tests.unit.api.doors import callables

ROW = {"aspect": "drift", "column_name": "size", "segment": "", "metric": "ks", "definition": ""}


class Store:
    """What the feed reads: a number that a test sets."""

    def __init__(self) -> None:
        self.reads = 0
        self.breached = False
        self.away = False

    async def read(self, monitor: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        self.reads += 1
        if self.away:
            raise StoreError("the database is away")
        return {"name": monitor}, [{**ROW, "value": 1.0, "breached": self.breached, "alarm": False}]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest_asyncio.fixture
async def feed(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Feed]:
    """Give a feed that tells without a pause."""
    monkeypatch.setattr(feeds, "GAP_SECONDS", 0)
    opened = Feed()
    telling = asyncio.create_task(opened.tell(store.read))
    yield opened
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def told(follower: Follower) -> tuple[str, dict[str, Any]]:
    telling = await asyncio.wait_for(anext(follower.tellings()), 5)
    return telling.kind, json.loads(telling.data)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


async def told_all(feed: Feed, store: Store) -> None:
    """Let the feed come to rest."""
    before = -1
    while before != store.reads or feed._notes:
        before = store.reads
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_cycle_is_told_with_its_state_and_events(feed: Feed) -> None:
    """A note becomes one event: the monitor's state, and what the cycle raised."""
    follower = feed.follow()
    feed.note("shop", [Event("breach", 60_000_000, "size ks: 0.3, above 0.1", "size", "ks")])
    kind, data = await told(follower)
    assert (kind, data["monitor"], data["cycles"], data["state"]) == ("cycle", "shop", 1, {"name": "shop"})
    assert data["events"][0]["at"] == "1970-01-01T00:01:00+00:00"
    assert data["events"][0]["message"] == "size ks: 0.3, above 0.1"


async def test_cycles_in_quick_succession_are_told_together(feed: Feed, store: Store) -> None:
    """A replay at full speed is read once, whatever the number of its cycles."""
    follower = feed.follow()
    for _ in range(40):
        feed.note("shop")
    _, data = await told(follower)
    assert (data["cycles"], store.reads) == (40, 1)


async def test_only_numbers_whose_verdict_changed_are_told(feed: Feed, store: Store) -> None:
    """A number that stays on its side of the threshold is not news."""
    follower = feed.follow()
    changed = []
    for breached in (False, False, True, True):
        store.breached = breached
        feed.note("shop")
        changed.append(len((await told(follower))[1]["changed"]))
    assert changed == [0, 0, 1, 0]


async def test_without_followers_nothing_is_read(feed: Feed, store: Store) -> None:
    """Cycles that nobody follows cost no query."""
    feed.note("shop")
    await told_all(feed, store)
    assert store.reads == 0


async def test_who_comes_back_gets_what_was_missed(feed: Feed) -> None:
    """Behind the last id that was seen, everything follows; nothing is given twice."""
    stays, goes = feed.follow(), feed.follow()
    assert not goes.resumed
    feed.note("shop")
    seen = await anext(goes.tellings())
    feed.leave(goes)
    await told(stays)
    feed.note("bank")
    await told(stays)
    back = feed.follow(seen.id)
    assert back.resumed
    assert (await told(back))[1]["monitor"] == "bank"
    assert not back.waiting
    assert feed.follow(feed.position).resumed


async def test_who_missed_too_much_is_told_so(feed: Feed, store: Store) -> None:
    """An id of another start, or from before a time without followers, cannot be resumed."""
    follower = feed.follow()
    feed.note("shop")
    seen = await anext(follower.tellings())
    feed.leave(follower)
    feed.note("shop")
    await told_all(feed, store)
    assert not feed.follow(seen.id).resumed
    assert not feed.follow("0000-1").resumed


async def test_a_slow_follower_is_let_go_and_holds_nobody_up(feed: Feed) -> None:
    """One that reads nothing loses its place; the other gets every event."""
    slow, quick = feed.follow(), feed.follow()
    for _ in range(MOST_WAITING + 1):
        feed.note("shop")
        await told(quick)
    assert slow.gone
    assert not slow.waiting
    assert [one async for one in slow.tellings()] == []


async def test_a_database_that_is_away_is_told(feed: Feed, store: Store) -> None:
    """The stream goes on, says what is wrong, and tells of the next cycle that can be read."""
    follower = feed.follow()
    store.away = True
    feed.note("shop")
    assert await told(follower) == ("trouble", {"monitor": "shop", "error": "the database is away"})
    store.away = False
    feed.note("shop")
    assert (await told(follower))[0] == "cycle"


async def test_closing_ends_every_stream_at_once(feed: Feed) -> None:
    """A stream that waits for its next event ends too, and none is opened any more."""
    waiting = [asyncio.create_task(_drained(feed.follow())) for _ in range(3)]
    await asyncio.sleep(0)
    feed.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [[], [], []]
    assert feed.full
    assert [one async for one in feed.follow().tellings()] == []


async def _drained(follower: Follower) -> list[Telling]:
    return [telling async for telling in follower.tellings()]


async def test_the_door_streams_events(feed: Feed) -> None:
    """`/v1/stream` greets, names each event and its id, and ends when the feed closes."""
    transport = httpx.ASGITransport(app=build(callables(feed=feed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        asked = asyncio.create_task(client.get("/v1/stream"))
        await until(lambda: bool(feed._followers))
        follower = next(iter(feed._followers))
        feed.note("shop")
        await until(lambda: not feed.position.endswith("-0") and not follower.waiting)
        feed.close()
        answer = await asyncio.wait_for(asked, 5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    hello, cycle = answer.text.strip().split("\n\n")
    assert "event: hello" in hello
    assert "retry: " in hello
    assert "event: cycle" in cycle
    assert f"id: {feed.position}" in cycle
    assert not feed._followers


async def test_there_is_a_last_place(feed: Feed) -> None:
    """Whoever finds no place is told to come again, and nothing is opened."""
    for _ in range(MOST_FOLLOWERS):
        feed.follow()
    transport = httpx.ASGITransport(app=build(callables(feed=feed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        answer = await client.get("/v1/stream")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
