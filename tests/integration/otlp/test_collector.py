"""What a collector sends again is counted as docs/otlp.md has it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.integration.inbox.live import START, living
from tests.unit.sources.otlp.made import JSON, record, request

if TYPE_CHECKING:
    import asyncpg

SOURCE = {"type": "otlp", "event_name": "prediction", "service_name": "shop", "allowed_lateness": "10m"}


def sent(*keys: str) -> dict[str, Any]:
    """Return a request with a record of each id; a record is the same each time."""
    cells = {"size": {"doubleValue": 1.5}, "colour": {"stringValue": "red"}, "guess": {"doubleValue": 10.0}}
    return request(
        *(
            record(
                cells | {"key": {"stringValue": key}},
                timeUnixNano=str((START + 60_000_000 * place) * 1_000),
            )
            for place, key in enumerate("abcde")
            if key in keys
        ),
        service="shop",
    )


@pytest.mark.parametrize(("deduplicate", "counted"), [(None, (6, 0)), ("id", (5, 1))])
async def test_records_that_come_again_in_another_batch(
    pool: asyncpg.Pool, tmp_path: Path, deduplicate: str | None, counted: tuple[int, int]
) -> None:
    """The same request counts once; a record that is in two of them twice, unless it is known by its id."""
    changed: dict[str, Any] = {} if deduplicate is None else {"deduplicate": deduplicate}
    async with living(pool, tmp_path, source=SOURCE, labels=None, **changed) as live:
        for keys in ("abc", "abc", "cd", "e"):
            answer = await live.client.post("/v1/logs", content=json.dumps(sent(*keys)), headers=JSON)
            assert (answer.status_code, answer.json()) == (200, {})
        found = (await live.run()).record
        assert (found.rows, found.duplicates or 0) == counted


def test_the_pages_file_for_a_collector_is_whole() -> None:
    """Each part that its pipeline names is there, and sends to the address of all monitors for ever."""
    page = Path("docs/otlp.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"```yaml\n(# otelcol.*?)```", page, re.DOTALL)
    file = yaml.safe_load(text)
    for pipeline in file["service"]["pipelines"].values():
        for part, names in pipeline.items():
            assert names
            assert {*names} <= {*file[part]}
    (exporter,) = file["exporters"].values()
    assert exporter["logs_endpoint"].endswith(":8000/v1/logs")
    assert exporter["retry_on_failure"] == {"max_elapsed_time": 0}
    assert {exporter["sending_queue"]["storage"]} == {*file["service"]["extensions"]} == {*file["extensions"]}
