"""The reference of a live monitor is made of the rows that come, whichever door they come by."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.commands.audit import sums_in
from service.errors import NotYetError, ReferenceDataError
from service.sources.kafka.config import KafkaConfig
from service.sources.references.file import FileReference
from service.store.tables.inbox import audit
from service.wiring.inbox import sent_reference
from tests.integration.inbox.live import Live, living, row
from tests.integration.kserve import test_pairs as kserve
from tests.integration.postgres_table import tables
from tests.unit.sources.files import test_kserve_objects as objects

pytestmark = [pytest.mark.postgres]

Send = Callable[[Live, str, float], Awaitable[None]]
FIRST = {"reference": {"first_rows": 6}}
STRETCH = {"reference": {"start": "2026-01-01T00:01:00Z", "end": "2026-01-01T00:03:00Z"}}


@dataclass
class Door:
    """A door: the section of a monitor file, and what sends a row of a key and a minute."""

    source: dict[str, Any]
    send: Send
    more: dict[str, Any] = field(default_factory=lambda: {"labels": None})


@asynccontextmanager
async def by_kserve(url: str, folder: Path) -> AsyncIterator[Door]:
    """Give KServe's door: a request and its response."""
    del url, folder

    async def send(live: Live, key: str, minute: float) -> None:
        body = {"instances": [{"size": 1.5, "colour": "red", "truth": 9.0}]}
        assert await kserve.log(live, key, "request", body, minute=minute) == 202
        answer = {"predictions": [{"guess": 10.0}]}
        assert await kserve.log(live, key, "response", answer, minute=minute) == 202

    yield Door(kserve.SOURCE | {"max_ahead": "1h"}, send)


@asynccontextmanager
async def by_files(url: str, folder: Path) -> AsyncIterator[Door]:
    """Give files that appear: one for each row."""
    del url
    (folder / "in").mkdir()

    async def send(live: Live, key: str, minute: float) -> None:
        del live
        given = row(key, minute, truth=9.0)
        (folder / "in" / f"{key}.jsonl").write_text(json.dumps(given) + "\n")

    yield Door(
        {"type": "files", "path": str(folder / "in"), "timestamp": "at", "settle": "0s", "idle_after": "1m"},
        send,
    )


@asynccontextmanager
async def by_objects(url: str, folder: Path) -> AsyncIterator[Door]:
    """Give objects of KServe's logger, one for each half; their time is that of the test's machine."""
    del url
    (folder / "in").mkdir()

    async def send(live: Live, key: str, minute: float) -> None:
        del live, minute
        for side in ("request", "response"):
            path = folder / "in" / f"{key}-{side}.json"
            path.write_text(json.dumps(objects.record(key, side)))

    source = {"type": "files", "path": str(folder / "in"), "settle": "0s", "max_ahead": "9999d"}
    yield Door(source | objects.SOURCE | {"outputs": ["guess"]}, send)


@asynccontextmanager
async def by_table(url: str, folder: Path) -> AsyncIterator[Door]:
    """Give a table that grows."""
    del folder
    async with tables.a_table(url) as connection:

        async def send(live: Live, key: str, minute: float) -> None:
            del live
            await tables.insert(connection, [key], minute)

        yield Door(tables.source(max_ahead="1h"), send)


DOORS = {"kserve": by_kserve, "files": by_files, "objects": by_objects, "table": by_table}


@pytest.fixture
async def door(
    request: pytest.FixtureRequest, empty_database_url: str, pool: asyncpg.Pool, tmp_path: Path
) -> AsyncIterator[Door]:
    """Give the door that a test names."""
    del pool
    async with DOORS[request.param](empty_database_url, tmp_path) as made:
        yield made


