"""The first rows that were sent as the reference."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pytest

from service.errors import ConfigurationError, ReferenceDataError
from tests.integration.inbox.live import living, rows

FIRST = {"first_rows": 6}
LABELLED = {"truth": 11.0}


async def test_nothing_is_measured_before_the_first_rows_have_come(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """Until then each cycle says how many are missing; then they are frozen, and measured like all others."""
    async with living(pool, tmp_path, reference=FIRST) as live:
        with pytest.raises(
            ReferenceDataError, match="first 6 rows that are sent: 0 have come, 6 are missing"
        ):
            await live.run()
        await live.send([each | LABELLED for each in rows("abcd", 1)])
        with pytest.raises(ReferenceDataError, match="4 have come, 2 are missing"):
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
