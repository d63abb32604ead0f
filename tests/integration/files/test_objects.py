"""Files in an object store: each object once, by name and etag."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
import s3fs

from service.errors import SourceError
from service.sources.files.config import FilesConfig
from tests.unit.sources.files.folders import Watched, sizes

pytestmark = [pytest.mark.slow]

KEY, SECRET = "an access key", "a secret of the store"


@pytest.fixture
def options(s3: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the section's options, with the secret in the environment."""
    monkeypatch.setenv("STORE_SECRET", SECRET)
    return {
        "key": KEY,
        "secret": "${STORE_SECRET}",
        "client_kwargs": {"endpoint_url": s3},
    }


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest) -> Any:
    """Return what a sender writes with, and an empty bucket's name."""
    system = s3fs.S3FileSystem(
        key=KEY, secret=SECRET, client_kwargs={"endpoint_url": s3},
        use_listings_cache=False, skip_instance_cache=True,
    )  # fmt: skip
    name = request.node.name.replace("_", "-").replace("[", "-").replace("]", "")[:60].strip("-")
    system.mkdir(name)
    return system, name


async def test_objects_are_taken_once(bucket: Any, options: dict[str, Any], tmp_path: Any) -> None:
    """Of every format, with partitions, behind a process that ended; others are not matched."""
    system, name = bucket
    system.pipe_file(f"{name}/in/day=1/a.jsonl", b'{"size": 1}\n')
    pd.DataFrame({"size": [2.0, 3.0]}).to_parquet(tmp_path / "b.parquet")
    system.put_file(str(tmp_path / "b.parquet"), f"{name}/in/colour=red/b.parquet")
    system.pipe_file(f"{name}/in/_temporary/c.jsonl", b'{"size": 9}\n')
    system.pipe_file(f"{name}/other/d.jsonl", b'{"size": 9}\n')
    watched = Watched(f"s3://{name}/in/**/*", {"options": options, "settle": "5s"})  # type: ignore[arg-type]
    source = watched.make()
    take = await watched.take(source)
    assert sorted(sizes(take)) == [1, 2, 3]
    system.pipe_file(f"{name}/in/day=2/a.jsonl", b'{"size": 4}\n')
    system.pipe_file(f"{name}/in/day=1/a.jsonl", b'{"size": 1}\n')  # the same again
    assert sizes(await watched.take(watched.make())) == [4]
    assert sizes(await watched.take(source)) == []
    system.pipe_file(f"{name}/in/day=1/a.jsonl", b'{"size": 7}\n')
    take = await watched.take(source)
    assert (sizes(take), [each.kind for each in take.events]) == ([], ["file_replaced"])
    system.pipe_file(f"{name}/in/day=2/a.jsonl", b'{"size": 4}\n{"size": 5}\n')
    assert sizes(await watched.take(source)) == [5]
    await source.close()


async def test_small_objects_are_fetched_together(
    bucket: Any, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Each takes one request; those that are large, and one that has changed, are read by themselves."""
    system, name = bucket
    system.pipe({f"{name}/{number}.jsonl": b'{"size": %d}\n' % number for number in range(30)})
    system.pipe_file(f"{name}/large.jsonl", b'{"size": 99}\n' + b" " * (2 << 20))
    watched = Watched(f"s3://{name}/*.jsonl", {"options": options})  # type: ignore[arg-type]
    source = watched.make()
    with caplog.at_level("INFO", logger="werkzeug"):
        caplog.clear()
        take = await watched.take(source)
    assert sorted(sizes(take)) == [*range(30), 99]
    assert len(caplog.records) < 1 + 30 + 10
    system.pipe_file(f"{name}/7.jsonl", b'{"size": 8}\n')
    system.pipe_file(f"{name}/8.jsonl", b'{"size": 8}\n{"size": 40}\n')
    take = await watched.take(source)
    assert (sizes(take), [each.kind for each in take.events]) == ([40], ["file_replaced"])
    await source.close()


async def test_a_capture_of_sagemaker(bucket: Any, options: dict[str, Any]) -> None:
    """As it writes them: below the endpoint, the variant and the hour."""
    system, name = bucket
    sides = {
        side: {"observedContentType": "text/csv", "mode": mode, "data": data, "encoding": "CSV"}
        for side, mode, data in (
            ("endpointInput", "INPUT", "1,red\n2,blue"),
            ("endpointOutput", "OUTPUT", "5\n6"),
        )
    }
    line = {
        "captureData": sides,
        "eventMetadata": {"eventId": "e", "inferenceTime": "2026-07-01T10:00:00Z"},
        "eventVersion": "0",
    }
    system.pipe_file(f"{name}/shop/AllTraffic/2026/07/01/10/x.jsonl", json.dumps(line).encode() + b"\n{}\n")
    more = {"options": options, "format": "sagemaker", "inputs": ["size", "colour"], "outputs": ["guess"]}
    watched = Watched(f"s3://{name}/shop/**/*.jsonl", more)  # type: ignore[arg-type]
    take = await watched.take(watched.make())
    assert (sizes(take), take.rejected) == ([1, 2], 1)
    assert set(take.batch.event_time.tolist()) == {1_782_900_000_000_000}


async def test_a_store_that_is_away_is_no_fault_of_an_object(bucket: Any, options: dict[str, Any]) -> None:
    """The take fails with the store's address, nothing is refused, and no secret is said."""
    system, name = bucket
    system.pipe_file(f"{name}/a.jsonl", b'{"size": 1}\n')
    away = options | {"client_kwargs": {"endpoint_url": "http://127.0.0.1:9"}}
    watched = Watched(f"s3://{name}/*.jsonl", {"options": away})  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="list its objects") as caught:
        await watched.make().take(None)
    assert SECRET not in str(caught.value)
    none = Watched("s3://no-such-bucket-here/*.jsonl", {"options": options})  # type: ignore[arg-type]
    with pytest.raises(SourceError, match="no-such-bucket-here"):
        await none.make().take(None)


def test_a_secret_is_not_written_out(options: dict[str, Any]) -> None:
    """A monitor file that holds one is refused, without saying it."""
    with pytest.raises(ValueError, match="secret: a secret is not written into a monitor file") as caught:
        FilesConfig(type="files", path="s3://a/b", options=options | {"secret": "plain secret"})
    assert "plain secret" not in str(caught.value).split("input_value")[0]
