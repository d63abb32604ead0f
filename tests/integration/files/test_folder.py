"""A monitor that reads a folder: each file once, by value, over cycles on a real database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import asyncpg
import pandas as pd
import pytest

from service.errors import StoreError
from service.store import lifecycle
from tests.integration.inbox.live import Live, living, row, rows

pytestmark = [pytest.mark.postgres]

SETTLED = 6_000_000
EVENTS = "SELECT kind, message FROM tidegauge.event WHERE kind LIKE 'file%' OR kind = 'rows_lost' ORDER BY id"
REJECTS = 'SELECT reason, "row" FROM tidegauge.rejected_row ORDER BY id'


def source(folder: Path, **more: Any) -> dict[str, Any]:
    """Return the section of a monitor file that reads a folder."""
    base = {"type": "files", "path": str(folder / "in"), "timestamp": "at", "max_ahead": "1d"}
    return base | more


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    """Write rows as the name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".parquet":
        pd.DataFrame(lines).to_parquet(path, row_group_size=10)
    elif path.name.endswith((".csv", ".csv.gz")):
        pd.DataFrame(lines).to_csv(path, index=False)
    else:
        path.write_text("".join(json.dumps(each) + "\n" for each in lines))


async def look_twice(live: Live) -> int:
    """Run a cycle, and one after files have settled; return how many rows they measured."""
    before = await live.counted()
    await live.run()
    live.clock.now += SETTLED
    await live.run()
    return await live.counted() - before


async def test_files_of_every_kind_are_taken_once(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """Each row is measured once, over several cycles and a cycle whose transaction failed."""
    inbox = tmp_path / "in"
    write(inbox / "a.csv", rows("abc", 0))
    write(inbox / "b.csv.gz", rows("defg", 0))
    coloured = [row(f"p{number}", 0) for number in range(25)]
    for each in coloured:
        del each["colour"]  # the folder's name has it
    write(inbox / "colour=blue" / "c.parquet", coloured)
    write(inbox / "d.jsonl", rows("hi", 1))
    (inbox / "_SUCCESS").touch()
    (inbox / "e.csv.tmp").write_text("half")
    async with living(pool, tmp_path, source=source(tmp_path)) as live:
        assert await look_twice(live) == 34
        assert await look_twice(live) == 0
        write(inbox / "later.jsonl", rows("jk", 2))
        await pool.execute("ALTER TABLE tidegauge.taken_file ADD CONSTRAINT no CHECK (name <> 'later.jsonl')")
        with pytest.raises(StoreError):
            await look_twice(live)
        await pool.execute("ALTER TABLE tidegauge.taken_file DROP CONSTRAINT no")
        assert await look_twice(live) == 2
        assert await live.count("taken_file") == 5
        assert live.reports[-1].record.lag_seconds == 0.0


async def test_a_bad_file_stops_no_other_and_is_read_when_it_changes(
    pool: asyncpg.Pool, tmp_path: Path
) -> None:
    """It is one reject and an event with its reason; its lines are rejects of their own."""
    inbox = tmp_path / "in"
    write(inbox / "b.jsonl", rows("ab", 0))
    (inbox / "a.bin").write_bytes(b"\0\1\2" * 9)
    (inbox / "c.jsonl").write_text(json.dumps(row("c", 0)) + "\n{half\n")
    (inbox / "d.parquet").write_bytes(b"PAR1" + bytes(40))
    (inbox / "e.csv").write_text("other,names\n1,2\n")
    async with living(pool, tmp_path, source=source(tmp_path)) as live:
        assert await look_twice(live) == 3
        said = [(each["kind"], each["message"].split(" ")[0]) for each in await pool.fetch(EVENTS)]
        assert said == [("file_refused", name) for name in ("a.bin", "d.parquet", "e.csv")]
        found = [json.loads(each["row"]) if isinstance(each["row"], str) else each["row"]
                 for each in await pool.fetch(REJECTS)]  # fmt: skip
        assert sorted(each["file"] for each in found) == ["a.bin", "c.jsonl", "d.parquet", "e.csv"]
        assert await look_twice(live) == 0
        write(inbox / "a.bin", rows("xyz", 1))
        assert await look_twice(live) == 3


async def test_a_reset_reads_the_folder_again(pool: asyncpg.Pool, tmp_path: Path) -> None:
    """The table of taken files is forgotten with what was measured of them."""
    write(tmp_path / "in" / "a.csv", rows("abc", 0))
    async with living(pool, tmp_path, source=source(tmp_path)) as live:
        assert await look_twice(live) == 3
        await lifecycle.reset(pool, "toy")
        await live.run()  # which notices it
        assert await live.counted() == 0
        assert await look_twice(live) == 3
