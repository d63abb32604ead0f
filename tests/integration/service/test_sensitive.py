"""Values of a sensitive column are nowhere in clear text: not in the database, nor in what is printed."""

from __future__ import annotations

import asyncio
import csv
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from service.core.profile.codec.profile import decode
from service.core.profile.row_sample import RowSample
from service.core.rows.batch import Labels, Texts
from tests.service_process import Place, lay_out

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

    from service.core.rows.batch import ColumnRows

CANARY = "Kanarienvogel"
MONITOR = """\
source: {type: replay, path: "{data_dir}/rows.csv", timestamp: at, step: 1d}
reference: {path: "{data_dir}/reference.csv"}
columns:
  size: numerical
  colour: {kind: categorical, sensitive: SENSITIVE, allowed: [red, green, blue, Kanarienvogel]}
  remark: {kind: text, sensitive: SENSITIVE}
  guess: numerical
  truth: numerical
prediction: guess
target: truth
by: [colour]
window: {size: 7d, hop: 1d, min_rows: 20}
drift: {thresholds: evidently}
"""


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a monitor with sensitive columns, with values in good rows, bad rows and the reference."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    place = lay_out(tmp_path / "place", days=10)
    for name in ("rows.csv", "reference.csv"):
        path = place.root / "data" / name
        rows = pd.read_csv(path)
        chosen = np.arange(len(rows)) % 3 == 0
        rows["colour"] = np.where(chosen, CANARY, rows["colour"])
        rows["remark"] = np.where(chosen, f"says {CANARY} twice: {CANARY}!", "says nothing")
        rows.loc[[0, 3], "at"] = "no time at all"
        rows.to_csv(path, index=False)
    return place


def _measured(place: Place) -> dict[tuple[str, ...], float]:
    printed = place.command("metrics", "--format", "csv", "--monitor", "toy")
    rows = list(csv.DictReader(printed.stdout.splitlines()))
    keys = ("window_end", "aspect", "column_name", "metric", "definition")
    return {
        tuple(row[key] for key in keys): float(row["value"] or "nan")
        for row in rows
        if row["aspect"] != "health" and not row["segment"]
    }


def _held(column: ColumnRows) -> list[object]:
    if isinstance(column, Texts):
        return list(column.texts)
    return list(column.labels) if isinstance(column, Labels) else []


async def _everything(pool: asyncpg.Pool) -> str:
    """Return all that the database holds, profiles decoded, as one text."""
    names = await pool.fetch("SELECT relname FROM pg_class WHERE relnamespace = 'tidegauge'::regnamespace "
                             "AND relkind IN ('r', 'p') AND NOT relispartition")  # fmt: skip
    found = [
        str(row[0])
        for name in names
        for row in await pool.fetch(f'SELECT t::text FROM tidegauge."{name["relname"]}" t')
    ]
    for record in await pool.fetch("SELECT payload FROM tidegauge.pane"):
        profile = decode(record["payload"])
        found += [str(column) for column in profile.columns.values()]
        found += [str(list(column.distribution.values)) for column in profile.columns.values()]
        for part in profile.parts.values():
            found.append(repr(part))
            if isinstance(part, RowSample):
                found += [str(_held(column)) for column in part.columns.values()]
        found.append(str(record["payload"]))
    return "\n".join(found)


async def test_a_canary_is_nowhere(place: Place, pool: asyncpg.Pool) -> None:
    """With `sensitive` the canary is in no table, no profile, no log and no answer; drift is the same."""
    file = place.root / "monitors/toy.yaml"
    file.write_text(MONITOR.replace("SENSITIVE", "true"))
    done = await asyncio.to_thread(place.command, "run", "--max-cycles", "12")
    assert done.returncode == 0, done.stderr
    hashed = await asyncio.to_thread(_measured, place)
    stored = await _everything(pool)
    checked = await asyncio.to_thread(place.command, "check")
    printed = await asyncio.to_thread(place.command, "metrics", "--format", "json")
    for text in (stored, done.stderr, done.stdout, checked.stdout, checked.stderr, printed.stdout):
        assert CANARY not in text
        assert CANARY.lower() not in text
    assert "hash:" in stored
    assert "RowSample" in stored
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.rejected_row") == 2
    assert (place.root / "data/hash.key").stat().st_mode & 0o777 == 0o600

    await pool.execute("TRUNCATE tidegauge.checkpoint, tidegauge.window_run, tidegauge.sample CASCADE")
    file.write_text(MONITOR.replace("SENSITIVE", "false"))
    await asyncio.to_thread(place.command, "run", "--max-cycles", "12")
    assert CANARY in await _everything(pool)
    plain = await asyncio.to_thread(_measured, place)
    assert plain == pytest.approx(hashed, rel=1e-9, nan_ok=True)
