"""A token for some monitors reads the page and the lists, which name no other monitor, whatever is asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from typing import Any

import httpx
import pytest

from service.access.gate import Gate
from service.access.session import COOKIE, signed_session
from service.api.app import build
from service.api.ports import Readiness
from service.core.access import Scope
from service.core.event import Event
from service.core.paging import PageRequest
from service.core.read_models import MonitorEvent
from service.core.story.newest import newest_window
from service.errors import NoInboxError, StoreError
from service.methods.alarm import BREACH
from service.runtime.job import CycleResult, Job
from service.status.live_feed import EventBroadcaster
from service.status.monitor_state import CycleStatus, monitor_state
from service.status.overview import Overview
from service.status.queries import StatusQueries
from tests.unit.api.access.test_sign_in import token_of
from tests.unit.api.access.test_who_may import TABLE
from tests.unit.api.doors import NOW, callables, cycle_status, gate
from tests.unit.status.values import WHEN, latest, window_value

OTHER = "secretive"
NEWEST = newest_window(latest(window_value("drift", column_name="size")))


class Two:
    """Two monitors, of which one is hidden from the token."""

    def __init__(self, names: Collection[str] = ("shop", OTHER)) -> None:
        self.names = names

    def of(self, names: Collection[str]) -> Two:
        return Two([name for name in self.names if name in names])

    def monitors(self) -> list[CycleStatus]:
        return [cycle_status(name, last_cycle=WHEN) for name in self.names]

    def columns(self, _: str) -> tuple[str, ...]:
        return ("size",)

    async def overview(self, _request: PageRequest, _name: str | None = None) -> Overview:
        return Overview(total=len(self.names), alarms=0, matched=len(self.names), monitors=[])

    async def newest_events(self, _: PageRequest) -> list[MonitorEvent]:
        return []

    def __getattr__(self, name: str) -> Any:
        async def away(*_: object, **__: object) -> None:
            raise StoreError(f"{name} asked the database")

        return away


class Nothing:
    """An intake, of rows and of events, that takes nothing."""

    unrouted = ()

    @property
    def events(self) -> Nothing:
        return self

    async def take_in(self, *_: object, **__: object) -> None:
        raise NoInboxError("no rows are sent to this monitor")

    def takes(self, _: str) -> bool:
        return False

    def trouble(self) -> None:
        return None


async def _ready() -> Readiness:
    checks = {
        "database": "ok",
        f"monitor {OTHER}": "no cycle yet",
        "monitor shop": "ok",
        f"file {OTHER}": "bad",
    }
    return Readiness(ready=False, checks=checks, replicas={"here": [OTHER, "shop"]})


async def _scrape(_: str, visible: frozenset[str] | None) -> tuple[bytes, str]:
    return " ".join(
        name for name in ("shop", OTHER) if visible is None or name in visible
    ).encode(), "text/plain"


def _built(found: Gate, broadcaster: EventBroadcaster | None = None) -> httpx.AsyncClient:
    async def unwanted(*_: object) -> Any:
        raise StoreError("asked the database")

    given = {
        "queries": Two(), "intake": Nothing(), "gate": found, "readiness": _ready, "scrape": _scrape,
        "refused": lambda: {OTHER: "its file", "shop": "its own"}, "windows": unwanted, "report": unwanted,
        "report_status": unwanted, "broadcaster": broadcaster or EventBroadcaster(),
    }  # fmt: skip
    transport = httpx.ASGITransport(app=build(callables(**given)))
    return httpx.AsyncClient(transport=transport, base_url="http://tidegauge.test")


ASKED = [
    *((method, path) for method, path in TABLE if path != "/v1/stream"),
    ("GET", "/v1/monitors/shopp/state"), ("GET", "/v1/monitor"), ("GET", "/v1/monitors/secretiv"),
    ("POST", "/v1/monitors/gone/rows"), ("GET", "/v1/monitors/gone/state"), ("DELETE", "/v1/monitors/gone"),
    ("GET", "/v1/monitors/gone/nothing"), ("GET", "/nothing"), ("POST", "/v1/monitors/gone/kserve"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ASKED)
async def test_no_answer_names_another_monitor(method: str, path: str) -> None:
    """By a token with all scopes for `shop` and for `gone`, not running, in the header or a session."""
    found = gate()
    secret = token_of(found, *Scope, monitors=frozenset({"shop", "gone"}))
    (token,) = found.tokens.known.values()
    filled = path.replace("{name}", "shop").replace("{column}", "size").replace("{window}", "1")
    async with _built(found) as client:
        answers = [await client.request(method, filled, headers={"authorization": f"Bearer {secret}"})]
        if method == "GET":
            cookie = {"cookie": f"{COOKIE}={signed_session(token, NOW)}"}
            answers.append(await client.get(filled, headers=cookie))
    if "/gone" in path and method != "DELETE":
        assert "no monitor is named 'gone'; there are: shop; GET /v1/monitors lists" in answers[0].text
    for answer in answers:
        assert OTHER not in answer.text.replace(filled, ""), answer.text
        assert answer.status_code != 401 or path == "/sign-in"


async def test_the_lists_have_its_monitors_alone() -> None:
    """The page's own calls answer as if there were no others; how many others are not ready is said."""
    found = gate()
    headers = {"authorization": f"Bearer {token_of(found, Scope.READ, monitors=frozenset({'shop'}))}"}
    async with _built(found) as client:
        assert [each["name"] for each in (await client.get("/v1/monitors", headers=headers)).json()] == [
            "shop"
        ]
        assert (await client.get("/v1/overview", headers=headers)).json()["total"] == 1
        assert [each["name"] for each in (await client.get("/v1/files/refused", headers=headers)).json()] == [
            "shop"
        ]
        ready = (await client.get("/readyz", headers=headers)).json()
        assert ready["checks"] == {
            "database": "ok",
            "monitor shop": "ok",
            "other monitors": "2 of 2 not ready",
        }
        assert ready["replicas"] == {"here": ["shop"]}
        assert (await client.get("/metrics", headers=headers)).text == "shop"
        assert (await client.get("/", headers=headers)).status_code == 200
        for path in ("/v1/kserve", "/v1/logs"):  # what is sent for monitors that nobody knows
            assert (await client.get(path, headers=headers)).status_code == 403
        nameless = await client.get("/v1/monitors/shopp/state", headers=headers)
        assert nameless.status_code == 403


