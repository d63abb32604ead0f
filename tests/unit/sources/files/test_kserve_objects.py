"""Objects of KServe's logger: read in all their forms, paired by id across files, and rejected by name."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from service.core.rows.schema import Column, Kind, Schema
from service.errors import SourceError
from service.sources.files.config import FilesConfig
from service.sources.files.formats import kserve
from tests.unit.sources.files.captured import PAIRS, ROWS, SOURCE, captured, lay_out
from tests.unit.sources.files.folders import SECOND, Watched, sizes, values

COLUMNS = (
    Column("size", Kind.NUMERICAL),
    Column("colour", Kind.CATEGORICAL),
    Column("guess", Kind.NUMERICAL),
)
SCHEMA = Schema(COLUMNS, identity="key")
TYPE = "org.kubeflow.serving.inference."


def watched(folder: Path, **more: Any) -> Watched:
    """Return a source over the objects of a folder, which name their predictions."""
    return Watched(folder / "**/*", {**SOURCE, "outputs": ["guess"], "wait": "1m"} | more, SCHEMA)


def record(name: str, side: str, size: float = 1.0, **more: Any) -> dict[str, Any]:
    """Return what the agent writes of an event, as JSON."""
    body = {"instances": [{"size": size, "colour": "red"}]} if side == "request" else {"predictions": [size]}
    return {
        "Bytes": base64.b64encode(json.dumps(body).encode()).decode(),
        "ContentType": "application/json",
        "ReqType": f"{TYPE}{side}",
        "Id": name,
        "InferenceService": "toy",
        "Namespace": "shop",
        "Component": "predictor",
    } | more


def put(folder: Path, name: str, content: Any) -> None:
    """Write an object."""
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def at(path: Path, instant: int) -> None:
    """Set the time at which an object was written (UTC microseconds)."""
    os.utime(path, (instant / SECOND, instant / SECOND))


@pytest.mark.parametrize("name", ["0.16", "0.17_json", "0.17_csv", "0.17_parquet"])
async def test_what_the_agent_wrote_is_measured_once(name: str, tmp_path: Path) -> None:
    """Every pair once, with its ids; what makes no row is rejected, and the rest waits."""
    lay_out(captured(name), tmp_path)
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert take.batch.rows == ROWS
    assert values(take, "guess") == [2 * size for size in sizes(take)]
    assert take.batch.arrival.identity is not None
    assert len(set(take.batch.arrival.identity.tolist())) == ROWS
    assert take.inbox is not None
    assert take.inbox.measured.rows == 2 * PAIRS
    (failed,) = (half for half in take.inbox.halves if half.pair.startswith("order"))
    assert failed.pair == "order-20"
    assert take.rejected == 2 * sum("body is empty" in each.reason for each in take.rejects) > 0
    assert (await source.take(source.make())).batch.rows == 0


async def test_halves_pair_across_files_in_any_order(tmp_path: Path) -> None:
    """Also behind a restart; one that never pairs is given up after the wait, and counted."""
    source = watched(tmp_path)
    put(tmp_path, "a-response.json", record("a", "response", 3))
    put(tmp_path, "b-request.json", record("b", "request", 4))
    put(tmp_path, "c-request.json", record("c", "request", 5))
    take = await source.take(source.make())
    assert (take.batch.rows, take.inbox and take.inbox.waiting_events) == (0, 3)
    put(tmp_path, "batch.json", [record("a", "request", 3), record("b", "response", 4)])
    running = source.make()
    assert sorted(sizes(await source.take(running))) == [3, 4]
    given_up = 0
    for _ in range(4):
        source.now += 30 * SECOND
        take = await source.take(running)
        given_up += take.rejected
    assert (given_up, len(source.table.halves)) == (1, 0)


async def test_files_that_wait_prolong_the_wait(tmp_path: Path) -> None:
    """Nothing is given up while its other half may lie in an object that was not read yet."""
    source = watched(tmp_path, settle="10m")
    running, began = source.make(), source.now
    put(tmp_path, "a-request.json", record("a", "request"))
    at(tmp_path / "a-request.json", began - 900 * SECOND)
    await source.take(running)
    assert len(source.table.halves) == 1
    put(tmp_path, "a-response.json", record("a", "response"))
    at(tmp_path / "a-response.json", began + 5 * SECOND)
    for second in range(0, 300, 15):
        source.now = began + second * SECOND
        assert (await source.take(running)).rejected == 0
    source.now += 600 * SECOND
    assert sizes(await source.take(running)) == [1]


MALFORMED: list[tuple[Any, str]] = [
    ("no json", "the line is no JSON"),
    ('{"Id": "a", ', "the line is no JSON"),
    ([1], "is JSON, but no object"),
    ({"instances": [1]}, "it has no Id: it is no event of KServe's logger"),
    (record("a", "request", Bytes="{}"), "its Bytes are no Base64"),
    (record("a", "request", Id=""), "its Id is empty"),
    (record("a", "request", Id=7), "its Id is no text, but int"),
    (record("a" * 300, "request"), "the id of the event has 300 characters"),
    (record("a", "request", ReqType="feedback"), "the event is of another type"),
    (record("a", "request", ReqType="a\0b" * 1_000), "the event is of another type"),
    (record("a", "request") | {"id": "b"}, "a field is in it more than once"),
    (record("a", "request", Component="transformer"), "of the transformer of toy in shop; expected the"),
    (record("a", "request", InferenceService="other"), "of the predictor of other in shop; expected the"),
    (record("a", "request", Bytes=None), "the request's body is empty"),
    (record("a", "request", Bytes=base64.b64encode(b"x").decode()), "the request is no JSON"),
]


@pytest.mark.parametrize(("content", "said"), MALFORMED)
async def test_an_object_that_is_none_is_rejected_by_name(content: Any, said: str, tmp_path: Path) -> None:
    """With its file, and those behind it are read."""
    put(tmp_path, "a.json", content)
    put(tmp_path, "b.json", [record("b", "request"), record("b", "response")])
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert (take.batch.rows, take.rejected) == (1, 1)
    (reject,) = take.rejects
    assert said in reject.reason
    assert reject.row["file"] == "a.json"


async def test_the_other_half_of_a_faulty_one_says_why(tmp_path: Path) -> None:
    """Both are rejected, each once."""
    put(tmp_path, "a.json", [record("a", "request", Bytes=""), record("a", "response")])
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert [each.reason[:32] for each in take.rejects] == [
        "the request's body is empty; cal", "its request cannot be used: the ",
    ]  # fmt: skip
    assert (take.rejected, take.inbox and take.inbox.rejected.rows) == (2, 2)


async def test_tables_of_events(tmp_path: Path) -> None:
    """CSV and Parquet, under the names that they have there; payloads in Base64, or as bytes."""
    table = pd.DataFrame([record("a", "request"), record("a", "response"), record("007", "request")])
    table = table.rename(columns=lambda name: name[0].lower() + name[1:])
    table.to_csv(tmp_path / "a.csv", index=False)
    raw = table.iloc[:2].assign(bytes=[base64.b64decode(each) for each in table["bytes"][:2]], id="b")
    raw.rename(columns={"reqType": "req_type"}).to_parquet(tmp_path / "b.parquet")
    with (tmp_path / "a.csv").open("a") as file:
        file.write("too,short\n")
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert (take.batch.rows, take.rejected, [half.pair for half in source.table.halves.values()]) == (
        2, 1, ["007"],
    )  # fmt: skip
    assert take.rejects[0].row == {"file": "a.csv", "line": 5}
    assert "it has 2 cells; expected 7" in take.rejects[0].reason


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,id\n1,2\n", "it has the column 'id' more than once"),
        ("a.csv", b"id,bytes\n\xff\xfe,x\n", "it is no CSV that can be read"),
        ("a.parquet", b"PAR1 no more", "cannot be read"),
    ],
)
async def test_a_table_that_is_none_is_refused(name: str, content: bytes, said: str, tmp_path: Path) -> None:
    """Passed over until it changes, with an event and one reject that say why."""
    (tmp_path / name).write_bytes(content)
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert (take.rejected, [event.kind for event in take.events]) == (1, ["file_refused"])
    assert said in take.rejects[0].reason


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b"\n\n", b"[]", b"null", b"url,bytes,id\n"])
async def test_an_object_without_events(content: bytes, tmp_path: Path) -> None:
    """It gives nothing, or is rejected; it never ends a take."""
    (tmp_path / "a").write_bytes(content)
    source = watched(tmp_path)
    take = await source.take(source.make())
    assert take.batch.rows == 0
    assert take.rejected == (content in {b"null", b"\xef\xbb\xbf"})


async def test_a_take_that_was_not_committed_comes_again(tmp_path: Path) -> None:
    """Its pairs and its halves are those of the one before: nothing is held but what was committed."""
    put(tmp_path, "a.json", [record("a", "request"), record("b", "request"), record("b", "response")])
    source = watched(tmp_path)
    running = source.make()
    first = await running.take(source.position)
    again = await source.take(running)
    assert sizes(first) == sizes(again) == [1]
    put(tmp_path, "b.json", record("a", "response"))
    assert sizes(await running.take(source.position)) == sizes(await source.take(running)) == [1]
    assert not source.table.halves


async def test_a_reset_reads_what_waited_again(tmp_path: Path) -> None:
    """What waited is forgotten where all files are read from their start."""
    put(tmp_path, "a.json", [record("a", "request"), record("b", "request"), record("b", "response")])
    source = watched(tmp_path)
    await source.take(source.make())
    source.position = None
    take = await source.take(source.make())
    assert (take.batch.rows, take.rejected, len(source.table.halves)) == (1, 0, 1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"inference_service": None}, "inference_service: expected the name"),
        ({"timestamp": "at"}, "their time is that at which they were written"),
        ({"inputs": ["a", "a"]}, "source.inputs: 'a' is in it more than once"),
        ({"format": "rows"}, "inference_service: belongs to format: kserve, and this is rows"),
    ],
)
def test_keys_that_do_not_belong_together(more: dict[str, Any], said: str) -> None:
    """Each is refused by name."""
    with pytest.raises(ValueError, match=said):
        FilesConfig.model_validate({"type": "files", "path": "/a", **SOURCE, **more})


def test_a_field_may_have_any_of_its_names() -> None:
    """As JSON, CSV and Parquet write it; what else there is, is not read."""
    found = kserve.event_of({"id": "a", "req_type": "t", "bytes": b"x", "inferenceService": "", "url": {}})
    assert (found.attributes, found.body) == ({"id": "a", "type": "t"}, b"x")
    with pytest.raises(SourceError, match="it has no Bytes"):
        kserve.event_of({"Id": "a", "ReqType": "t"})
