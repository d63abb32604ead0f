"""The command check: what it says of data and database, and that it leaves no trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg
import pandas as pd
import pytest

from tests.conftest import as_admin
from tests.service_process import Place, lay_out

if TYPE_CHECKING:
    from pathlib import Path

    from service.store.embedded.server import EmbeddedServer

LATE = "id: key\nlabels: {path: '{data_dir}/labels.csv', timestamp: at}\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return lay_out(tmp_path / "place", days=12)


def tree(root: Path) -> dict[str, tuple[int, int]]:
    """Return every file and folder with its size and when it was changed."""
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
    }


def checked(place: Place, **variables: str) -> dict[str, Any]:
    done = place.command("check", "--json", **variables)
    assert done.returncode in {0, 2}, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 2)
    return found


def test_without_a_database_nothing_is_started_or_written(place: Place) -> None:
    """No server, no file: what `run` would create is said."""
    before = tree(place.root)
    done = place.command("check")
    assert done.returncode == 0, done.stderr
    assert tree(place.root) == before
    assert f"none yet; run creates our own server in {place.root}/data/postgres" in done.stdout
    assert "all is well" in done.stdout


async def test_a_database_stays_as_it_is(place: Place, empty_database_url: str) -> None:
    """An empty one is not migrated, and the migrations that run would apply are named."""
    found = checked(place, TIDEGAUGE_DATABASE_URL=empty_database_url)
    assert found["ok"]
    database = found["database"]
    assert (database["migrated_to"], database["pending"][0]) == ("", "0001_create_measurements.sql")
    connection = await asyncpg.connect(empty_database_url)
    try:
        assert await connection.fetchval("SELECT to_regnamespace('tidegauge') IS NULL")
    finally:
        await connection.close()


def test_a_migrated_database_is_up_to_date(place: Place, database_url: str) -> None:
    """The schema's version, no pending migration, no missing right, and the reader's role."""
    done = place.command("check", TIDEGAUGE_DATABASE_URL=database_url)
    assert done.returncode == 0, done.stderr
    assert "up to date" in done.stdout
    assert "the role tidegauge_reader exists and may read" in done.stdout
    database = checked(place, TIDEGAUGE_DATABASE_URL=database_url)["database"]
    assert (database["pending"], database["missing_rights"], database["reader_reads"]) == ([], None, True)


async def test_a_database_that_is_missing_is_not_created(
    place: Place, server: EmbeddedServer, database_url: str
) -> None:
    """A role that may not create it is told what to ask for, and nothing is created."""
    url = urlsplit(database_url)._replace(path="/absent").geturl()
    found = checked(place, TIDEGAUGE_DATABASE_URL=url)
    connection = await asyncpg.connect(server.admin_dsn)
    try:
        assert not await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'absent')"
        )
        may = await connection.fetchval("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'tidegauge'")
    finally:
        await connection.close()
    assert found["ok"] is may
    assert found["database"]["exists"] is False
    if not may:
        assert "CREATE DATABASE absent OWNER tidegauge" in found["faults"][0]["message"]


async def test_a_role_without_rights_is_told_which(
    place: Place, server: EmbeddedServer, database_url: str
) -> None:
    """Each missing right comes with the statement that grants it."""
    name = urlsplit(database_url).path.lstrip("/")
    await as_admin(server, "DROP ROLE IF EXISTS weak", "CREATE ROLE weak LOGIN PASSWORD 'weak'")
    await as_admin(server, "GRANT USAGE ON SCHEMA tidegauge TO weak", database=name)
    parts = urlsplit(database_url)
    url = parts._replace(netloc=f"weak:weak@127.0.0.1:{parts.port}").geturl()
    try:
        found = checked(place, TIDEGAUGE_DATABASE_URL=url)
    finally:
        await as_admin(server, "DROP OWNED BY weak", "DROP ROLE weak", database=name)
    messages = [fault["message"] for fault in found["faults"]]
    assert not found["ok"]
    assert any("permission denied" in m or "GRANT" in m for m in messages), messages


def test_a_server_that_is_away_is_one_fault(place: Place) -> None:
    """The monitors are looked at all the same, and the message holds no password."""
    found = checked(place, TIDEGAUGE_DATABASE_URL="postgresql://someone:secret@127.0.0.1:9/nowhere")
    assert [monitor["name"] for monitor in found["monitors"]] == ["toy"]
    (fault,) = found["faults"]
    assert "127.0.0.1:9" in fault["message"]
    assert "secret" not in json.dumps(found)


def test_rows_times_and_columns_are_counted(place: Place) -> None:
    """What was read of a source, how much of it can be used, and what is there besides."""
    path = place.root / "data/rows.csv"
    frame = pd.read_csv(path)
    frame["other"] = 1
    frame.loc[:11, "at"] = "soon"
    frame.to_csv(path, index=False)
    (toy,) = checked(place)["monitors"]
    assert toy["source"]["rows"] == len(frame)
    assert toy["source"]["usable_times"] == pytest.approx(1 - 12 / len(frame))
    assert toy["source"]["complete"]
    times = pd.to_datetime(frame["at"], errors="coerce", format="ISO8601").dropna()
    assert [time[:16] for time in toy["source"]["span"]] == [
        time.isoformat()[:16] for time in (times.min(), times.max())
    ]
    assert toy["reference"]["rows"] == 1_500
    assert toy["unwatched"] == ["other"]
    labelled = int(frame["truth"].loc[12:].notna().sum())
    counted = {"rows": len(frame) - 12, "with_label": labelled, "late": None, "matched": None}
    assert toy["labels"] == counted | {"label_id": "", "row_id": "", "useless": 0}
    window = toy["window"]
    assert (window["panes"], window["window_bytes"]) == (7, 7 * window["pane_bytes"])
    assert 500 < window["pane_bytes"] < 100_000


async def test_the_cost_is_what_a_run_stores(place: Place, database_url: str) -> None:
    """The bytes of a pane are those of a usual pane in the database."""
    (toy,) = checked(place)["monitors"]
    assert place.command("run", "--max-cycles", "20", TIDEGAUGE_DATABASE_URL=database_url).returncode == 0

    connection = await asyncpg.connect(database_url)
    try:
        stored = await connection.fetchval(
            "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY length(payload)) FROM tidegauge.pane"
        )
    finally:
        await connection.close()
    assert toy["window"]["pane_bytes"] == pytest.approx(stored, rel=0.3)


def test_late_labels_are_matched(place: Place) -> None:
    """Labels of a file of their own: how many there are, how many belong to a row, and none is said."""
    rows = pd.read_csv(place.root / "data/rows.csv")
    rows["key"] = [f"k{number}" for number in range(len(rows))]
    labels = rows[["key", "truth", "at"]].dropna().head(200)
    rows.drop(columns="truth").to_csv(place.root / "data/rows.csv", index=False)
    labels.to_csv(place.root / "data/labels.csv", index=False)
    path = place.root / "monitors/toy.yaml"
    path.write_text(path.read_text() + LATE)
    (toy,) = checked(place)["monitors"]
    assert toy["labels"] == {
        "rows": len(rows),
        "with_label": 200,
        "late": 200,
        "matched": 200,
        "label_id": "",
        "row_id": "",
        "useless": 0,
    }
    labels.assign(key=labels["key"].str.upper()).to_csv(place.root / "data/labels.csv", index=False)
    found = checked(place)
    assert found["monitors"][0]["labels"]["matched"] == 0
    assert any("none of 200 labels has the id of one of" in note["message"] for note in found["notes"])


def test_one_bad_file_hides_no_other(place: Place) -> None:
    """A bad monitor file, a missing column and a missing reference are all found in one go."""
    text = (place.root / "monitors/toy.yaml").read_text()
    monitors = place.root / "monitors"
    (monitors / "bad.yaml").write_text(text.replace("window:", "windows:"))
    (monitors / "name.yaml").write_text(text.replace("colour", "color"))
    (monitors / "gone.yaml").write_text(text.replace("reference.csv", "referenz.csv"))
    done = place.command("check")
    assert done.returncode == 2
    for words in (
        "bad.yaml:6: windows: no such key; the nearest is window",
        "name: source: it has no column 'color'; the nearest is 'colour'; it has size, guess, truth, colour",
        "name: reference: it has no column 'color'; the nearest is 'colour'",
        "gone: reference:",
        "the nearest is 'reference.csv'",
    ):
        assert words in done.stderr, done.stderr
    assert "toy\n  source: 480 rows" in done.stdout
    assert "gone\n  source: 480 rows" in done.stdout
    assert "all is well" not in done.stdout


def test_a_running_server_of_our_own_is_looked_at(place: Place) -> None:
    """While the service runs, its own database is read, and only read."""
    process = place.start()
    try:
        place.until("source exhausted" if "source exhausted" in place.log else '"cycle"', process)
        done = place.command("check")
        assert done.returncode == 0, done.stderr
        assert "up to date" in done.stdout
    finally:
        process.terminate()
        process.wait(30)
    assert "not running; run starts it" in place.command("check").stdout
