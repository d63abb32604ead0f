"""What KServe's agent wrote to an object store, from there to what the panes count."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pandas as pd
import pytest
import s3fs
import yaml

from service.commands.audit import lines_of, sums_in
from service.core.time_units import to_microseconds
from service.store import lifecycle
from service.store.tables.inbox import audit
from tests.integration.inbox.live import Live, living
from tests.unit.sources.files.captured import PAIRS, ROWS, captured

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

KEY, SECRET = "an access key", "a secret of the store"
PAGE = Path("docs/kserve.md").read_text(encoding="utf-8")


@pytest.fixture
def store(s3: str, monkeypatch: pytest.MonkeyPatch) -> s3fs.S3FileSystem:
    """Return what writes to the store, whose secret is in the environment."""
    monkeypatch.setenv("STORE_SECRET", SECRET)
    return s3fs.S3FileSystem(
        key=KEY, secret=SECRET, client_kwargs={"endpoint_url": s3},
        use_listings_cache=False, skip_instance_cache=True,
    )  # fmt: skip


def written_source(s3: str, bucket: str) -> dict[str, Any]:
    """Return the section of the page's monitor file, for the bucket and the toy that was captured."""
    (example,) = (each for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "type: files" in each)
    source: dict[str, Any] = yaml.safe_load(example)["source"]
    path = source["path"].replace("s3://scored/", f"s3://{bucket}/").replace("/fraud/", "/toy/")
    options = {"key": KEY, "secret": "${STORE_SECRET}", "client_kwargs": {"endpoint_url": s3}}
    return source | {"path": path, "inference_service": "toy", "options": options, "outputs": ["guess"]}


def put(store: s3fs.S3FileSystem, bucket: str, objects: list[dict[str, Any]]) -> None:
    """Write objects under the keys that the agent gave them."""
    for each in objects:
        store.pipe_file(f"{bucket}/{each['key']}", base64.b64decode(each["body"]))


async def until_now(live: Live) -> None:
    """Run a cycle at the time of the store."""
    live.clock.now = max(live.clock.now, to_microseconds(pd.Timestamp.now("UTC").to_pydatetime()))
    await live.run()


async def test_the_agents_objects_are_measured_once(
    s3: str, store: s3fs.S3FileSystem, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """By the page's monitor file: halves in different objects, over a restart; and again after a reset."""
    store.mkdir("logged")
    source = written_source(s3, "logged")
    objects = captured("0.17_parquet")
    settings = {"source": source, "columns": COLUMNS, "target": None, "labels": None}
    put(store, "logged", objects[::2])
    async with living(pool, tmp_path, **settings) as live:
        await until_now(live)
        assert 0 < await live.counted() < ROWS
        assert await live.count("inbox_half") > 1
    put(store, "logged", objects[1::2])
    async with living(pool, tmp_path, **settings) as live:
        await until_now(live)
        await until_now(live)
        assert await live.counted() == ROWS
        account = await audit.read(pool, "toy", sums_in)
        gets = account.rejected.rows
        assert gets > 0
        assert gets % 2 == 0
        assert (account.measured.rows, account.halves.rows) == (2 * PAIRS, 1)
        assert lines_of("toy", account, None)[0][1] == "  events"
        assert await lifecycle.reset(pool, "toy")
    async with living(pool, tmp_path, **settings) as live:
        await until_now(live)
        assert (await live.counted(), await live.count("inbox_half")) == (ROWS, 1)


COLUMNS = {"size": "numerical", "colour": "categorical", "guess": "numerical"}


async def test_sensitive_values_are_masked_before_they_wait(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A half that waits holds none."""
    random = np.random.default_rng(1)
    folder = tmp_path / "in"
    for each in captured("0.16"):
        path = folder / each["key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        if "order-4-response" not in each["key"]:
            path.write_bytes(base64.b64decode(each["body"]))
    sensitive = COLUMNS | {"colour": {"kind": "categorical", "sensitive": True}}
    pd.DataFrame(
        {"size": random.normal(size=50), "colour": ["red", "green"] * 25, "guess": random.normal(size=50)}
    ).to_csv(tmp_path / "plain.csv", index=False)
    source = {"type": "files", "path": str(folder / "**/*"), "format": "kserve", "inference_service": "toy"}
    reference = {"path": str(tmp_path / "plain.csv")}
    settings = {"columns": sensitive, "target": None, "labels": None, "reference": reference}
    async with living(pool, tmp_path, source=source | {"settle": "0s"}, **settings) as live:
        await until_now(live)
        assert await live.counted() == ROWS - 2
        kept = await pool.fetch("SELECT payload FROM tidegauge.inbox_half")
        assert kept
        assert not any(b"red" in each["payload"] for each in kept)
