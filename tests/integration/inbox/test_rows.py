"""Rows that are sent over HTTP to a real database: durable when acknowledged, measured once."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from service.config.settings import Settings
from service.core.time_units import to_datetime
from tests.integration.inbox.live import MINUTE, START, living, row, rows

NEW_VERSIONS = """
SELECT value, rows FROM tidegauge.metrics WHERE metric = 'new_category_share' AND column_name = 'version'
"""
TOKEN = "a-token-of-the-test"  # noqa: S105  # of no service


def _stream(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(table, sink)
    return sink.getvalue()


def _frame() -> pd.DataFrame:
    random = np.random.default_rng(5)
    return pd.DataFrame(
        {
            "at": pd.to_datetime(START + random.integers(0, 4 * MINUTE, 90), unit="us", utc=True),
            "key": [f"{number:04}" for number in range(90)],
            "size": np.where(random.random(90) < 0.1, np.nan, random.normal(0, 1, 90)),
            "colour": random.choice(["red", "green"], 90),
            "guess": random.normal(10, 1, 90),
        }
    )


def _written(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(at=frame["at"].map(lambda at: at.isoformat()))


def _lines(frame: pd.DataFrame) -> bytes:
    records = [
        {key: cell for key, cell in each.items() if not pd.isna(cell)}
        for each in _written(frame).to_dict("records")
    ]
    return "\n".join(json.dumps(each) for each in records).encode()


def _array(frame: pd.DataFrame) -> bytes:
    return b"[" + _lines(frame).replace(b"\n", b",") + b"]"


FORMS: dict[str, Any] = {
    "application/json": _array,
    "application/x-ndjson": _lines,
    "application/vnd.apache.arrow.stream": lambda frame: _stream(pa.Table.from_pandas(frame)),
    "application/vnd.apache.parquet": lambda frame: _parquet(pa.Table.from_pandas(frame)),
    "text/csv": lambda frame: _written(frame).to_csv(index=False).encode(),
}
ENCODERS: dict[str, Any] = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "zstd": lambda body: pa.compress(body, "zstd", asbytes=True),
}
PROFILES = "SELECT key, rows, payload FROM tidegauge.pane ORDER BY key"


@pytest.mark.parametrize("encoding", ENCODERS)
@pytest.mark.parametrize("form", FORMS)
async def test_every_format_is_measured_alike(
    pool: asyncpg.Pool, tmp_path: Path, form: str, encoding: str
) -> None:
    """The same rows in any format and compression end as the same stored profiles, byte for byte."""
    async with living(pool, tmp_path) as live:
        content = FORMS[form](_frame())
        answer = await live.send(ENCODERS[encoding](content), content_type=form, content_encoding=encoding)
        assert (answer.status_code, answer.json()["accepted"]) == (202, 90), answer.text
        await live.run()
        found = [tuple(each) for each in await pool.fetch(PROFILES)]
        await pool.execute("TRUNCATE tidegauge.pane, tidegauge.checkpoint, tidegauge.pending_row")
    async with living(pool, tmp_path) as live:
        await live.send(FORMS["application/json"](_frame()))
        await live.run()
        assert [tuple(each) for each in await pool.fetch(PROFILES)] == found
        assert sum(each[1] for each in found) == 90


async def test_accepted_rows_are_in_the_table_until_a_cycle_measures_them(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """An acknowledged row is stored; the cycle's transaction counts it and forgets it."""
    async with living(pool, tmp_path) as live:
        answer = await live.send(rows(["a", "b", "c"], 1))
        assert answer.json() == {"accepted": 3, "rejected": 0, "rejects": [], "repeated": False}
        assert (await live.count("inbox_batch"), await live.counted()) == (1, 0)
        report = await live.run()
        assert (report.record.rows, report.record.backlog_rows) == (3, 0)
        assert (await live.count("inbox_batch"), await live.counted()) == (0, 3)
        assert (await live.run()).record.rows == 0


