"""A route's requests and responses become rows; the responses stay what they were."""

from __future__ import annotations

import asyncio
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn
from fastapi import BackgroundTasks, FastAPI, Response
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from tidegauge_client import Client
from tidegauge_client.middleware import LoggingMiddleware

from tests.unit.client.scripted_server import ScriptedServer, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


class Customer(BaseModel):
    request_id: str
    tenure: float


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/predict")
    def predict(customer: Customer) -> dict[str, float]:
        if customer.tenure < 0:
            raise ZeroDivisionError
        return {"score": customer.tenure * 2}

    @app.post("/many")
    def many(customers: list[Customer]) -> list[dict[str, float]]:
        return [{"score": each.tenure * 2} for each in customers]

    @app.post("/text")
    def text() -> Response:
        return Response("no JSON", media_type="text/plain")

    @app.post("/stream")
    def stream() -> StreamingResponse:
        return StreamingResponse(iter([b'{"score"', b": 1", b"}"]), media_type="application/json")

    return app


class Logged:
    """An application with the middleware, and what it has logged."""

    def __init__(self, app: FastAPI, client: Client, sent: ScriptedServer) -> None:
        self.app, self.client, self._sent = app, client, sent

    async def post(self, path: str, content: Any, **headers: str) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.app, raise_app_exceptions=False)
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            headers = {"content-type": "application/json", **headers}
            return await http.post(path, content=body, headers=headers)

    def rows(self) -> list[dict[str, Any]]:
        assert self.client.flush(30)
        return self._sent.counted()


@contextmanager
def logging(tmp_path: Path, **options: Any) -> Iterator[Logged]:
    """Give an application whose route is logged to a server."""
    with serving() as server, Client(server.url, spool=tmp_path) as client:
        app = application()
        app.add_middleware(LoggingMiddleware, monitor=client.monitor("toy"), **options)
        yield Logged(app, client, server)


ROW = {"request_id": "r1", "tenure": 12.0}


async def test_request_and_response_are_one_row(tmp_path: Path) -> None:
    """The keys of both; other routes, methods and failed answers are not logged."""
    with logging(tmp_path, path="/predict") as logged:
        answer = await logged.post("/predict", ROW)
        assert answer.json() == {"score": 24.0}
        assert (await logged.post("/predict", {"tenure": "x"})).status_code == 422
        assert (await logged.post("/predict", {**ROW, "tenure": -1})).status_code == 500
        assert (await logged.post("/many", [ROW])).status_code == 200
        assert logged.rows() == [{**ROW, "score": 24.0}]
        assert logged.client.stats().invalid == 0


async def test_lists_are_rows_pair_by_pair(tmp_path: Path) -> None:
    """A request for many predictions is as many rows."""
    with logging(tmp_path, path="/many") as logged:
        await logged.post("/many", [ROW, {"request_id": "r2", "tenure": 1}])
        assert [row["score"] for row in logged.rows()] == [24.0, 2.0]


async def test_a_function_makes_the_rows(tmp_path: Path) -> None:
    """`to_rows` decides what is logged; None logs nothing."""

    def to_rows(request: Any, response: Any) -> dict[str, Any] | None:
        return None if request["tenure"] < 1 else {"id": request["request_id"], "guess": response["score"]}

    with logging(tmp_path, path="/predict", to_rows=to_rows) as logged:
        await logged.post("/predict", ROW)
        await logged.post("/predict", {**ROW, "tenure": 0})
        assert logged.rows() == [{"id": "r1", "guess": 24.0}]


def failing(_: Any, __: Any) -> None:
    raise KeyError("of the mapping")


@pytest.mark.parametrize(
    ("path", "options", "reason"),
    [
        ("/predict", {"to_rows": failing}, "KeyError"),
        ("/predict", {"max_body_bytes": 20}, "the request is longer than 20 bytes"),
        ("/predict", {"to_rows": lambda _, __: 1}, "expected a row"),
        ("/text", {}, "is no JSON"),
        ("/many", {"to_rows": lambda request, response: [request, response]}, "expected a row"),
    ],
)
async def test_what_cannot_be_logged_is_counted_and_changes_no_response(
    tmp_path: Path, path: str, options: dict[str, Any], reason: str
) -> None:
    """The response is the application's own, whatever happens to the row."""
    content = [ROW] if path == "/many" else ROW
    with logging(tmp_path, path=path, **options) as logged:
        answer = await logged.post(path, content)
        assert answer.status_code == 200
        transport = httpx.ASGITransport(app=application())
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            plain = await http.post(path, json=content)
        assert (answer.content, answer.headers) == (plain.content, plain.headers)
        assert logged.rows() == []
        assert any(reason in each for each in logged.client.stats().reasons)


async def test_a_streamed_response_is_logged_whole(tmp_path: Path) -> None:
    """The parts of a response are put together."""
    with logging(tmp_path, path="/stream") as logged:
        assert (await logged.post("/stream", ROW)).json() == {"score": 1}
        assert logged.rows() == [{**ROW, "score": 1}]


async def test_an_answer_is_logged_before_it_is_sent_and_its_background_task_changes_nothing(
    tmp_path: Path,
) -> None:
    """Who has the answer may rely on its row, though the task behind it fails."""
    with logging(tmp_path, path="/behind") as logged:
        states: list[int] = []

        @logged.app.post("/behind")
        def behind(customer: Customer, tasks: BackgroundTasks) -> dict[str, float]:
            def fail() -> None:
                states.append(logged.client.stats().logged)
                raise KeyError("of the task")

            tasks.add_task(fail)
            return {"score": customer.tenure}

        assert (await logged.post("/behind", ROW)).json() == {"score": 12.0}
        assert states == [1]
        assert logged.rows() == [{**ROW, "score": 12.0}]


