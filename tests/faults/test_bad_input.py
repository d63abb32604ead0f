"""Bad input never stops the service and never becomes a silent zero."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import asyncpg
import numpy as np
import pandas as pd
import pytest

from tests.service_process import Place, lay_out


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a folder over a database of the test's own."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    return lay_out(tmp_path / "place", days=10)


def _spoilt(place: Place, change: Callable[[pd.DataFrame], pd.DataFrame]) -> list[dict[str, str]]:
    """Run over changed rows; return the last window's measurements."""
    path = place.root / "data/rows.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)
    done = place.command("run", "--max-cycles", "20")
    assert done.returncode == 0, done.stderr
    lines = csv.DictReader(place.command("metrics", "--format", "csv").stdout.splitlines())
    measured = [line for line in lines if line["aspect"] != "health"]
    last = max(line["window_end"] for line in measured)
    return [line for line in measured if line["window_end"] == last]


def _one(lines: list[dict[str, str]], column: str, metric: str) -> dict[str, str]:
    (line,) = (line for line in lines if (line["column_name"], line["metric"]) == (column, metric))
    return line


def test_a_missing_column_is_measured_as_missing(place: Place) -> None:
    """The column's drift has a reason, its missing share is 1, the others are measured."""
    lines = _spoilt(place, lambda rows: rows.drop(columns="size"))
    assert float(_one(lines, "size", "missing_share")["value"]) == 1.0
    drift = _one(lines, "size", "wasserstein")
    assert (drift["value"], bool(drift["reason"])) == ("", True)
    assert float(_one(lines, "guess", "wasserstein")["value"]) < 0.3


def test_an_all_null_column_is_measured_as_missing(place: Place) -> None:
    """An empty column is no zero drift."""
    lines = _spoilt(place, lambda rows: rows.assign(size=np.nan, colour=None))
    for column, method in (("size", "wasserstein"), ("colour", "jensenshannon")):
        assert float(_one(lines, column, "missing_share")["value"]) == 1.0
        assert _one(lines, column, method)["value"] == ""
        assert _one(lines, column, method)["reason"]


def test_text_among_numbers_is_counted(place: Place) -> None:
    """Numbers that arrive as text are numbers; text that is none is counted as such, not as missing."""
    lines = _spoilt(place, lambda rows: rows.assign(size=[*["n/k"] * 40, *map(str, rows["size"][40:])]))
    assert 0.05 < float(_one(lines, "size", "unparsable_share")["value"]) < 0.2
    assert float(_one(lines, "size", "missing_share")["value"]) == 0.0
    assert float(_one(lines, "size", "wasserstein")["value"]) < 0.3


def test_labels_that_never_came_are_no_zero_error(place: Place) -> None:
    """Without a label there is no error, only the reason and the rows that wait."""
    lines = _spoilt(place, lambda rows: rows.assign(truth=np.nan))
    mae = _one(lines, "", "mae")
    assert (mae["value"], mae["reason"]) == ("", "no labels yet")
    assert float(_one(lines, "", "pending_rows")["value"]) > 200


async def test_a_time_that_does_not_parse_is_a_reject(place: Place, pool: asyncpg.Pool) -> None:
    """Such a row is kept with its reason; the others are measured."""
    lines = _spoilt(place, lambda rows: rows.assign(at=["soon", *rows["at"][1:]]))
    rejected = await pool.fetch("SELECT reason, row FROM tidegauge.rejected_row")
    assert len(rejected) == 1
    assert "is not a time" in rejected[0]["reason"]
    assert "soon" in json.dumps(rejected[0]["row"])
    assert float(_one(lines, "", "rows")["value"]) > 200


def test_a_single_row_is_too_few(place: Place) -> None:
    """A batch of one row gives no number, and says how many rows there were."""
    lines = _spoilt(place, lambda rows: rows.head(1))
    assert _one(lines, "size", "wasserstein")["reason"].startswith("1 rows, fewer than the 20")
    assert float(_one(lines, "", "rows")["value"]) == 1.0


@pytest.mark.parametrize("content", [None, b"", b"at,size\n", b"PAR1 and then nothing of the kind"])
def test_an_unusable_file_fails_its_own_monitor_only(place: Place, content: bytes | None) -> None:
    """An unreadable or empty file is an error by name, retried; another monitor runs to its end."""
    text = (place.root / "monitors/toy.yaml").read_text()
    (place.root / "monitors/bad.yaml").write_text(text.replace("rows.csv", "bad.csv"))
    if content is not None:
        (place.root / "data/bad.csv").write_bytes(content)
    done = place.command("run", "--max-cycles", "2")
    assert done.returncode == 1
    failed = [json.loads(line) for line in done.stderr.splitlines() if '"cycle failed"' in line]
    assert {(line["monitor"], "bad.csv" in line["error"]) for line in failed} == {("bad", True)}
    lines = list(csv.DictReader(place.command("metrics", "--format", "csv").stdout.splitlines()))
    assert {line["monitor"] for line in lines if line["metric"] == "mae"} == {"toy"}
    assert [
        line["value"] for line in lines if line["metric"] == "failed_cycles" and line["monitor"] == "bad"
    ] == [
        "1.0",
        "1.0",
    ]


async def test_a_column_that_is_null_in_every_row_has_vanished(place: Place, pool: asyncpg.Pool) -> None:
    """Present, typed and empty: one event, and a breach without any threshold in the monitor file."""
    lines = _spoilt(place, lambda rows: rows.assign(size=np.nan, colour=None))
    for column in ("size", "colour"):
        share = _one(lines, column, "missing_share")
        assert (float(share["value"]), share["breached"]) == (1.0, "true")
    events = await pool.fetch(
        "SELECT column_name, message FROM tidegauge.event WHERE kind = 'schema_change' ORDER BY column_name"
    )
    assert [event["column_name"] for event in events] == ["colour", "size"]
    assert all("is empty: it is there, and null in all of" in event["message"] for event in events)
    raised = await pool.fetch(
        "SELECT DISTINCT column_name FROM tidegauge.event WHERE kind = 'breach' AND metric = 'missing_share'"
    )
    assert {event["column_name"] for event in raised} == {"colour", "size"}


def test_a_source_without_usable_times_is_a_fault_and_never_waits(place: Place) -> None:
    """`check` and each cycle say what is in the time column; the run ends as failed, not as finished."""
    path = place.root / "data/rows.csv"
    rows = pd.read_csv(path)
    rows.assign(at="around noon").to_csv(path, index=False)
    expected = f'none of {len(rows)} rows has a usable time: at is "around noon", which is not a time'
    checked = place.command("check")
    assert (checked.returncode, expected in checked.stderr) == (2, True)
    done = place.command("run", "--max-cycles", "2")
    assert done.returncode == 1
    failed = [json.loads(line) for line in done.stderr.splitlines() if '"cycle failed"' in line]
    assert failed
    assert all((line["level"], expected in line["error"]) == ("error", True) for line in failed)


def test_rejected_rows_are_measured_and_breach(place: Place) -> None:
    """A tenth of the rows without a time is a breach of every window, a few are not."""
    lines = _spoilt(place, lambda rows: rows.assign(at=rows["at"].where(rows.index % 10 > 0, "soon")))
    share = _one(lines, "", "rejected_share")
    assert (float(share["value"]) == pytest.approx(0.1, abs=0.01), share["breached"]) == (True, "true")
