"""The changes that detectors find are the same ones, once each, whatever dies."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pandas as pd
import pytest

from tests.service_process import MONITOR, Place, lay_out, run_undisturbed_and_killed

DAYS = 60
KILLS = 3
DETECTORS = (
    "detectors: {adwin: {clock: 1}, page_hinkley: {threshold: 15.0}, hddm_w: {}, eddm: {}, kswin: {}}\n"
)


def _place(root: Path, name: str) -> Place:
    """Lay out a monitor of that name whose errors triple half-way."""
    place = lay_out(root / name, days=DAYS)
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path)
    late = pd.to_datetime(rows["at"], format="ISO8601") > pd.Timestamp("2024-01-31", tz="UTC")
    rows["guess"] += 2 * late * (rows["guess"] - rows["truth"])
    rows.to_csv(path, index=False)
    (place.root / "monitors/toy.yaml").unlink()
    (place.root / f"monitors/{name}.yaml").write_text(MONITOR + DETECTORS)
    return place


async def test_kills_change_no_change_point(
    tmp_path: Path, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some `kill -9` the events equal an uninterrupted run's, field for field."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    straight, killed = (_place(tmp_path, name) for name in ("straight", "killed"))
    run_undisturbed_and_killed(straight, killed, kills=KILLS, seed=5)

    found = [
        [tuple(row) for row in await pool.fetch(
            "SELECT at, kind, metric, message, details FROM tidegauge.event "
            "WHERE monitor = $1 AND kind = 'change_point' ORDER BY at, metric, id", name)]
        for name in ("straight", "killed")
    ]  # fmt: skip
    assert {row[2] for row in found[0]} >= {"adwin", "page_hinkley", "hddm_w"}
    assert found[1] == found[0]
