"""Events posted to a webhook: signed, in order, again until taken, and none lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import asyncpg
from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.api.server import serving
from service.core.checkpoint import Checkpoint
from service.core.cycle_record import CycleRecord
from service.core.event import Event
from service.store.postgres import PostgresStore
from service.store.tables import story, webhook_outbox
from service.wiring.webhook import delivering

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the standard's own example
Answer = Callable[[int], int]


class Receiver:
    """A real receiver on a port of its own: keeps what it was sent, answers what it is told to."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.changed = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        self.got.append((dict(request.headers), await request.body()))
        self.changed.set()
        await Response(status_code=self._answer(len(self.got)))(scope, receive, send)

    async def until(self, count: int) -> list[str]:
        """Wait for that many posts; return the messages of all of them."""
        async with asyncio.timeout(20):
            while len(self.got) < count:
                await self.changed.wait()
                self.changed.clear()
        return [json.loads(body)["data"]["message"] for _, body in self.got]


@asynccontextmanager
async def receiving(answer: Answer = lambda _: 204) -> AsyncIterator[tuple[Receiver, str]]:
    receiver = Receiver(answer)
    async with serving(receiver, host="127.0.0.1", port=0) as address:
        yield receiver, f"{address}/hook"


async def record(pool: asyncpg.Pool, *messages: str, deliver: bool = True, cycle: int = 1) -> None:
    events = tuple(Event("breach", 1, message, "temp", "ks", {"value": 0.01}) for message in messages)
    entry = CycleRecord("flights", "layout", Checkpoint(cycle, {}), slot=0, started=0, rows=0, events=events)
    assert await PostgresStore(pool, deliver_events=deliver).commit(entry)


async def until(pool: asyncpg.Pool, condition: str) -> None:
    """Wait until `condition` holds in the database, which tells no one when it does."""
    async with asyncio.timeout(20):
        while not await pool.fetchval(f"SELECT {condition}"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_events_are_posted_in_order_and_signed(pool: asyncpg.Pool) -> None:
    """What a receiver gets passes the standard's own verifier, oldest first, and leaves the outbox."""
    await record(pool, "first", "second")
    async with receiving() as (receiver, url), delivering(pool, url, SECRET):
        assert await receiver.until(2) == ["first", "second"]
        await until(pool, "NOT EXISTS (SELECT FROM tidegauge.webhook_outbox)")
    headers, body = receiver.got[0]
    content = Webhook(SECRET).verify(body, headers)
    assert (content["type"], content["data"]["column"], content["data"]["value"]) == (
        "tidegauge.breach",
        "temp",
        0.01,
    )
    assert receiver.got[0][0]["webhook-id"] != receiver.got[1][0]["webhook-id"]


async def test_an_event_comes_with_the_monitors_story(pool: asyncpg.Pool) -> None:
    """What the receiver reads is what the page and `tidegauge status` say, also on the first post."""
    await record(pool, "first")
    (told,) = await story.read_all(pool)
    async with receiving() as (receiver, url), delivering(pool, url, SECRET):
        await receiver.until(1)
    assert json.loads(receiver.got[0][1])["data"]["story"] == told.story
    assert told.story.startswith("Waiting: ")


async def test_an_event_comes_again_until_it_is_taken(pool: asyncpg.Pool) -> None:
    """A receiver that is broken once gets the same event again, with the same id, before any later one."""
    await record(pool, "first", "second")
    async with (
        receiving(lambda count: 500 if count == 1 else 200) as (receiver, url),
        delivering(pool, url, SECRET) as sender,
    ):
        await receiver.until(1)
        waiting = await webhook_outbox.seconds_to_next(pool)
        assert waiting is not None
        assert 0 < waiting <= webhook_outbox.FIRST_DELAY_SECONDS * 3
        await pool.execute("UPDATE tidegauge.webhook_outbox SET next_attempt_at = now()")
        sender.wake()
        assert await receiver.until(3) == ["first", "first", "second"]
    assert receiver.got[0][0]["webhook-id"] == receiver.got[1][0]["webhook-id"]


async def test_what_was_not_delivered_is_delivered_after_a_restart(pool: asyncpg.Pool) -> None:
    """With no receiver there events wait in the outbox, and a later service delivers them."""
    async with receiving() as (_, url):
        pass
    await record(pool, "first")
    async with delivering(pool, url, SECRET):
        await until(pool, "max(attempts) > 0 FROM tidegauge.webhook_outbox")
    await pool.execute("UPDATE tidegauge.webhook_outbox SET next_attempt_at = now()")
    async with receiving() as (receiver, url), delivering(pool, url, SECRET):
        assert await receiver.until(1) == ["first"]


async def test_new_events_wake_the_delivery(pool: asyncpg.Pool) -> None:
    """An event goes out when it was recorded, not at the next look at the clock."""
    async with receiving() as (receiver, url), delivering(pool, url, SECRET) as sender:
        await record(pool, "first")
        sender.wake()
        assert await receiver.until(1) == ["first"]


async def test_without_a_webhook_nothing_piles_up(pool: asyncpg.Pool) -> None:
    """Events of a service that posts to no one are kept for charts alone."""
    await record(pool, "first", deliver=False)
    assert await webhook_outbox.seconds_to_next(pool) is None
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.event") == 1


async def test_two_services_never_post_the_same_event_at_once(pool: asyncpg.Pool) -> None:
    """Of two that claim, one gets the event."""
    await record(pool, "first")
    claimed = await asyncio.gather(webhook_outbox.claim(pool), webhook_outbox.claim(pool))
    assert [event.message for event in claimed if event is not None] == ["first"]
