"""The API's paths on prepared answers: what is refused, what is not found, and what describes them."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from service.api.app import build
from service.api.static_page import DOCS_FOLDER
from service.core.paging import PageRequest
from service.core.read_models import Axis, ColumnDistribution, SeriesFilter, StoredMeasurement
from service.core.report_status import ReportState, ReportStatus
from service.core.story.newest import newest_window
from service.core.windows.records import WindowRun
from service.status.known_names import DeclaredNames, known_names, unknown_name
from service.status.monitor_state import MonitorState, monitor_state
from service.status.overview import Overview
from tests.unit.api.doors import Queries, callables, cycle_status
from tests.unit.status.values import WHEN, latest, window_value


class Shop(Queries):
    """A monitor with one column, which keeps what it was asked for."""

    name = "shop"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def columns(self, _: str) -> tuple[str, ...]:
        return ("size",)

    async def state(self, _: str) -> MonitorState:
        value = window_value("drift", column_name="size", breached=True, severity=2.0)
        newest = newest_window(latest(value, alarms={"drift|size": ".x"}))
        return monitor_state(cycle_status(last_cycle=WHEN), newest, [], None)

    async def overview(self, request: PageRequest, name: str | None = None) -> Overview:
        self.asked.append((request, name))
        return Overview(total=9, alarms=1, matched=8, monitors=[])

    async def measurements(
        self,
        wanted: SeriesFilter,
        *,
        axis: Axis,
        since: datetime | None,
        until: datetime | None,
        limit: int,
    ) -> list[StoredMeasurement]:
        self.asked.append((wanted, axis, since, until, limit))
        return []

    async def unknown_name(self, wanted: SeriesFilter) -> str | None:
        declared = DeclaredNames(frozenset({"size"}), frozenset({"ks", "mae"}), frozenset({"own"}))
        return unknown_name(wanted, known_names([], [declared]))

    async def events(self, _: str, **asked: Any) -> list[Any]:
        self.asked.append(asked)
        return []

    async def distribution(
        self, _: str, column: str, window_end: datetime | None, against_end: datetime | None
    ) -> ColumnDistribution:
        self.asked.append((column, window_end, against_end))
        return ColumnDistribution(column_name=column, window=None, bins=[])


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest_asyncio.fixture
async def client(shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=build(callables(queries=shop)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as opened:
        yield opened


async def test_a_state_is_answered_field_by_field(client: httpx.AsyncClient) -> None:
    """Dataclasses come out as the documented JSON, instants with their zone, enums as their words."""
    answer = await client.get("/v1/monitors/shop/state")
    state = answer.json()
    assert (state["name"], state["verdict"], state["last_cycle"]) == (
        "shop",
        "breach",
        "2026-01-02T00:00:00Z",
    )
    (drift,) = (aspect for aspect in state["aspects"] if aspect["aspect"] == "drift")
    assert (drift["headline"]["column_name"], drift["headline"]["decides"]) == ("size", True)
    assert "series_id" not in drift["headline"]


@pytest.mark.parametrize(
    "query",
    [
        "metrics?metric=%00",
        "metrics?column=a%00b",
        "metrics?aspect=nosuch",
        "metrics?since=0001-01-01T00:00:00%2B14:00",
        "metrics?since=9999-12-31T23:59:59-14:00",
        "metrics?since=99999-01-01",
        "metrics?since=yesterday",
        "metrics?limit=0",
        "metrics?axis=time",
        "events?kind=%00",
        "events?since=0001-01-01T00:00:00%2B14:00",
        "columns/size/distribution?window_end=0001-01-01T00:00:00%2B14:00",
        "windows/0/report",
        "windows/report?window=0",
        "windows/report?window_end=yesterday",
        "windows/latest?limit=0",
        "windows/latest?limit=1001",
        "windows/latest?page=0",
        "windows/latest?search=%00",
        "windows/latest?beyond=perhaps",
        "windows/latest?second_opinions=none",
        "columns?limit=101",
        "columns?page=x",
        "columns?search=%00",
        "windows/99999999999999999999/report",
    ],
)
async def test_a_bad_argument_is_refused(client: httpx.AsyncClient, shop: Shop, query: str) -> None:
    """What the database could not take never reaches it, and the answer says which argument it was."""
    answer = await client.get(f"/v1/monitors/shop/{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] in {
        "metric", "column", "aspect", "since", "limit", "axis", "kind", "window_end", "window",
        "page", "search", "beyond", "second_opinions",
    }  # fmt: skip
    assert shop.asked == []


async def test_a_misspelt_parameter_filters_nothing_and_is_refused(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """Without its filter the answer would be everything; the nearest name is said."""
    answer = await client.get("/v1/monitors/shop/metrics?clumn=size")
    (detail,) = answer.json()["detail"]
    assert (answer.status_code, detail["loc"], shop.asked) == (422, ["query", "clumn"], [])
    assert detail["msg"].startswith(
        "no such parameter: 'clumn'; the nearest is 'column'; there are: aspect, "
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/v1/monitors/no%00such/state", "no monitor is named 'no\\x00such'"),
        ("/v1/monitors/shop/columns/sise/distribution", "shop has no column 'sise'; the nearest is 'size'"),
        ("/v1/monitors/shop/columns/%00/distribution", "shop has no column '\\x00'"),
        ("/v1/monitors/shop/columns/a%0Ab%2F../distribution", "shop has no column 'a\\nb/..'"),
    ],
)
async def test_what_does_not_exist_is_not_found(client: httpx.AsyncClient, path: str, message: str) -> None:
    """An unknown name is 404 with the nearest one, never a fault of the database."""
    answer = await client.get(path)
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(message)


async def test_a_watched_column_without_bins_is_an_empty_answer(client: httpx.AsyncClient) -> None:
    """Before the first window a column is known and has no bins yet."""
    answer = await client.get("/v1/monitors/shop/columns/size/distribution")
    nothing = {"window": None, "bins": [], "against": None, "against_reason": None}
    assert answer.json() == {"column_name": "size", **nothing}


async def test_a_range_and_a_window_to_compare_with_are_asked_for(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    """Both ends of a range, and both windows of a comparison, reach the database as instants."""
    await client.get("/v1/monitors/shop/metrics?since=2026-01-02&until=2026-01-03T00:00:00Z&axis=window_end")
    await client.get("/v1/monitors/shop/columns/size/distribution?window_end=2026-01-03&against=2026-01-02")
    first, second = datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC)
    assert shop.asked[0][1:4] == ("window_end", first, second)
    assert shop.asked[1] == ("size", second, first)


async def test_an_instant_without_a_zone_is_utc(client: httpx.AsyncClient, shop: Shop) -> None:
    """Whatever the machine's own zone, the same question has the same answer."""
    await client.get("/v1/monitors/shop/metrics?since=2026-01-02T03:04:05&metric=mae")
    wanted, axis, since, until, limit = shop.asked[0]
    assert wanted == SeriesFilter(monitor="shop", metric="mae")
    assert (axis, until, limit) == ("computed_at", None, 1_000)
    assert since == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "path", ["/healthz", "/v1/monitors", "/v1/monitors/shop/state", "/docs", "/", "/app.js"]
)
async def test_head_is_answered_wherever_get_is(client: httpx.AsyncClient, path: str) -> None:
    """HEAD has the status and the headers of GET, and no body."""
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers.get("content-length") == got.headers.get("content-length")


