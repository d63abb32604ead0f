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
from service.core.read_models import NewestWindow
from service.core.story.newest import newest_window
from service.errors import StoreError
from service.status import live_feed
from service.status.live_feed import MAX_SUBSCRIBERS, MAX_WAITING, EventBroadcaster, StreamEvent, Subscriber
from service.status.monitor_state import MonitorState, monitor_state
from tests.unit.api.doors import callables, cycle_status
from tests.unit.status.values import latest, window_value


class Store:
    """What the feed reads: a number that a test sets."""

    def __init__(self) -> None:
        self.reads = 0
        self.breached = False
        self.away = False

    async def read(self, monitor: str) -> tuple[MonitorState, NewestWindow]:
        self.reads += 1
        if self.away:
            raise StoreError("the database is away")
        value = window_value("drift", column_name="size", breached=self.breached)
        newest = newest_window(latest(value))
        return monitor_state(cycle_status(monitor), newest, [], None), newest


@pytest.fixture
def store() -> Store:
    return Store()


@pytest_asyncio.fixture
async def feed(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EventBroadcaster]:
    """Give a feed that tells without a pause."""
    monkeypatch.setattr(live_feed, "GAP_SECONDS", 0)
    opened = EventBroadcaster()
    event = asyncio.create_task(opened.broadcast(store.read))
    yield opened
    event.cancel()
    await asyncio.gather(event, return_exceptions=True)


async def received(subscriber: Subscriber) -> tuple[str, dict[str, Any]]:
    event = await asyncio.wait_for(anext(subscriber.events_as_they_come()), 5)
    return event.kind, json.loads(event.data)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came")


async def told_all(feed: EventBroadcaster, store: Store) -> None:
    """Let the feed come to rest."""
    before = -1
    while before != store.reads or feed._notes:
        before = store.reads
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_cycle_is_told_with_its_state_and_events(feed: EventBroadcaster) -> None:
    """A note becomes one event: the monitor's state, and what the cycle raised."""
    subscriber = feed.subscribe()
    feed.notify("shop", [Event("breach", 60_000_000, "size ks: 0.3, above 0.1", "size", "ks")])
    kind, data = await received(subscriber)
    assert (kind, data["monitor"], data["cycles"], data["state"]["name"]) == ("cycle", "shop", 1, "shop")
    assert data["events"][0]["at"] == "1970-01-01T00:01:00+00:00"
    assert data["events"][0]["message"] == "size ks: 0.3, above 0.1"


async def test_cycles_in_quick_succession_are_told_together(feed: EventBroadcaster, store: Store) -> None:
    """A replay at full speed is read once, whatever the number of its cycles."""
    subscriber = feed.subscribe()
    for _ in range(40):
        feed.notify("shop")
    _, data = await received(subscriber)
    assert (data["cycles"], store.reads) == (40, 1)


async def test_only_numbers_whose_verdict_changed_are_told(feed: EventBroadcaster, store: Store) -> None:
    """A number that stays on its side of the threshold is not news."""
    subscriber = feed.subscribe()
    changed = []
    for breached in (False, False, True, True):
        store.breached = breached
        feed.notify("shop")
        changed.append(len((await received(subscriber))[1]["changed"]))
    assert changed == [0, 0, 1, 0]


async def test_without_followers_nothing_is_read(feed: EventBroadcaster, store: Store) -> None:
    """Cycles that nobody follows cost no query."""
    feed.notify("shop")
    await told_all(feed, store)
    assert store.reads == 0


async def test_who_comes_back_gets_what_was_missed(feed: EventBroadcaster) -> None:
    """Behind the last id that was seen, everything follows; nothing is given twice."""
    stays, goes = feed.subscribe(), feed.subscribe()
    assert not goes.resumed
    feed.notify("shop")
    seen = await anext(goes.events_as_they_come())
    feed.unsubscribe(goes)
    await received(stays)
    feed.notify("bank")
    await received(stays)
    back = feed.subscribe(seen.id)
    assert back.resumed
    assert (await received(back))[1]["monitor"] == "bank"
    assert not back.waiting
    assert feed.subscribe(feed.position).resumed


async def test_who_missed_too_much_is_told_so(feed: EventBroadcaster, store: Store) -> None:
    """An id of another start, or from before a time without followers, cannot be resumed."""
    subscriber = feed.subscribe()
    feed.notify("shop")
    seen = await anext(subscriber.events_as_they_come())
    feed.unsubscribe(subscriber)
    feed.notify("shop")
    await told_all(feed, store)
    assert not feed.subscribe(seen.id).resumed
    assert not feed.subscribe("0000-1").resumed


