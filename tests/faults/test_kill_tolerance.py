"""The evidence against a tolerance is counted once a day, whatever dies."""

from __future__ import annotations

from pathlib import Path

import asyncpg
import pandas as pd
import pytest

from tests.service_process import MONITOR, Place, lay_out, run_undisturbed_and_killed

DAYS = 40
KILLS = 2
TOLERANCE = "performance: {mae: {worse_by: 10%}, mean_error: reference}\n"


def _place(root: Path, name: str) -> Place:
    """Lay out a monitor of that name whose errors double half-way; its reference has days of its own."""
    place = lay_out(root / name, days=DAYS)
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path)
    at = pd.to_datetime(rows["at"], format="ISO8601")
    later = at > at.min() + pd.Timedelta(days=DAYS // 2)
    rows.head(len(rows) // 2).to_csv(place.root / "data/days.csv", index=False)
    rows["guess"] += later * (rows["guess"] - rows["truth"])
    rows.to_csv(path, index=False)
    (place.root / "monitors/toy.yaml").unlink()
    text = MONITOR.replace("reference.csv", "days.csv")
    (place.root / f"monitors/{name}.yaml").write_text(text + TOLERANCE)
    return place


async def test_kills_change_no_evidence(
    tmp_path: Path, database_url: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After some `kill -9` every window has the evidence and the limit of an uninterrupted run."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    straight, killed = (_place(tmp_path, name) for name in ("straight", "killed"))
    run_undisturbed_and_killed(straight, killed, kills=KILLS, seed=6)

    found = [
        [tuple(row) for row in await pool.fetch(
            "SELECT window_end, metric, value, threshold, breached, reason FROM tidegauge.metrics "
            "WHERE monitor = $1 AND metric IN ('mae_worse_by', 'mean_error') AND segment = '' "
            "ORDER BY window_end, metric", name)]
        for name in ("straight", "killed")
    ]  # fmt: skip
    evidence = [row for row in found[0] if row[1] == "mae_worse_by"]
    assert any(row[4] for row in evidence), evidence
    assert any(row[3] is not None for row in found[0] if row[1] == "mean_error")
    assert found[1] == found[0]
    kept = await pool.fetch("SELECT tolerances FROM tidegauge.checkpoint ORDER BY monitor")
    assert kept[0]["tolerances"]["mae"] == kept[1]["tolerances"]["mae"]
