"""Events of KServe's logger, from the HTTP API to what the panes count."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import asyncpg

from service.commands.audit import lines_of, sums_in
from service.store.pool import open_pool
from service.store.tables.inbox import audit
from tests.integration.inbox.live import MINUTE, START, Live, living
from tests.integration.inbox.proxy import proxied

SOURCE = {
    "type": "kserve",
    "inference_service": "toy",
    "namespace": "shop",
    "wait": "10m",
}
PATH = "/v1/kserve"


def request_of(rows: int = 1, **more: Any) -> dict[str, Any]:
    """Return a request of the Open Inference Protocol."""
    tensors = {"size": ("FP64", 1.5), "colour": ("BYTES", "red")} | more
    return {
        "inputs": [
            {"name": name, "shape": [rows], "datatype": kind, "data": [value] * rows}
            for name, (kind, value) in tensors.items()
        ]
    }


def response_of(rows: int = 1) -> dict[str, Any]:
    """Return the response to it."""
    data = [10.0] * rows
    return {"outputs": [{"name": "guess", "shape": [rows], "datatype": "FP64", "data": data}]}


async def log(
    live: Live, name: str, side: str, body: Any, *, path: str = PATH, minute: float = 0.0, **more: str
) -> int:
    """Send one event as the logger does; return the status of the answer."""
    seconds = START / 1e6 + minute * 60
    headers = {
        "Ce-Specversion": "1.0",
        "Ce-Id": name,
        "Ce-Type": f"org.kubeflow.serving.inference.{side}",
        "Ce-Source": "http://localhost:9081/",
        "Ce-Time": f"2026-01-01T00:{int(minute):02d}:{seconds % 60:09.6f}Z",
        "Ce-Inferenceservicename": "toy",
        "Ce-Namespace": "shop",
        "Ce-Component": "predictor",
        "Content-Type": "application/json",
    } | {key.replace("_", "-"): value for key, value in more.items()}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await live.client.post(path, content=content, headers=headers)
    return answer.status_code


async def rejects(pool: asyncpg.Pool) -> dict[str, str]:
    """Return why each rejected event was rejected, by its id and side."""
    rows = await pool.fetch('SELECT "row", reason FROM tidegauge.rejected_row')
    found = [(row["row"], row["reason"]) for row in rows]
    return {f"{cells['id']} {cells.get('event', '')}".strip(): reason for cells, reason in found}


async def test_halves_pair_in_any_order(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Request first, response first, in one cycle or in several: each pair is measured once."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        assert await log(live, "a", "request", request_of()) == 202
        assert await log(live, "b", "response", response_of(3), minute=1) == 202
        assert (await live.run()).record.rows == 0
        assert await live.count("inbox_half") == 2
        assert await log(live, "a", "response", response_of(), path="/v1/monitors/toy/kserve") == 202
        assert await log(live, "b", "request", request_of(3), minute=1) == 202
        assert await log(live, "c", "response", response_of(2), minute=1) == 202
        assert await log(live, "c", "request", request_of(2), minute=1) == 202
        assert (await live.run()).record.rows == 6
        assert await live.count("inbox_half") == 0
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.total.rows) == (6, 6)


async def test_an_audit_speaks_of_events(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Also before the first one was measured: an event may make several rows, and a row needs two events."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        await log(live, "a", "request", request_of(3))
        said, _ = lines_of("toy", await audit.read(pool, "toy", sums_in), None)
        assert said[1] == "  events"
        await live.run()
        await log(live, "a", "response", response_of(3))
        await live.run()
        said, _ = lines_of("toy", await audit.read(pool, "toy", sums_in), None)
        assert [" ".join(line.split()[:3]) for line in said] == [
            "toy", "events", "measured 2 events", "together 2 events",
        ]  # fmt: skip


async def test_what_is_sent_twice_counts_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The same event again is known; another one under its id is rejected by name."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        for _ in range(2):
            assert await log(live, "a", "request", request_of()) == 202
            assert await log(live, "a", "response", response_of()) == 202
        assert await log(live, "a", "request", request_of(size=("FP64", 2.5))) == 202
        assert (await live.run()).record.rows == 1
        assert await log(live, "a", "response", response_of()) == 202
        assert (await live.run()).record.rows == 0
        account = await audit.read(pool, "toy", sums_in)
        assert (account.measured.rows, account.rejected.rows, account.total.rows) == (2, 1, 3)
        assert "had the same id" in (await rejects(pool))["a"]


async def test_halves_that_never_pair_are_given_up(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """After the wait they are counted, and kept by name; a break of the service prolongs the wait."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        await log(live, "a", "request", request_of())
        await log(live, "b", "response", response_of())
        await live.run()
        live.clock.now += 60 * MINUTE
        await live.run()  # the service was away: what it missed may still come
        assert await live.count("inbox_half") == 2
        for _ in range(11):
            live.clock.now += MINUTE
            report = await live.run()
            if report.record.rejected:
                break
        assert await rejects(pool) == {
            "a request": "request without response",
            "b response": "response without request",
        }
        found = await pool.fetch(
            "SELECT metric, value FROM tidegauge.cycle_metrics WHERE metric LIKE '%\\_events' "
            "ORDER BY computed_at DESC, metric LIMIT 2"
        )
        assert {row["metric"]: row["value"] for row in found} == {"unpaired_events": 2, "waiting_events": 0}
        account = await audit.read(pool, "toy", sums_in)
        assert (account.rejected.rows, account.total.rows) == (2, 2)