async def test_head_opens_no_stream(client: httpx.AsyncClient) -> None:
    """The stream's headers are answered without a subscriber, whom nobody would ever release."""
    head = await client.head("/v1/stream")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"].startswith("text/event-stream")


async def test_the_api_describes_itself_without_another_host(client: httpx.AsyncClient) -> None:
    """`/docs` and all that it loads come from this service, under the page's strict policy."""
    page = await client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for path in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        answer = await client.get(f"/{path.removeprefix('./')}")
        assert answer.status_code == 200, path
        assert "unsafe" not in answer.headers.get("content-security-policy", "")
    for file in DOCS_FOLDER.iterdir():
        assert not re.search(r"https?://", file.read_text()), file.name
    assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)", page.text)


async def test_every_path_is_described(client: httpx.AsyncClient) -> None:
    """The page draws what OpenAPI says, so every path of the API is in it; rows and labels are posted."""
    api = json.loads((await client.get("/openapi.json")).text)
    assert "/v1/monitors/{name}/columns/{column}/distribution" in api["paths"]
    assert {"/v1/overview", "/v1/events", "/v1/monitors/{name}/columns"} <= set(api["paths"])
    posted = {path for path, methods in api["paths"].items() if "post" in methods}
    rows_and_labels = {"/v1/monitors/{name}/rows", "/v1/monitors/{name}/labels"}
    pushed = {"/v1/kserve", "/v1/monitors/{name}/kserve", "/v1/logs", "/v1/monitors/{name}/logs"}
    assert posted == rows_and_labels | pushed
    assert {method for methods in api["paths"].values() for method in methods} == {"get", "post", "put"}


@pytest.mark.parametrize(
    "query",
    [
        "overview?limit=0", "overview?limit=101", "overview?page=0", "overview?page=1000001",
        "overview?name=%00", f"overview?search={'x' * 5_001}", "events?limit=501", "events?search=%00",
    ],
)  # fmt: skip
async def test_a_bad_argument_over_all_monitors_is_refused(client: httpx.AsyncClient, query: str) -> None:
    """As with those of one monitor, before anything is asked of the database."""
    answer = await client.get(f"/v1/{query}")
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][-1] in {"limit", "page", "name", "search"}


async def test_arguments_of_a_page_reach_the_query(client: httpx.AsyncClient, shop: Shop) -> None:
    """Each with its default, and the answer has the totals."""
    answer = await client.get("/v1/overview?search=sh&page=3&limit=7")
    assert shop.asked == [(PageRequest("sh", 3, 7), None)]
    assert answer.json() == {"total": 9, "alarms": 1, "matched": 8, "monitors": []}
    await client.get("/v1/overview?name=shop")
    assert shop.asked[1:] == [(PageRequest("", 1, 20), "shop")]