async def test_metrics_are_open_unless_the_settings_say_otherwise() -> None:
    """Open, they name every monitor to whoever asks; else they ask for a token, and `/readyz` names none."""
    async with _built(gate()) as client:
        assert (await client.get("/metrics")).text == f"shop {OTHER}"
        assert f"monitor {OTHER}" in (await client.get("/readyz")).json()["checks"]
    closed = gate(metrics_open=False)
    secret = token_of(closed, Scope.READ)
    async with _built(closed) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (
            await client.get("/metrics", headers={"authorization": f"Bearer {secret}"})
        ).status_code == 200
        ready = await client.get("/readyz")
        assert (ready.status_code, list(ready.json()["checks"])) == (503, ["database", "other monitors"])
    async with _built(gate(is_open=True, metrics_open=False)) as client:
        assert (await client.get("/metrics")).status_code == 200


def test_what_is_asked_of_some_monitors_knows_no_other() -> None:
    """The queries behind every list are made of the cycles that are left."""

    async def never(slot: int) -> CycleResult:
        raise AssertionError(slot)

    jobs = {name: Job(name, 1.0, never) for name in ("shop", OTHER)}
    pool: Any = None
    queries = StatusQueries(pool, jobs, {}, {}).of({"shop", "gone"})
    assert [each.name for each in queries.monitors()] == ["shop"]


async def test_the_stream_tells_of_its_monitors_alone() -> None:
    """Brief or not, as it happens and resumed; what is of others alone is not sent at all."""
    feed = EventBroadcaster()
    ours: Any = {"visible": frozenset({"shop"})}
    brief, whole = feed.subscribe(brief=True, **ours), feed.subscribe(**ours)
    everything = feed.subscribe(brief=True)
    raised = Event(BREACH, 0, "worse")

    async def read(monitor: str) -> Any:
        return monitor_state(cycle_status(monitor), NEWEST, [], None), NEWEST

    for name in ("shop", OTHER):
        feed.notify(name, [raised])
    await _once(feed, read)
    feed.notify(OTHER, [raised])
    await _once(feed, read)
    (seen,) = brief.waiting
    message = {"monitor": "shop", "message": "worse"}
    assert json.loads(seen.data) == {"monitors": {"shop": 1}, "alarms": [message], "new_alarms": 1}
    assert [(each.kind, json.loads(each.data)["monitor"]) for each in whole.waiting] == [("cycle", "shop")]
    assert len(everything.waiting) == 2
    again = feed.subscribe(seen.id, brief=True, **ours)
    assert (again.resumed, list(again.waiting)) == (True, [])
    feed.notify_list()
    assert [each.kind for each in again.waiting] == ["monitors"]


async def _once(feed: EventBroadcaster, read: Any) -> None:
    telling = asyncio.create_task(feed.broadcast(read))
    before = feed.position
    for _ in range(1_000):
        await asyncio.sleep(0)
        if feed.position != before and not feed._notes:
            break
    for _ in range(20):
        await asyncio.sleep(0)
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)