async def test_a_response_that_breaks_off_is_not_logged(tmp_path: Path) -> None:
    """An exception in the middle of a streamed response goes on to the server, and there is no row."""

    def breaking() -> Iterator[bytes]:
        yield b'{"score": 1'
        raise KeyError("of the route")

    with logging(tmp_path, path="/breaks") as logged:
        logged.app.post("/breaks")(lambda: StreamingResponse(breaking(), media_type="application/json"))
        await logged.post("/breaks", ROW)
        assert logged.rows() == []
        assert logged.client.stats().logged == 0


async def test_a_route_that_is_asked_without_a_body_is_logged(tmp_path: Path) -> None:
    """With `method="GET"` a row has the response's keys; HEAD and POST of the path are not logged."""
    with logging(tmp_path, path="/next", method="GET") as logged:
        logged.app.get("/next")(lambda: {"score": 3})
        logged.app.head("/next")(lambda: None)
        transport = httpx.ASGITransport(app=logged.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            assert (await http.get("/next")).json() == {"score": 3}
            assert (await http.head("/next")).status_code == 200
            assert (await http.post("/next")).status_code == 405
        assert logged.rows() == [{"score": 3}]


async def test_a_request_that_comes_in_parts_is_put_together(tmp_path: Path) -> None:
    """A streamed upload is read as one document."""

    async def parts() -> AsyncIterator[bytes]:
        for part in (b'{"request_id": "r1",', b' "tenure": ', b"12.0}"):
            yield part

    with logging(tmp_path, path="/predict") as logged:
        transport = httpx.ASGITransport(app=logged.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            headers = {"content-type": "application/json"}
            assert (await http.post("/predict", content=parts(), headers=headers)).status_code == 200
        assert logged.rows() == [{**ROW, "score": 24.0}]


async def test_a_compressed_response_is_counted_with_what_to_do(tmp_path: Path) -> None:
    """Outside of a middleware that compresses, the response cannot be read: the reason says so."""
    with serving() as server, Client(server.url, spool=tmp_path) as client:
        app = application()
        app.add_middleware(GZipMiddleware, minimum_size=0)
        app.add_middleware(LoggingMiddleware, monitor=client.monitor("toy"), path="/predict")
        logged = Logged(app, client, server)
        assert (await logged.post("/predict", ROW, **{"accept-encoding": "gzip"})).json() == {"score": 24.0}
        assert logged.rows() == []
        assert "is compressed" in next(iter(client.stats().reasons))


async def _run_once(app: FastAPI) -> None:
    model = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None))
    running = asyncio.create_task(model.serve())
    while not model.started:  # noqa: ASYNC110  # uvicorn says so by no event
        await asyncio.sleep(0)
    host, port = model.servers[0].sockets[0].getsockname()
    async with httpx.AsyncClient(base_url=f"http://{host}:{port}", trust_env=False) as http:
        assert (await http.post("/predict", json=ROW)).json() == {"score": 24.0}
    model.should_exit = True
    await running


async def test_the_end_of_an_application_sends_what_is_left(tmp_path: Path) -> None:
    """When the server stops the application, the last rows are sent, each time that it is run."""
    with serving() as server:
        client = Client(server.url, spool=tmp_path, interval=3_600)
        app = application()
        app.add_middleware(LoggingMiddleware, monitor=client.monitor("toy"), path="/predict")
        for runs in (1, 2):
            await _run_once(app)
            assert len(server.posted) == runs


@pytest.mark.parametrize(
    ("root", "path", "given"),
    [
        ("/api", "/api/predict", "/predict"),
        ("/api", "/api/predict", "/api/predict"),
        ("", "/predict", "/predict"),
    ],
)
async def test_a_route_below_a_proxys_path_is_logged(
    tmp_path: Path, root: str, path: str, given: str
) -> None:
    """`uvicorn --root-path /api` puts that in front of every path: nothing was logged."""
    app = application()
    with serving() as sent, Client(sent.url, spool=tmp_path) as client:
        app.add_middleware(LoggingMiddleware, monitor=client.monitor("toy"), path=given)
        transport = httpx.ASGITransport(app=app, root_path=root)
        async with httpx.AsyncClient(transport=transport, base_url="http://model") as http:
            answer = await http.post(path, json={"request_id": "a", "tenure": 2})
        assert answer.status_code == 200
        assert Logged(app, client, sent).rows() == [{"request_id": "a", "tenure": 2, "score": 4.0}]


async def test_an_encoding_that_is_none_is_none(tmp_path: Path) -> None:
    """Some proxies and frameworks write `Content-Encoding: identity`."""
    app = application()

    @app.post("/plain")
    def plain() -> Response:
        headers = {"content-encoding": "identity"}
        return Response(b'{"score": 1}', media_type="application/json", headers=headers)

    with serving() as sent, Client(sent.url, spool=tmp_path) as client:
        app.add_middleware(LoggingMiddleware, monitor=client.monitor("toy"), path="/plain")
        logged = Logged(app, client, sent)
        await logged.post("/plain", b"")
        assert logged.rows() == [{"score": 1}]