@pytest.mark.parametrize("door", DOORS, indirect=True)
async def test_the_first_rows_are_frozen_and_measured(door: Door, pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Until they have come each cycle says how many are missing; a restart on the way loses none."""
    settings = {"source": door.source, **door.more, **FIRST}
    async with living(pool, tmp_path, **settings) as live:
        with pytest.raises(NotYetError, match="0 of 6 rows of its reference have come"):
            await live.run()
        for key in "abcd":
            await door.send(live, key, 1)
        for _ in range(2):
            with pytest.raises(NotYetError, match="4 of 6 rows of its reference have come"):
                await live.run()
    async with living(pool, tmp_path, **settings) as live:
        with pytest.raises(NotYetError, match="4 of 6 rows of its reference have come"):
            await live.run()
        for key in "efgh":
            await door.send(live, key, 1)
        assert (await live.run()).record.rows == 8
        assert (await live.cycle.reference()).profile.rows == 6
        before = (await live.cycle.reference()).fingerprint
        await door.send(live, "i", 2)
        assert (await live.run()).record.rows == 1
        assert await live.counted() == 9
        account = await audit.read(pool, "toy", sums_in)
        assert account.measured == account.in_panes
    async with living(pool, tmp_path, **settings) as live:
        assert (await live.run()).record.rows == 0
        assert (await live.cycle.reference()).fingerprint == before


@pytest.mark.parametrize("door", ["kserve", "files", "table"], indirect=True)
async def test_a_stretch_is_frozen_once_it_is_over(door: Door, pool: asyncpg.Pool, tmp_path: Path) -> None:
    """It has the rows of the stretch alone, and all that came are measured."""
    async with living(pool, tmp_path, source=door.source, **door.more, **STRETCH) as live:
        for key, minute in (("a", 0.5), ("b", 1), ("c", 1.5), ("d", 2.5)):
            await door.send(live, key, minute)
        with pytest.raises(NotYetError, match="3 rows have come, the newest of 2026-01-01 00:02 UTC"):
            await live.run()
        await door.send(live, "e", 4)
        assert (await live.run()).record.rows == 5
        assert (await live.cycle.reference()).profile.rows == 3
        await pool.execute("DELETE FROM tidegauge.inbox_reference")
    past = {"reference": {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z"}}
    async with living(pool, tmp_path, source=door.source, **door.more, **past) as live:
        with pytest.raises(ReferenceDataError, match="rows up to 2026-01-01 00:04 UTC were measured before"):
            await live.run()


async def test_many_rows_are_looked_at_over_several_cycles(
    pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cycle looks at as many as its time allows, and the next one goes on behind them."""
    monkeypatch.setattr(sent_reference, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr("service.sources.kserve.source.MAX_ROWS", 4)
    async with by_kserve("", tmp_path) as door:
        settings = {"source": door.source, **door.more, "reference": {"first_rows": 5}}
        async with living(pool, tmp_path, **settings) as live:
            for key in "abcdefg":
                await door.send(live, key, 1)
            for rows in (2, 4):
                with pytest.raises(NotYetError, match=f"{rows} of 5 rows of its reference have come"):
                    await live.run()
            measured = 0
            for _ in range(4):
                measured += (await live.run()).record.rows
            assert measured == 7
            assert await live.count("inbox_half") == 0


async def test_a_batch_that_is_committed_late_is_not_missed(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """One whose number is lower than that of one that was looked at before is looked at all the same."""
    async with living(pool, tmp_path, reference={"first_rows": 3}, labels=None) as live:
        number = "ALTER TABLE tidegauge.inbox_batch ALTER COLUMN id RESTART WITH "
        await pool.execute(number + "100")
        await live.send([row("a", 1), row("b", 1)])
        with pytest.raises(NotYetError, match="2 of 3"):
            await live.run()
        await pool.execute(number + "5")
        await live.send([row("c", 1)])
        assert (await live.run()).record.rows == 3


async def test_two_that_ask_at_once_count_no_row_twice(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """A cycle and a report may ask for the reference at the same time."""
    async with living(pool, tmp_path, reference={"first_rows": 6}, labels=None) as live:
        await live.send([row(key, 1) for key in "abcd"])
        await asyncio.gather(*(pool.fetchval("SELECT pg_sleep(0.1)") for _ in range(3)))  # connections
        asked = (live.cycle.reference() for _ in range(3))
        said = await asyncio.gather(*asked, return_exceptions=True)
        assert {str(each) for each in said} == {"4 of 6 rows of its reference have come"}
        await live.send([row(key, 1) for key in "efg"])
        found = await asyncio.gather(live.cycle.reference(), live.cycle.reference())
        assert {each.profile.rows for each in found} == {6}


def test_a_start_that_moves_gives_no_reference() -> None:
    """Its rows would lie before those that the first cycle takes."""
    topic = {"type": "kafka", "brokers": "a:1", "topic": "t", "start": "latest"}
    reference = FileReference(first_rows=5)
    with pytest.raises(ValueError, match="expected start: earliest, start with a time, or a path"):
        reference.check(KafkaConfig.model_validate(topic))
    reference.check(KafkaConfig.model_validate(topic | {"start": "2026-01-01T00:00:00Z"}))
    FileReference(path="a.csv").check(KafkaConfig.model_validate(topic))