def structured(name: str, side: str, body: Any) -> dict[str, Any]:
    """Return an event of the structured mode."""
    return {
        "specversion": "1.0",
        "id": name,
        "type": f"org.kubeflow.serving.inference.{side}",
        "source": "somewhere",
        "inferenceservicename": "toy",
        "namespace": "shop",
        "data": body,
    }


async def test_structured_events_and_batches_pair_too(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Without a time of its own an event has that of its arrival."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        sent = structured("a", "request", request_of())
        answer = await live.send(sent, "kserve", content_type="application/cloudevents+json")
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        batch = [
            structured("a", "response", response_of()),
            structured("b", "request", request_of(2)),
            structured("b", "response", response_of(2)),
            structured("c", "request", {"inputs": []}),
        ]
        answer = await live.send(batch, "kserve", content_type="application/cloudevents-batch+json")
        assert (answer.status_code, answer.json()["accepted"], answer.json()["rejected"]) == (202, 3, 1)
        assert (await live.run()).record.rows == 3


FAULTS: dict[str, tuple[Any, Any, dict[str, str]]] = {
    "the request's body is empty": (b"", response_of(), {}),
    "the request is no JSON": (b"size=1", response_of(), {}),
    "the response has neither outputs": (request_of(), {"error": "out of memory"}, {}),
    "inputs are of unequal lengths": (
        {"inputs": [*request_of(1)["inputs"], *request_of(2, other=("FP64", 1.0))["inputs"][2:]]},
        response_of(),
        {},
    ),
    "the request has 2 rows, and its response 1": (request_of(2), response_of(), {}),
    "none of its columns is watched": (
        {"instances": [{"weight": 1}]},
        {"predictions": [{"risk": 1}]},
        {},
    ),
    "'colour' has a text of 600 characters": (request_of(colour=("BYTES", "x" * 600)), response_of(), {}),
    "'size' is a list or an object": ({"instances": [{"size": [1]}]}, response_of(), {}),
    "Ce-Time is no time with a zone": (request_of(), response_of(), {"Ce_Time": "2026-01-01 00:00"}),
    "(max_ahead) ahead of the arrival": (request_of(), response_of(), {"Ce_Time": "2027-01-01T00:00:00Z"}),
    "came more than 10m (allowed_lateness)": (
        request_of(),
        response_of(),
        {"Ce_Time": "2025-12-31T23:00:00Z"},
    ),
    "the event is of another type": (request_of(), response_of(), {"Ce_Type": "com.example.feedback"}),
}


async def test_what_cannot_be_used_is_kept_by_name(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Each fault is acknowledged, and found in rejected_row; every event is accounted for."""
    source = SOURCE | {"allowed_lateness": "10m", "wait": "1m"}
    async with living(pool, tmp_path, source=source, labels=None) as live:
        assert await log(live, "good", "request", request_of()) == 202
        assert await log(live, "good", "response", response_of()) == 202
        assert (await live.run()).record.rows == 1
        for place, (request, response, headers) in enumerate(FAULTS.values()):
            assert await log(live, str(place), "request", request, **headers) == 202
            if "Ce_Type" not in headers:
                assert await log(live, str(place), "response", response) == 202
        assert (await live.run()).record.rows == 0
        reasons = await rejects(pool)
        for place, reason in enumerate(FAULTS):
            found = [said for name, said in reasons.items() if name.split()[0] == str(place)]
            assert any(reason in said for said in found), (reason, found)
        account = await audit.read(pool, "toy", sums_in)
        assert account.total.rows == 2 + 2 * len(FAULTS) - 1
        assert (account.measured.rows, account.halves.rows) == (2, 0)


async def test_events_that_no_monitor_takes_are_seen(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The logger tries once and heeds no answer: they are answered with 404, counted and listed."""
    async with living(pool, tmp_path, source=SOURCE, labels=None) as live:
        assert await log(live, "a", "request", request_of(), Ce_Namespace="other") == 404
        assert await log(live, "b", "request", request_of(), Ce_Namespace="other") == 404
        assert await log(live, "c", "request", request_of(), Ce_Component="transformer") == 404
        mine = "/v1/monitors/toy/kserve"
        assert await log(live, "d", "request", request_of(), path=mine, Ce_Inferenceservicename="b") == 404
        assert await log(live, "e", "request", request_of(), Ce_Id="") == 422
        assert await log(live, "f", "request", request_of(), path="/v1/monitors/replayed/kserve") == 409
        assert await log(live, "f", "request", request_of(), path="/v1/monitors/tov/kserve") == 404
        found = (await live.client.get("/v1/kserve")).json()
        assert {each["subject"]: each["events"] for each in found["unrouted"]} == {
            "other/toy": 2, "shop/toy": 1, "shop/b": 1,
        }  # fmt: skip
        assert "the predictor of toy in shop" in found["unrouted"][0]["reason"]
        assert found["refused"] == 2
        assert await live.count("inbox_batch") == 0
        assert (await live.send([{"size": 1}])).status_code == 409


async def test_a_database_that_hangs_holds_no_logger_up(
    database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Events go to the disk within half a second, then at once, and each counts once."""
    async with proxied(database_url) as (proxy, through):
        other = await open_pool(through)
        try:
            async with living(other, tmp_path, source=SOURCE, labels=None) as live:
                assert await log(live, "a", "request", request_of()) == 202
                proxy.hang()
                clock = asyncio.get_running_loop().time
                began = clock()
                assert await log(live, "a", "response", response_of()) == 202
                first = clock() - began
                for name in "bcdefghijk":
                    assert await log(live, name, "request", request_of()) == 202
                assert first < 3.0
                assert clock() - began - first < 2.0
                proxy.cut()
                proxy.is_hung = False
                proxy.open()
                async with asyncio.timeout(30):
                    while list((tmp_path / "inbox").rglob("*.rows")):  # noqa: ASYNC110
                        await asyncio.sleep(0.05)
                assert (await live.run()).record.rows == 1
                account = await audit.read(pool, "toy", sums_in)
                assert (account.measured.rows, account.halves.rows) == (2, 10)
                proxy.open()
        finally:
            other.terminate()


async def test_sensitive_values_are_masked_before_they_are_kept(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Neither what waits nor what was rejected holds one."""
    columns = {
        "size": "numerical",
        "colour": {"kind": "categorical", "sensitive": True},
        "guess": "numerical",
        "truth": "numerical",
    }
    async with living(pool, tmp_path, source=SOURCE, columns=columns, labels=None) as live:
        secret = ("BYTES", "crimson")
        assert await log(live, "a", "request", request_of(colour=secret)) == 202
        assert await log(live, "b", "request", request_of(colour=secret, size=("FP64", "crimson"))) == 202
        kept = await pool.fetch("SELECT payload, rejects::text AS rejects FROM tidegauge.inbox_batch")
        await live.run()
        kept += await pool.fetch("SELECT payload, '' AS rejects FROM tidegauge.inbox_half")
        assert len(kept) >= 3
        assert not any(b"crimson" in row["payload"] or "crimson" in row["rejects"] for row in kept)
        assert not any("crimson" in reason for reason in (await rejects(pool)).values())


async def test_labels_find_the_rows_of_their_events(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """By the event's id, with the row's place where it had several."""
    async with living(pool, tmp_path, source=SOURCE) as live:
        for side, body in (("request", request_of(2)), ("response", response_of(2))):
            assert await log(live, "a", side, body) == 202
        await live.run()
        labels = [{"key": "a-0", "truth": 9.0}, {"key": "a-1", "truth": 8.0}]
        assert (await live.send(labels, "labels")).status_code == 202
        report = await live.run()
        assert report.record.labels is not None
        assert report.record.labels.labels == 2
