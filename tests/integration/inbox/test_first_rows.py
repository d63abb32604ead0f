"""The first rows that were sent as the reference."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from service.errors import ConfigurationError, NotYetError, ReferenceDataError
from tests.integration.inbox.live import MINUTE, START, living, rows

FIRST = {"first_rows": 6}
STRETCH = {"start": "2026-01-01T00:01:00Z", "end": "2026-01-01T00:03:00Z"}
LABELLED = {"truth": 11.0}


async def test_nothing_is_measured_before_the_first_rows_have_come(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Until then each cycle says how many are missing; then they are frozen, and measured like all others."""
    async with living(pool, tmp_path, reference=FIRST) as live:
        with pytest.raises(NotYetError, match="0 of 6 rows of its reference have come"):
            await live.run()
        await live.send([each | LABELLED for each in rows("abcd", 1)])
        with pytest.raises(NotYetError, match="4 of 6 rows of its reference have come"):
            await live.run()
        await live.send([each | LABELLED for each in rows("efgh", 0)])
        report = await live.run()
        assert report.record.rows == 8
        assert (await live.cycle.reference()).profile.rows == 6
        assert await live.counted() == 8


async def test_a_frozen_reference_never_changes(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The next start has the same one, also when its rows are gone; another number is refused."""
    async with living(pool, tmp_path, reference=FIRST) as live:
        await live.send([each | LABELLED for each in rows("abcdefgh", 1)])
        await live.run()
        before = (await live.cycle.reference()).fingerprint
    async with living(pool, tmp_path, reference=FIRST) as live:
        await live.send([each | LABELLED for each in rows("ijklmnop", 2)])
        await live.run()
        assert (await live.cycle.reference()).fingerprint == before
    async with living(pool, tmp_path, reference={"first_rows": 7}) as live:
        with pytest.raises(
            ReferenceDataError, match=r"frozen with the first 6 rows .* expected first_rows: 6"
        ):
            await live.run()


async def test_first_rows_that_are_sent_need_plain_columns(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """What a sensitive label looks like has to be known before it is hashed: a file says it."""
    columns = {"size": "numerical", "colour": {"kind": "categorical", "sensitive": True}}
    changed = {"columns": columns, "prediction": None, "target": None, "labels": None, "reference": FIRST}
    with pytest.raises(ConfigurationError, match="expected a path"):
        async with living(pool, tmp_path, **changed):
            pass


async def test_a_stretch_is_frozen_once_event_time_has_passed_it(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Until its end and the windows' lateness its rows wait, and the state says how many have come."""
    lateness = {"window": {"size": "1m", "min_rows": 2, "lateness": "1m"}}
    async with living(pool, tmp_path, reference=STRETCH, **lateness) as live:
        with pytest.raises(NotYetError, match=r"01 00:01 UTC to 2026-01-01 00:03 UTC: 0 rows have come$"):
            await live.run()
        await live.send([each | LABELLED for each in [*rows("xy", 0), *rows("abcd", 1), *rows("efg", 2)]])
        await live.send([each | LABELLED for each in rows("vw", 3)])
        with pytest.raises(NotYetError, match="7 rows have come, the newest of 2026-01-01 00:02 UTC"):
            await live.run()
        await live.send([each | LABELLED for each in [*rows("h", 2.5), *rows("z", 4)]])
        report = await live.run()
        assert report.record.rows == 13
        assert (await live.cycle.reference()).profile.rows == 8
        before = (await live.cycle.reference()).fingerprint
        await live.send([each | LABELLED for each in rows("i", 2.9)])
        await live.run()
    async with living(pool, tmp_path, reference=STRETCH, **lateness) as live:
        await live.run()
        assert (await live.cycle.reference()).fingerprint == before
    async with living(pool, tmp_path, reference=FIRST) as live:
        with pytest.raises(ReferenceDataError, match=r"what comes of .* expected \{start: 2026"):
            await live.run()


async def test_silence_ends_a_stretch_and_one_that_is_over_is_refused(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """The clock goes on while nothing comes; rows that were measured before are no longer there."""
    async with living(pool, tmp_path, reference=STRETCH) as live:
        await live.send([each | LABELLED for each in rows("abcd", 1)])
        live.clock.now = START + 5 * MINUTE
        with pytest.raises(NotYetError):
            await live.run()
        live.clock.now = START + 9 * MINUTE
        assert (await live.run()).record.rows == 4
        await pool.execute("DELETE FROM tidegauge.inbox_reference")
    past = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:30Z"}
    async with living(pool, tmp_path, reference=past) as live:
        with pytest.raises(ReferenceDataError, match="rows up to 2026-01-01 00:01 UTC were measured before"):
            await live.run()


async def test_an_empty_stretch_is_an_error(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Nothing would ever be compared with it; and rows that come again are in no reference twice."""
    async with living(pool, tmp_path, reference=STRETCH) as live:
        await live.send([each | LABELLED for each in rows("abcd", 4)])
        with pytest.raises(ReferenceDataError, match="no row of it came until 2026-01-01 00:04 UTC"):
            await live.run()
    async with living(pool, tmp_path, reference=FIRST, deduplicate="id") as live:
        await live.send([each | LABELLED for each in [*rows("efgh", 4), *rows("gh", 4)]])
        await live.run()
        assert (await live.cycle.reference()).profile.rows == 6


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ({"start": STRETCH["start"]}, "needs start and end"),
        (STRETCH | FIRST, "either first_rows or start and end"),
        ({"type": "file"}, "either first_rows or start and end"),
    ],
)
async def test_a_reference_is_one_of_its_forms(
    pool: asyncpg.Pool, tmp_path: Path, reference: dict[str, object], said: str
) -> None:
    """The first rows or a whole stretch; the message says which keys there are."""
    with pytest.raises(ConfigurationError, match=said):
        async with living(pool, tmp_path, reference=reference):
            pass
