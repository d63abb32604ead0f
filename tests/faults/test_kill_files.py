"""Files are neither lost nor counted twice when the service is killed while it takes them."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import end, lay_out

FILES, ROWS = 60, 50
MONITOR = """\
source: {{type: files, path: "{folder}/**/*.jsonl", timestamp: at, settle: 0s, allowed_lateness: 3650d}}
reference: {{path: "{{data_dir}}/reference.csv"}}
columns: {{size: numerical, colour: categorical, guess: numerical, truth: numerical}}
prediction: guess
target: truth
window: {{size: 7d, hop: 1d, min_rows: 20}}
drift: {{methods: [ks], thresholds: evidently}}
"""
COUNTED = "SELECT coalesce(sum(rows), 0)::bigint FROM tidegauge.pane WHERE monitor = 'toy'"


def _write(folder: Path, name: int) -> None:
    """Write a file under a temporary name, and rename it, as a careful sender does."""
    cells = {"size": 1.0, "colour": "red", "guess": 1.0, "truth": 2.0}
    lines = [json.dumps({"at": f"2024-01-{1 + name % 20:02}T00:00:00Z", **cells}) + "\n"] * ROWS
    half = folder / f".{name:03}.jsonl.tmp"
    half.write_text("".join(lines))
    half.rename(folder / f"{name:03}.jsonl")


@pytest.mark.slow
async def test_kills_lose_no_file_and_count_none_twice(tmp_path: Path, database_url: str, pool: Any) -> None:
    """Killed while files appear, it ends with every row of every file once."""
    place, folder = lay_out(tmp_path, days=3), tmp_path / "in"
    folder.mkdir()
    (place.root / "monitors/toy.yaml").write_text(MONITOR.format(folder=folder))
    there = {"TIDEGAUGE_DATABASE_URL": database_url, "TIDEGAUGE_CYCLE_SECONDS": "0.05"}
    process = place.start(**there)
    try:
        for name in range(FILES):
            _write(folder, name)
            if name == FILES // 2:
                await asyncio.to_thread(place.until, '"event": "cycle"', process)
                assert end(process, signal.SIGKILL) == -signal.SIGKILL
                process = place.start(**there)
        async with asyncio.timeout(60):
            while await pool.fetchval(COUNTED) < FILES * ROWS:
                assert process.poll() is None, place.log
                await asyncio.sleep(0.05)
        await asyncio.to_thread(place.until, '"event": "cycle"', process)
        assert await asyncio.to_thread(end, process, signal.SIGTERM) == 0, place.log
    finally:
        process.kill()  # where the test failed; it has ended otherwise
    assert await pool.fetchval(COUNTED) == FILES * ROWS
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.taken_file WHERE is_whole") == FILES
