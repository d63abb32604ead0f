"""Events that are pushed to a replica whose file of their monitor is not the one that counts."""

from __future__ import annotations

import json
from pathlib import Path

import asyncpg

from service.wiring.inbox.refusable import RefusableReceivers
from tests.integration.inbox.live import Live, living
from tests.unit.sources.otlp.made import JSON, record, request

ROW = {"size": {"doubleValue": 1.5}}
WHY = "toy: its file here is not the one that host:2, which measures it, has"
OTLP = {"type": "otlp", "event_name": "prediction"}
KSERVE = {"type": "kserve", "inference_service": "toy", "outputs": ["guess"]}
EVENT = {
    "Ce-Specversion": "1.0",
    "Ce-Source": "me",
    "Ce-Id": "r1",
    "Ce-Type": "org.kubeflow.serving.inference.request",
}


def _refuse(live: Live, refused: dict[str, str]) -> None:
    """Let the intake know the monitors whose files here do not count, as the service does."""
    events = live.intake.events
    events._receivers = RefusableReceivers(events._receivers, refused)


async def test_log_records_are_sent_again_by_their_sender(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """They get 503 at both addresses, not 200 as records that no monitor wants; others are as before."""
    async with living(pool, tmp_path, source=OTLP) as live:
        refused = {"toy": WHY}
        _refuse(live, refused)
        content = json.dumps(request(record(ROW)))
        for path in ("/v1/logs", "/v1/monitors/toy/logs"):
            answer = await live.client.post(path, content=content, headers=JSON)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
            assert WHY in answer.text
        other = json.dumps(request(record(ROW, "another")))
        assert (await live.client.post("/v1/logs", content=other, headers=JSON)).status_code == 200
        assert await live.count("inbox_batch") == 0
        refused.clear()
        assert (await live.client.post("/v1/logs", content=content, headers=JSON)).status_code == 200
        assert await live.count("inbox_batch") == 1


async def test_an_event_of_kserve_says_why_it_is_refused(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Its logger does not try again; that it was refused is counted, and not put down to another source."""
    async with living(pool, tmp_path, source=KSERVE) as live:
        _refuse(live, {"toy": WHY})
        for path in ("/v1/kserve", "/v1/monitors/toy/kserve"):
            headers = EVENT | {"Ce-Inferenceservicename": "toy"}
            answer = await live.client.post(path, json={"instances": [{"size": 1}]}, headers=headers)
            assert answer.status_code == 503, answer.text
            assert WHY in answer.text
        assert (await live.client.get("/v1/kserve")).json() == {"unrouted": [], "refused": 2}
