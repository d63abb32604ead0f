"""OpenTelemetry's SDK logs predictions to the service, as docs/otlp.md has it."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
import yaml
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from service.commands.audit import sums_in
from service.config.settings import Settings
from service.store.tables.inbox import audit
from tests.integration.inbox.live import Live, living
from tests.unit.sources.otlp.made import JSON, PROTOBUF, protobuf, record, request

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg
    from starlette.types import Receive, Scope, Send

DOCS = Path("docs/otlp.md").read_text(encoding="utf-8")
SOURCE = {"type": "otlp", "event_name": "prediction", "service_name": "fraud-api"}
BYTES = "size is bytes; expected a number, a text or a truth value"
GOOD = {"size": {"doubleValue": 1.5}, "colour": {"stringValue": "red"}, "guess": {"intValue": "10"}}


@dataclass
class Front:
    """Passes requests on to the service; the answers to the first `lost` become 503."""

    live: Live
    lost: int = 0
    statuses: list[int] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        answer = await self.live.client.post(scope["path"], content=body, headers=headers)
        self.statuses.append(answer.status_code)
        status, given = answer.status_code, [(b"content-type", answer.headers["content-type"].encode())]
        if self.lost:
            self.lost -= 1
            status, given = 503, [(b"retry-after", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": given})
        await send({"type": "http.response.body", "body": answer.content})


@asynccontextmanager
async def served(front: Front) -> AsyncIterator[str]:
    """Serve on a port of its own while the context lasts; yield the address."""
    server = uvicorn.Server(uvicorn.Config(front, port=0, log_config=None, lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn says so by no event
        await asyncio.sleep(0)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await running


def example(url: str, *, more: str = "") -> str:
    """Return the Python of the page, for a toy's columns."""
    (code,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    row = '{"key": "r1", "size": 1.5, "colour": "red", "guess": 10}'
    code = code.replace("http://127.0.0.1:8000", url)
    code = re.sub(r"row = .*", f"row = {row}", code)
    return re.sub(r"(predictions\.emit.*)", rf"\1{more}", code)


async def test_what_the_sdk_sends_again_counts_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The first answer is lost; what no monitor takes and what cannot be used is no error of the sender."""
    more = (
        '\npredictions.emit(event_name="prediction", attributes=row | {"size": b"x"})'
        '\npredictions.emit(event_name="drift", attributes=row)'
        '\npredictions.emit(body={"size": 2, "guess": 3.5}, attributes={"event.name": "prediction"})'
    )
    async with living(pool, tmp_path, source=SOURCE) as live:
        live.clock.now = time.time_ns() // 1_000 + 1_000_000
        front = Front(live, lost=1)
        async with served(front) as url:
            await asyncio.to_thread(exec, example(url, more=more), {})
        assert front.statuses == [200, 200]
        assert (await live.run()).record.rows == 2
        assert (await live.send([{"key": "r1", "truth": 9.0}], "labels")).status_code == 202
        labels = (await live.run()).record.labels
        assert labels is not None
        assert labels.labels == 1
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.rejected.rows, account.total.rows) == (2, 1, 3)
        assert await pool.fetchval("SELECT reason FROM tidegauge.rejected_row") == BYTES
        unrouted = (await live.client.get("/v1/logs")).json()["unrouted"]
        assert [(each["subject"], each["events"]) for each in unrouted] == [("fraud-api/drift", 2)]


async def post(live: Live, content: bytes | str, headers: dict[str, str], path: str = "/v1/logs") -> Any:
    """Send a request of OTLP."""
    return await live.client.post(path, content=content, headers=headers)


async def test_answers_are_those_of_otlp_in_both_forms(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Taken, taken in part, for nobody, and not to be read."""
    at = {"timeUnixNano": str(1_767_225_600_000_000_000)}
    bad = record({"size": {"bytesValue": ""}}, **at)
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        made = request(record(GOOD, **at), bad, service="fraud-api")
        answer = await post(live, json.dumps(made), JSON)
        partial = {"rejectedLogRecords": "1", "errorMessage": BYTES}
        assert (answer.status_code, answer.json()) == (200, {"partialSuccess": partial})
        answer = await post(live, protobuf(made), PROTOBUF, "/v1/monitors/toy/logs")
        found = ExportLogsServiceResponse.FromString(answer.content)
        assert answer.headers["content-type"] == "application/x-protobuf"
        partial_success = found.partial_success
        assert (partial_success.rejected_log_records, partial_success.error_message) == (1, BYTES)
        answer = await post(live, protobuf(request(record(GOOD, **at), service="fraud-api")), PROTOBUF)
        assert (answer.status_code, answer.content) == (200, b"")
        answer = await post(live, json.dumps(request(record(GOOD), service="other")), JSON)
        assert answer.status_code == 200
        assert "prediction of fraud-api" in answer.json()["partialSuccess"]["errorMessage"]
        answer = await post(live, b"{}", JSON)
        assert (answer.status_code, answer.json()) == (200, {})
        answer = await post(live, b"{", JSON)
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        answer = await post(live, b"\xff", PROTOBUF)
        assert (answer.status_code, answer.content[:2]) == (400, b"\x08\x03")
        assert b"no protobuf" in answer.content
        answer = await post(live, b"x" * (17 << 20), PROTOBUF)
        assert (answer.status_code, answer.content[:2]) == (413, b"\x08\x08")
        answer = await live.send([], "rows")
        assert (answer.status_code, "/v1/monitors/toy/logs" in answer.text) == (409, True)


async def test_the_pages_request_by_hand_is_taken(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """As it is written, for a toy's columns; the page's source is one that a monitor file may have."""
    (file,) = re.findall(r"```yaml\n(# config.*?)```", DOCS, re.DOTALL)
    assert yaml.safe_load(file)["source"] == SOURCE
    (content,) = re.findall(r"curl -X POST http://127.0.0.1:8000/v1/logs .*? -d '(.*?)'\n", DOCS, re.DOTALL)
    content = content.replace("amount", "size").replace("score", "guess")
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        answer = await post(live, content, JSON)
        assert (answer.status_code, answer.json()) == (200, {})
        live.clock.now += 60_000_000
        assert (await live.run()).record.rows == 1


async def test_too_much_is_answered_so_that_it_is_sent_again(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """By 429 with Retry-After; nothing of the request is kept, and the sender knows when to try again."""
    settings = Settings(data_dir=tmp_path, backlog_rows=1)
    first = json.dumps(request(record(GOOD), service="fraud-api"))
    second = json.dumps(request(record(GOOD, observedTimeUnixNano="1"), service="fraud-api"))
    async with living(pool, tmp_path, source=SOURCE, labels=None, settings=settings) as live:
        assert (await post(live, first, JSON)).status_code == 200
        answer = await post(live, second, JSON)
        assert (answer.status_code, answer.json()["code"]) == (429, 8)
        assert int(answer.headers["retry-after"]) > 0
        assert await live.count("inbox_batch") == 1