async def test_a_key_counts_once_and_answers_alike(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Sent again under its key, before and after its cycle, content gets the first answer and counts once."""
    async with living(pool, tmp_path) as live:
        sent = [row("a", 1), row("b", 1, at="nonsense")]
        first = (await live.send(sent, idempotency_key="k1")).json()
        again = (await live.send(sent, idempotency_key="k1")).json()
        await live.run()
        last = (await live.send(sent, idempotency_key="k1")).json()
        await live.run()
        assert (first["accepted"], first["rejected"], first["repeated"]) == (1, 1, False)
        assert again == last == {**first, "repeated": True}
        assert (await live.counted(), await live.count("rejected_row")) == (1, 1)


async def test_other_content_under_a_key_is_refused(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A key that is used twice for different rows loses none of them silently: the second is 422."""
    async with living(pool, tmp_path) as live:
        await live.send([row("a", 1)], idempotency_key="k1")
        answer = await live.send([row("b", 1)], idempotency_key="k1")
        assert answer.status_code == 422
        assert "'k1' was used for other content" in answer.json()["detail"]
        assert await live.count("inbox_batch") == 1


async def test_requests_at_once_share_a_transaction_and_each_key_counts_once(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Of fifty requests at once under ten keys ten are kept, in few transactions."""
    async with living(pool, tmp_path) as live:
        answers = await asyncio.gather(
            *(live.send([row(f"r{n % 10}", 1)], idempotency_key=f"k{n % 10}") for n in range(50))
        )
        assert {answer.status_code for answer in answers} == {202}
        assert sum(not answer.json()["repeated"] for answer in answers) == 10
        await live.run()
        assert await live.counted() == 10
        commits = await pool.fetchval("SELECT count(DISTINCT xmin::text) FROM tidegauge.inbox_key")
        assert commits < 10


async def test_a_cycle_that_fails_to_commit_leaves_the_rows(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Rows are forgotten with their measurements or not at all."""
    async with living(pool, tmp_path) as live:
        await live.send(rows(["a", "b"], 1))
        await pool.execute("ALTER TABLE tidegauge.cycle_log RENAME TO gone")
        with pytest.raises(Exception, match="cycle_log"):
            await live.run()
        assert (await live.count("inbox_batch"), await live.counted()) == (1, 0)
        await pool.execute("ALTER TABLE tidegauge.gone RENAME TO cycle_log")
        await live.run()
        assert (await live.count("inbox_batch"), await live.counted()) == (0, 2)


REFUSED: list[tuple[dict[str, Any], bytes, int, str]] = [
    ({"content_type": "text/plain"}, b"[]", 415, "expected application/json, application/x-ndjson"),
    ({"content_encoding": "br"}, b"[]", 415, "expected gzip, zstd or none"),
    ({"content_encoding": "gzip"}, b"[]", 422, "not gzip, as its Content-Encoding says"),
    ({"content_encoding": "gzip"}, gzip.compress(b"[]")[:-4], 422, "not gzip"),
    ({"content_encoding": "gzip"}, gzip.compress(b" " * (65 << 20)), 413, "64 MB when it is decompressed"),
    ({}, b'[{"key": "a"', 422, "line 1 column 13"),
    ({}, b'[{"key": "a"}, 5]', 422, "row 2 is a number"),
    ({}, b'{"key": "a", "key": "b"}', 422, "'key' is in it more than once"),
    ({}, b"\xff\xfe", 422, "no JSON"),
    ({}, b"[" * 100_000, 422, "nested too deeply"),
    ({}, b'[{"key": "a", "size": ' + b"[" * 20 + b"]" * 20 + b"}]", 422, "more than 8 deep"),
    ({}, b'[{"keys": "a", "hue": 1}]', 422, "none of the rows' columns is watched"),
    ({}, json.dumps([row("a" * 501, 1)]).encode(), 422, "key has a text of 501 characters; expected 500"),
    ({}, json.dumps([row("a", 1, at="soon")]).encode(), 422, "at is not a time"),
    ({}, json.dumps([row("a", 60)]).encode(), 422, "at is more than 1m ahead of the row's arrival"),
    ({}, json.dumps([{f"c{n}": 1 for n in range(2_001)}]).encode(), 422, "2,001 columns; expected 2,000"),
    ({"content_type": "application/x-ndjson"}, b'{"key": "a"}\n{"key": ', 422, "line 2 is no JSON"),
    ({"content_type": "text/csv"}, b"key,size\na,1\nb,1,2,3\n", 422, "line 3"),
    ({"content_type": "text/csv"}, b"key,size\na,1\nb", 422, "line 3 has 1 cell, and the header 2 names"),
    ({"content_type": "application/vnd.apache.parquet"}, b"PAR1", 422, "cannot be read as"),
    ({"content_type": "application/vnd.apache.arrow.stream"}, b"\xff\xff\xff\xff\x01", 422, "cannot be"),
    ({"idempotency_key": "k" * 256}, b'[{"key": "a"}]', 422, "expected 1 to 255 printable"),
]  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_taken_is_refused_with_the_reason(
    pool: asyncpg.Pool, tmp_path: Path, case: tuple[dict[str, str], bytes, int, str]
) -> None:
    """The status fits, the answer says what and where and what was expected, and nothing is kept."""
    headers, content, status, message = case
    async with living(pool, tmp_path) as live:
        answer = await live.send(content, **headers)
        assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text
        assert await live.count("inbox_batch") == 0


async def test_names_and_tokens_are_checked(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Without the token it is 401, an unknown monitor is 404 with the nearest, one of another source 409."""
    async with living(pool, tmp_path, token=TOKEN) as live:
        assert (await live.send([row("a", 1)])).status_code == 401
        assert (await live.send([row("a", 1)], authorization="Bearer wrong")).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert (await live.send([row("a", 1)], **bearer)).status_code == 202
        unknown = await live.send([row("a", 1)], name="toyy", **bearer)
        assert (unknown.status_code, unknown.json()["detail"]) == (
            404,
            (
                "no monitor is named 'toyy'; the nearest is 'toy'; there are: replayed, toy; "
                "GET /v1/monitors lists them"
            ),
        )
        replayed = await live.send([row("a", 1)], name="replayed", **bearer)
        assert (replayed.status_code, "source: {type: http}" in replayed.json()["detail"]) == (409, True)


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The limit is said, whether the size is declared or the body comes in chunks."""
    async with living(pool, tmp_path) as live:
        answer = await live.send(b" " * ((16 << 20) + 1))
        assert (answer.status_code, "larger than 16 MB" in answer.text) == (413, True)

        async def chunks() -> Any:
            for _ in range(18):
                yield b" " * (1 << 20)

        content_type = {"content-type": "application/json"}
        answer = await live.client.post("/v1/monitors/toy/rows", content=chunks(), headers=content_type)
        assert (answer.status_code, "larger than 16 MB" in answer.text) == (413, True)


async def test_sensitive_values_are_masked_before_they_are_kept(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Neither the inbox nor a reject nor the answer holds the value."""
    columns = {"size": "numerical", "colour": {"kind": "categorical", "sensitive": True}}
    changed = {"columns": columns, "prediction": None, "target": None, "labels": None}
    async with living(pool, tmp_path, **changed) as live:
        secret = row("a", 1, colour="ultramarine")
        answer = await live.send([secret, {**secret, "at": "nonsense"}], idempotency_key="k1")
        assert answer.json()["rejects"][0]["row"]["colour"].startswith("hash:")
        kept = await pool.fetch("SELECT payload, rejects::text AS rejects FROM tidegauge.inbox_batch")
        assert all(b"ultramarine" not in each["payload"] + each["rejects"].encode() for each in kept)
        assert "ultramarine" not in await pool.fetchval("SELECT answer::text FROM tidegauge.inbox_key")
        await live.run()
        assert await live.counted() == 1
        assert "ultramarine" not in await pool.fetchval('SELECT "row"::text FROM tidegauge.rejected_row')


async def test_a_monitor_without_times_takes_those_of_the_arrival(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Without a timestamp, and in a row that has none, the row's time is when it came."""
    async with living(pool, tmp_path) as live:
        await live.send([{"key": "a", "size": 1.0}, {"key": "b", "size": 2.0, "at": None}])
        await live.run()
        (pane,) = await pool.fetch("SELECT pane_start, rows FROM tidegauge.pane")
        assert (pane["pane_start"], pane["rows"]) == (to_datetime(START + 5 * MINUTE), 2)


async def test_the_longest_backlog_is_a_429(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A sender that is faster than the cycles is asked to wait; once they have caught up it may go on."""
    settings = Settings(data_dir=tmp_path, backlog_rows=3)
    async with living(pool, tmp_path, settings=settings) as live:
        assert (await live.send(rows("abc", 1))).status_code == 202
        answer = await live.send(rows("d", 1))
        assert (answer.status_code, int(answer.headers["retry-after"]) > 0) == (429, True)
        assert "3 rows of toy wait to be measured; expected 3 at most" in answer.json()["detail"]
        await live.run()
        await live.intake.backlog.look()
        assert (await live.send(rows("d", 1))).status_code == 202


async def test_it_is_ready_for_rows_once_the_database_has_answered(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """`/readyz/ingest` says that rows can be made durable."""
    async with living(pool, tmp_path) as live:
        await live.intake.backlog.look()
        answer = await live.client.get("/readyz/ingest")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "reason": None})


async def test_a_label_means_the_same_whatever_came_with_it(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The number 1.5 is the reference's text 1.50, also in a cycle where another sender writes texts."""
    path = tmp_path / "labels.csv"
    path.write_text("size,version\n" + "1,1.50\n2,1.7\n" * 50)
    changed = {
        "columns": {"size": "numerical", "version": "categorical"},
        "reference": {"path": str(path)},
        "prediction": None,
        "target": None,
        "labels": None,
    }
    async with living(pool, tmp_path, **changed) as live:
        await live.send([row("a", 1, version=1.5)])
        await live.send([row("b", 1, version="1.7")])
        await live.send([row("c", 1, version="1.50")])
        await live.send([row("d", 3, version="1.7")])
        await live.run()
        found = await pool.fetch(NEW_VERSIONS)
        assert [each["value"] for each in found if each["rows"] == 3] == [0.0]