async def test_a_report_has_its_state_and_its_path() -> None:
    """The path is relative to the page, whatever the monitor's name; without a window there is none."""
    run = WindowRun(7, "a b", "l", 1, 2, 0, 1, 1, 9, 2)
    statuses = [
        ReportStatus(ReportState.FAILED, run, "why"),
        ReportStatus(ReportState.IMPOSSIBLE, None, "no"),
    ]

    async def status(name: str, window: int | None, end: datetime | None) -> ReportStatus:
        assert (name, window, end) in {("a b", 7, None), ("a b", None, None)}
        return statuses.pop(0)

    queries = Shop()
    queries.name = "a b"
    transport = httpx.ASGITransport(app=build(callables(queries=queries, report_status=status)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as client:
        failed = (await client.get("/v1/monitors/a%20b/windows/report?window=7")).json()
        none = (await client.get("/v1/monitors/a%20b/windows/report")).json()
    assert (failed["state"], failed["reason"], failed["window"]["id"]) == ("failed", "why", 7)
    assert failed["path"] == "v1/monitors/a%20b/windows/7/report"
    assert none == {"state": "impossible", "reason": "no", "window": None, "path": None}


async def test_files_that_are_not_used_are_listed() -> None:
    """Each by its monitor, else by itself, with the reason; none where all are used."""
    refused: dict[str, str] = {}
    transport = httpx.ASGITransport(app=build(callables(refused=lambda: refused)))
    async with httpx.AsyncClient(transport=transport, base_url="http://tidegauge") as asking:
        assert (await asking.get("/v1/files/refused")).json() == []
        refused |= {"shop": "shop.yaml:1: sauce: no such key", "new.yaml": "new.yaml:1: not valid YAML"}
        answer = (await asking.get("/v1/files/refused")).json()
    assert {each["name"]: each["reason"] for each in answer} == refused


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("metrics?column=sise", "shop has no column 'sise'; the nearest is 'size'; there are: size"),
        ("metrics?metric=mea", "shop has no metric 'mea'; the nearest is 'mae'; there are: "),
        ("metrics?definition=owm", "shop has no definition 'owm'; the nearest is 'own'; there are: own"),
        ("events?kind=breech", "no event is of the kind 'breech'; the nearest is 'breach'; there are: "),
        ("columns/sise/distribution", "shop has no column 'sise'; the nearest is 'size'; there are: size"),
    ],
)
async def test_a_name_that_does_not_exist_is_not_found(
    client: httpx.AsyncClient, asked: str, message: str
) -> None:
    """A misspelt name is no empty list: the answer says the nearest name and those that there are."""
    answer = await client.get(f"/v1/monitors/shop/{asked}")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith(message)


@pytest.mark.parametrize("asked", ["column=size", "metric=ks", "metric=cycle_ms", "segment=a%3D1", "column="])
async def test_a_name_without_a_measurement_yet_is_an_empty_list(
    client: httpx.AsyncClient, asked: str
) -> None:
    """What a monitor will measure, and has not yet, is found: there is only nothing of it so far."""
    answer = await client.get(f"/v1/monitors/shop/metrics?{asked}")
    assert (answer.status_code, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/v1/monitors/shopp", 404, "named 'shopp'; the nearest is 'shop'; there are: shop"),
        ("GET", "/v1/monitors/shopp/nothing", 404, "no monitor is named 'shopp'; the nearest is 'shop'"),
        ("GET", "/v1/monitors/shop/stat", 404, "/shop/stat; the nearest is /v1/monitors/shop/state"),
        ("POST", "/v1/monitors/shop/row", 404, "the nearest is /v1/monitors/shop/rows; /docs lists them"),
        ("GET", "/v1/overveiw", 404, "there is no path /v1/overveiw; the nearest is /v1/overview"),
        ("GET", "/nothing/at/all/of/this", 404, "there is no path /nothing/at/all/of/this; /docs lists them"),
        ("GET", "/v1/monitors/shop/rows", 405, "GET is not answered at /v1/monitors/shop/rows; expected"),
        ("DELETE", "/v1/monitors/shop", 405, "not answered at /v1/monitors/shop; expected GET or PUT"),
        ("POST", "/v1/monitors/shop/columns/a/b/distribution", 405, "expected GET"),
        ("POST", "/", 405, "POST is not answered at /; expected GET"),
        ("POST", "/healthz", 405, "expected GET"),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_answered_with_what_is(
    client: httpx.AsyncClient, method: str, path: str, status: int, said: str
) -> None:
    """A misspelt monitor, path or method gets the nearest, and where all are listed."""
    answer = await client.request(method, path)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    if status == 405:
        assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST", "PUT"}
        assert "/docs describes it" in answer.json()["detail"]
    elif "/shopp" in path:
        assert answer.json()["detail"].endswith("GET /v1/monitors lists them")


async def test_one_monitor_is_answered_as_in_the_list(client: httpx.AsyncClient) -> None:
    """The path to which monitors are sent can be read as well."""
    (listed,) = (await client.get("/v1/monitors")).json()
    assert (await client.get("/v1/monitors/shop")).json() == listed