async def test_a_slow_follower_is_let_go_and_holds_nobody_up(feed: EventBroadcaster) -> None:
    """One that reads nothing loses its place; the other gets every event."""
    slow, quick = feed.subscribe(), feed.subscribe()
    for _ in range(MAX_WAITING + 1):
        feed.notify("shop")
        await received(quick)
    assert slow.gone
    assert not slow.waiting
    assert [one async for one in slow.events_as_they_come()] == []


async def test_a_database_that_is_away_is_told(feed: EventBroadcaster, store: Store) -> None:
    """The stream goes on, says what is wrong, and tells of the next cycle that can be read."""
    subscriber = feed.subscribe()
    store.away = True
    feed.notify("shop")
    assert await received(subscriber) == ("trouble", {"monitor": "shop", "error": "the database is away"})
    store.away = False
    feed.notify("shop")
    assert (await received(subscriber))[0] == "cycle"


async def test_closing_ends_every_stream_at_once(feed: EventBroadcaster) -> None:
    """A stream that waits for its next event ends too, and none is opened any more."""
    waiting = [asyncio.create_task(_drained(feed.subscribe())) for _ in range(3)]
    await asyncio.sleep(0)
    feed.close()
    assert await asyncio.wait_for(asyncio.gather(*waiting), 5) == [[], [], []]
    assert feed.full
    assert [one async for one in feed.subscribe().events_as_they_come()] == []


async def _drained(subscriber: Subscriber) -> list[StreamEvent]:
    return [event async for event in subscriber.events_as_they_come()]


async def test_the_door_streams_events(feed: EventBroadcaster) -> None:
    """`/v1/stream` greets, names each event and its id, and ends when the feed closes."""
    transport = httpx.ASGITransport(app=build(callables(broadcaster=feed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        asked = asyncio.create_task(client.get("/v1/stream"))
        await until(lambda: bool(feed._subscribers))
        subscriber = next(iter(feed._subscribers))
        feed.notify("shop")
        await until(lambda: not feed.position.endswith("-0") and not subscriber.waiting)
        feed.close()
        answer = await asyncio.wait_for(asked, 5)
    assert answer.headers["content-type"].startswith("text/event-stream")
    hello, cycle = answer.text.strip().split("\n\n")
    assert "event: hello" in hello
    assert "retry: " in hello
    assert "event: cycle" in cycle
    assert f"id: {feed.position}" in cycle
    assert not feed._subscribers


async def test_there_is_a_last_place(feed: EventBroadcaster) -> None:
    """A client beyond the limit is asked to come again, and nothing is opened."""
    for _ in range(MAX_SUBSCRIBERS):
        feed.subscribe()
    transport = httpx.ASGITransport(app=build(callables(broadcaster=feed)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        answer = await client.get("/v1/stream")
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


async def test_a_brief_subscriber_gets_names_and_no_state_is_read(
    feed: EventBroadcaster, store: Store
) -> None:
    """A thousand monitors are one small event, with a few of the new alarms and how many there were."""
    subscriber = feed.subscribe(brief=True)
    for number in range(1_000):
        feed.notify(f"model{number}", [Event("breach", 0, "x" * 5_000)] if number < 7 else [])
    feed.notify("model0")
    kind, data = await received(subscriber)
    assert (kind, len(data["monitors"]), data["monitors"]["model0"]) == ("cycled", 1_000, 2)
    assert (data["new_alarms"], len(data["alarms"]), len(data["alarms"][0]["message"])) == (7, 5, 300)
    assert store.reads == 0


async def test_each_subscriber_gets_its_own_kind_of_event(feed: EventBroadcaster) -> None:
    """Where both kinds listen, both are served, and both resume behind what they have seen."""
    full, brief = feed.subscribe(), feed.subscribe(brief=True)
    feed.notify("shop")
    assert (await received(full))[0] == "cycle"
    first = await anext(brief.events_as_they_come())
    feed.notify("bank")
    assert (await received(full))[1]["monitor"] == "bank"
    assert (await received(brief))[1]["monitors"] == {"bank": 1}
    back = feed.subscribe(first.id, brief=True)
    assert back.resumed
    assert [event.kind for event in back.waiting] == ["cycled"]


@pytest.mark.parametrize("brief", [True, False])
async def test_what_only_the_other_kind_got_was_missed(feed: EventBroadcaster, brief: bool) -> None:
    """A subscriber comes back after a time in which nothing was sent that it could be given now."""
    goes, stays = feed.subscribe(brief=brief), feed.subscribe(brief=not brief)
    feed.notify("shop")
    seen = await anext(goes.events_as_they_come())
    await received(stays)
    feed.unsubscribe(goes)
    feed.notify("bank")
    await received(stays)
    assert not feed.subscribe(seen.id, brief=brief).resumed
