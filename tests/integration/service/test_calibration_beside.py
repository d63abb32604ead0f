"""One monitor's calibration leaves the other monitors' cycles on time."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tests.service_process import end, lay_out

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

COLUMNS = [f"c{number}" for number in range(6)]
CALIBRATED = f"""\
source: {{type: replay, path: "{{data_dir}}/wide.csv", timestamp: at, step: 1d}}
reference: {{path: "{{data_dir}}/wide.csv"}}
columns: {{{", ".join(f"{name}: numerical" for name in COLUMNS)}}}
window: {{size: 2d, hop: 1d}}
cycle_seconds: 1
"""
PUNCTUAL = """\
source: {type: dummy}
reference: {type: dummy, rows: 500}
columns: {value1: numerical, value2: categorical, value3: numerical}
window: {size_rows: 5, min_rows: 5}
drift: {thresholds: evidently}
"""
CYCLE_SECONDS = "2"


async def test_calibrating_makes_no_other_monitor_skip(
    tmp_path: Path, database_url: str, pool: asyncpg.Pool
) -> None:
    """While thresholds are drawn on their threads, another monitor's cycles all run in their slots."""
    place = lay_out(tmp_path / "place", days=2)
    (place.root / "monitors/toy.yaml").unlink()
    random = np.random.default_rng(1)
    wide = pd.DataFrame({name: random.normal(size=4_000) for name in COLUMNS})
    wide.insert(0, "at", pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(4_000), unit="min"))
    wide.to_csv(place.root / "data/wide.csv", index=False)
    (place.root / "monitors/calibrated.yaml").write_text(CALIBRATED)
    (place.root / "monitors/punctual.yaml").write_text(PUNCTUAL)
    process = place.start(TIDEGAUGE_DATABASE_URL=database_url, TIDEGAUGE_CYCLE_SECONDS=CYCLE_SECONDS)
    try:
        place.until('"thresholds calibrated"', process)
        place.until('"thresholds calibrated"', process)
    finally:
        assert end(process, signal.SIGTERM) == 0
    rows = await pool.fetch(
        "SELECT monitor, outcome, slots FROM tidegauge.cycle_log WHERE monitor = 'punctual'"
    )
    assert rows
    assert {row["outcome"] for row in rows} & {"skipped", "failed"} == set()
