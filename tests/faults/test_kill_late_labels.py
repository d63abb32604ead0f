"""Late labels are joined once, whatever dies in between."""

from __future__ import annotations

import signal
from pathlib import Path

import asyncpg
import numpy as np
import pandas as pd

from tests.service_process import Place, end, lay_out

DAYS = 24
KILLS = 3
HISTORY = """
SELECT aspect, column_name, segment, metric, definition, window_start, window_end, revision, value, reference,
    threshold, breached, low, high, rows, reason
FROM tidegauge.metrics_history WHERE aspect <> 'health'
ORDER BY 1, 2, 3, 4, 5, 6, 7, 8
"""
EVENTS = "SELECT at, kind, column_name, metric, message FROM tidegauge.event ORDER BY id"
LEFT = "SELECT identity, pane, event_time, payload FROM tidegauge.pending_row ORDER BY event_time, identity"
LABELS = """\
id: key
labels: {path: "{data_dir}/labels.csv", wait: 10d}
performance: {mae: 1.0}
"""


def _late(place: Place) -> None:
    """Take four of five labels out of the rows: most come after two to nine days, some never."""
    random = np.random.default_rng(5)
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path)
    rows.insert(0, "key", [f"k{number}" for number in range(len(rows))])
    late = random.random(len(rows)) < 0.8
    delay = pd.to_timedelta(random.uniform(2, 9, len(rows)), unit="D")
    known = pd.to_datetime(rows["at"], format="ISO8601") + delay
    labels = rows.assign(labelled_at=known)[late & (random.random(len(rows)) < 0.95)]
    labels[["key", "truth", "labelled_at"]].to_csv(place.root / "data/labels.csv", index=False)
    rows.loc[late, "truth"] = np.nan
    rows.to_csv(path, index=False)
    monitor = place.root / "monitors/toy.yaml"
    monitor.write_text(monitor.read_text() + LABELS)


async def _all(url: str) -> list[list[tuple[object, ...]]]:
    connection = await asyncpg.connect(url)
    try:
        return [[tuple(row) for row in await connection.fetch(sql)] for sql in (HISTORY, EVENTS, LEFT)]
    finally:
        await connection.close()


async def test_kills_between_labels_change_nothing(
    tmp_path: Path, database_url: str, empty_database_url: str
) -> None:
    """After three `kill -9` every revision, event and waiting row equals an uninterrupted run's."""
    straight, killed = (lay_out(tmp_path / name, days=DAYS) for name in ("straight", "killed"))
    for place in (straight, killed):
        _late(place)
    done = straight.command("run", "--max-cycles", "200", TIDEGAUGE_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    there = {"TIDEGAUGE_DATABASE_URL": empty_database_url}
    for _ in range(KILLS):
        process = killed.start(TIDEGAUGE_MAX_CYCLES="200", TIDEGAUGE_CYCLE_SECONDS="0.01", **there)
        for _ in range(3):
            killed.until('"labels":', process)
        assert end(process, signal.SIGKILL) == -signal.SIGKILL
    assert killed.start(TIDEGAUGE_MAX_CYCLES="200", **there).wait(120) == 0, killed.log
    expected, found = await _all(database_url), await _all(empty_database_url)
    assert killed.log.count('"source_exhausted": true') == 1
    assert max(row[7] for row in expected[0]) > 5
    assert [len(part) for part in found] == [len(part) for part in expected]
    assert found == expected
