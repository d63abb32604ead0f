"""The commands `monitor list`, `reset`, `remove` and `rename`, on a database that a service has filled."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service.cli import main
from service.commands import monitor
from service.store import lifecycle
from service.store.leases import leases
from service.store.pool import open_pool
from service.store.postgres import PostgresStore
from service.store.tables.inbox import sent_monitors
from tests.integration.store.test_store_commit import record
from tests.service_process import Place, lay_out

WINDOWS = "SELECT count(*) FROM tidegauge.window_run WHERE monitor = $1 AND revision = $2"


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Lay out a folder over a database of the test's own, and run its replay to the end."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    place = lay_out(tmp_path / "place", days=12)
    _run(place)
    return place


def _run(place: Place) -> None:
    done = place.command("run", "--max-cycles", "40")
    assert done.returncode == 0, done.stderr


def _file(place: Place, name: str = "toy") -> Path:
    return place.root / f"monitors/{name}.yaml"


def _listed(place: Place) -> list[dict[str, Any]]:
    done = place.command("monitor", "list", "--json")
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, Any]] = json.loads(done.stdout)
    return listed


async def _measured(pool: asyncpg.Pool, monitor: str = "toy") -> dict[tuple[Any, ...], Any]:
    """Return the latest values, without those of the cycles' own health."""
    rows = await pool.fetch(
        "SELECT * FROM tidegauge.metrics WHERE monitor = $1 AND revision IS NOT NULL AND aspect <> 'health'",
        monitor,
    )
    keys = ("window_start", "window_end", "aspect", "column_name", "segment", "metric", "definition")
    return {tuple(row[key] for key in keys): (row["value"], row["rows"], row["reason"]) for row in rows}


async def test_an_ended_replay_is_reset_and_measured_again(place: Place, pool: asyncpg.Pool) -> None:
    """Every window gets a second revision with the same values; nothing of the first is lost."""
    first = await _measured(pool)
    windows = await pool.fetchval(WINDOWS, "toy", 1)
    assert windows > 5
    done = place.command("monitor", "reset", "toy")
    assert (done.returncode, done.stdout) == (
        0, "toy is measured again from its start, by a running service or the next start\n",
    )  # fmt: skip
    assert await pool.fetchval("SELECT alarms FROM tidegauge.checkpoint") == {}
    _run(place)
    assert await pool.fetchval(WINDOWS, "toy", 1) == windows
    assert await pool.fetchval(WINDOWS, "toy", 2) == windows
    assert await _measured(pool) == first
    kinds = [row["kind"] for row in await pool.fetch("SELECT kind FROM tidegauge.event ORDER BY id")]
    assert [kind for kind in kinds if kind in {"ended", "reset"}] == ["ended", "reset", "ended"]


async def test_a_reset_from_a_time_measures_what_follows(place: Place, pool: asyncpg.Pool) -> None:
    """The panes before it are kept, so that the first windows after it are whole: all values are the same."""
    first = await _measured(pool)
    done = place.command("monitor", "reset", "toy", "--from", "2024-01-09T10:00")
    assert (done.returncode, done.stderr) == (0, "")
    assert "from 2024-01-09 00:00 UTC on" in done.stdout
    _run(place)
    again = await pool.fetch(
        "SELECT window_end FROM tidegauge.window_run WHERE revision = 2 ORDER BY window_end"
    )
    assert [row["window_end"].day for row in again] == [10, 11, 12, 13]
    assert await _measured(pool) == first
    assert await pool.fetchval("SELECT rows FROM tidegauge.checkpoint") == 12 * 40


async def test_a_reset_from_a_time_without_its_panes_is_refused(place: Place, pool: asyncpg.Pool) -> None:
    """Windows of a part of their rows would be wrong, so nothing is changed."""
    await pool.execute("DELETE FROM tidegauge.pane WHERE pane_start < '2024-01-05'")
    before = await pool.fetchrow("SELECT * FROM tidegauge.checkpoint")
    done = place.command("monitor", "reset", "toy", "--from", "2024-01-09")
    assert done.returncode == 1
    assert "need panes before 2024-01-09 00:00:00+00:00 that are no longer kept" in done.stderr
    assert await pool.fetchrow("SELECT * FROM tidegauge.checkpoint") == before


REFUSED = {
    ("reset", "tay"): "no monitor is named 'tay'; the nearest is 'toy'; there are: toy",
    ("remove", "tay"): "no monitor is named 'tay'; the nearest is 'toy'; there are: toy",
    ("remove", "toy"): "toy.yaml still defines it; delete or move it first",
    ("rename", "toy", "boat"): "toy.yaml still defines it; rename it first: boat.yaml, or its `name:`",
    ("rename", "tay", "boat"): "there is no history: no monitor is named 'tay'; the nearest is 'toy'",
    ("rename", "toy", "toy"): "toy: is the new name as well; expected another",
    ("reset", "toy", "--from", "2030-01-01"): "no row of it was measured from 2030-01-01",
}


def test_what_cannot_be_done_is_said(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 2, and what there is is named."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    for arguments, message in REFUSED.items():
        assert main(["monitor", *arguments]) == 2
        said = capsys.readouterr()
        assert message in said.err, arguments
        assert said.out == ""


async def test_a_removed_monitor_leaves_the_views_and_comes_back_with_its_file(
    place: Place, pool: asyncpg.Pool
) -> None:
    """Its alarms go with it, its history stays, and a file of its name shows it again where it was."""
    await pool.execute('UPDATE tidegauge.checkpoint SET alarms = \'{"performance|||mae|": "xxx!"}\'')
    await pool.execute(
        "INSERT INTO tidegauge.event (monitor, at, kind, metric, message, details) "
        "VALUES ('toy', now(), 'breach', 'mae', 'm', $1)",
        {"aspect": "performance", "segment": "", "definition": ""},
    )
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.alarms") == 1
    text = _file(place).read_text()
    _file(place).rename(_file(place).with_suffix(".off"))
    (left,) = _listed(place)
    assert (left["file"], left["state"], left["rows"]) == (None, "no file", 12 * 40)
    before = len(await _measured(pool))
    await pool.execute("UPDATE tidegauge.checkpoint SET ended = false")
    done = place.command("monitor", "remove", "toy")
    assert done.returncode == 2
    assert "toy: a service seems to run it: its last cycle was a moment ago" in done.stderr
    await pool.execute("UPDATE tidegauge.checkpoint SET ended = true")
    done = place.command("monitor", "remove", "toy")
    assert (done.returncode, done.stderr) == (0, "")
    for view in ("monitors", "alarms"):
        assert await pool.fetchval(f"SELECT count(*) FROM tidegauge.{view}") == 0
    assert len(await _measured(pool)) == before
    assert _listed(place)[0]["state"] == "removed"
    _file(place).write_text(text)
    _run(place)
    assert await pool.fetchval("SELECT state FROM tidegauge.monitors") == "alarm"
    assert await pool.fetchval(WINDOWS, "toy", 2) == 0


async def test_a_purge_leaves_nothing_and_the_others_alone(
    place: Place, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No table has a row of it, whatever the batches' size; another monitor's are all there."""
    monkeypatch.setattr(lifecycle, "BATCH", 7)
    _file(place, "boat").write_text(_file(place).read_text())
    _run(place)
    kept = await _measured(pool, "boat")
    _file(place).unlink()
    await lifecycle.remove(pool, "toy")
    deleted = await lifecycle.purge(pool, "toy")
    assert deleted > len(kept)
    assert await _tables_with(pool, "toy") == []
    assert await _measured(pool, "boat") == kept
    assert (
        await pool.fetchval(
            "SELECT count(*) FROM tidegauge.sample x LEFT JOIN tidegauge.series s ON s.id = x.series_id "
            "WHERE s.id IS NULL"
        )
        == 0
    )
    done = place.command("monitor", "remove", "toy", "--purge")
    assert done.returncode == 2
    assert "no monitor is named 'toy'" in done.stderr


async def test_a_renamed_file_takes_its_history_along(place: Place, pool: asyncpg.Pool) -> None:
    """Every table follows, and the next start goes on where the old name was: no window is measured twice."""
    first, tables = await _measured(pool), await _tables_with(pool, "toy")
    _file(place).rename(_file(place, "boat"))
    done = place.command("monitor", "rename", "toy", "boat")
    assert (done.returncode, done.stdout) == (0, "the history of toy is that of boat\n")
    assert await _tables_with(pool, "toy") == []
    assert set(await _tables_with(pool, "boat")) >= set(tables)
    _run(place)
    assert await _measured(pool, "boat") == first
    assert [each["name"] for each in _listed(place)] == ["boat"]
    assert await pool.fetchval("SELECT max(revision) FROM tidegauge.window_run") == 1


async def test_a_history_is_replaced_only_where_that_is_asked_for(place: Place, pool: asyncpg.Pool) -> None:
    """A service that ran the renamed file meanwhile has measured it under the new name."""
    first = await _measured(pool)
    _file(place).rename(_file(place, "boat"))
    _run(place)
    done = place.command("monitor", "rename", "toy", "boat")
    assert done.returncode == 2
    assert "boat has a history of its own; expected --replace" in done.stderr
    assert place.command("monitor", "rename", "toy", "boat", "--replace").returncode == 0
    assert await _measured(pool, "boat") == first
    _run(place)
    assert await pool.fetchval("SELECT max(revision) FROM tidegauge.window_run") == 1


def test_the_list_says_what_a_file_lacks(place: Place) -> None:
    """A file with a fault and one that never ran are listed with the others."""
    _file(place, "new").write_text(_file(place).read_text())
    _file(place, "broken").write_text("sauce: {}\n")
    done = place.command("monitor", "list")
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0] == ["monitor", "from", "state", "last", "window", "rows"]
    assert [line[0] for line in lines[1:4]] == ["broken", "new", "toy"]
    assert lines[2][2:] == ["not", "run", "yet", "-", "0"]
    assert lines[3][-4:] == ["ended", "2024-01-13", "00:00", "480"]
    assert "broken.yaml:1: sauce: no such key" in done.stdout


async def _tables_with(pool: asyncpg.Pool, monitor: str) -> list[str]:
    names = await pool.fetch(
        "SELECT table_name FROM information_schema.columns c JOIN information_schema.tables t "
        "USING (table_schema, table_name) WHERE c.table_schema = 'tidegauge' AND c.column_name = 'monitor' "
        "AND t.table_type = 'BASE TABLE' ORDER BY 1"
    )
    tables = [row["table_name"] for row in names]
    assert {"checkpoint", "series", "window_run", "pane", "event", "cycle_log"} <= set(tables)
    query = "SELECT count(*) FROM tidegauge.{} WHERE monitor = $1"
    return [table for table in tables if await pool.fetchval(query.format(table), monitor)]


def test_a_monitor_to_which_rows_are_sent_is_not_reset(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its rows are gone once they are measured: a reset would only throw its panes away."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    path = _file(place)
    source = "source: {type: http, timestamp: at}"
    path.write_text("\n".join([source, *path.read_text().splitlines()[1:]]) + "\n")
    assert main(["monitor", "reset", "toy", "--yes"]) == 2
    assert "its rows were sent, and are not kept" in capsys.readouterr().err


async def _held(database_url: str, monitor: str, replica: str = "gauge:8000") -> None:
    pool = await open_pool(database_url)
    try:
        own = leases.Identity("here", replica, "")
        await leases.register(pool, own, "", {monitor: "hash"}, 60.0)
        assert await leases.take(pool, own.id, {monitor: "hash"})
    finally:
        await pool.close()


def test_what_a_service_holds_is_not_called_left_over(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command that is started without the service's folder learns from the database who measures what."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    asyncio.run(_held(database_url, "toy"))
    assert main(["monitor", "list"]) == 0
    listed = capsys.readouterr().out
    assert re.search(r"^toy +gauge:8000 +not run yet", listed, re.MULTILINE), listed
    assert "the service gauge:8000 measures it" in listed
    assert "monitor remove" not in listed
    assert main(["status"]) == 0
    assert re.search(r"^toy +not run yet", capsys.readouterr().out, re.MULTILINE)
    for command in (["monitor", "remove", "toy"], ["monitor", "rename", "toy", "boat"]):
        assert main(command) == 2
        assert "toy: gauge:8000 measures it; delete its file there" in capsys.readouterr().err
    assert main(["monitor", "reset", "toy"]) == 2
    assert "toy: gauge:8000 measures it, by a file that is not in config/monitors" in capsys.readouterr().err
    assert main(["audit", "tay"]) == 2
    assert "no monitor is named 'tay'; the nearest is 'toy'" in capsys.readouterr().err
    assert main(["monitor", "remove", "toy", "--force"]) == 0


async def test_a_monitor_that_another_replica_has_a_file_of_is_left_alone(
    tmp_path: Path,
    database_url: str,
    pool: asyncpg.Pool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where its holder has died and none has taken it over yet: it would be measured from its start."""
    for name, value in lay_out(tmp_path / "place", days=1).environment.items():
        if name.startswith("TIDEGAUGE_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    monkeypatch.setattr(monitor, "NOTICING_SECONDS", 0.1)
    assert await PostgresStore(pool).commit(record(1))
    await pool.execute("UPDATE tidegauge.cycle_log SET finished_at = now() - interval '1 day'")
    other = leases.Identity("two", "host-b:7", "")
    await leases.register(pool, other, "", {"flights": "a"}, 60.0)
    for command in (["rename", "flights", "new"], ["remove", "flights"]):
        assert await asyncio.to_thread(main, ["monitor", *command]) == 2
        assert "flights: host-b:7 still has a file of it" in capsys.readouterr().err
    await leases.register(pool, other, "", {}, 60.0)
    assert await asyncio.to_thread(main, ["monitor", "rename", "flights", "new"]) == 0


async def _sent(database_url: str, name: str) -> None:
    pool = await open_pool(database_url)
    try:
        await sent_monitors.keep(pool, name, "source: {type: http}\n", "ci")
    finally:
        await pool.close()


async def _left(database_url: str) -> None:
    pool = await open_pool(database_url)
    try:
        await leases.leave(pool, ["here"])
    finally:
        await pool.close()


def test_a_sent_monitor_is_purged_once_its_service_has_let_go(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cycle that was under way would write again what is deleted; who does not let go is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    monkeypatch.setattr(monitor, "LET_GO_SECONDS", 0.3)
    asyncio.run(_held(database_url, "cart"))
    asyncio.run(_sent(database_url, "cart"))
    assert main(["monitor", "remove", "cart", "--purge"]) == 1
    assert "cart is removed, but gauge:8000 has not let go of it" in capsys.readouterr().err
    asyncio.run(_left(database_url))
    assert main(["monitor", "remove", "cart", "--purge"]) == 0
    assert "cart is removed, with " in capsys.readouterr().out
    assert main(["monitor", "list"]) == 0
    assert "cart" not in capsys.readouterr().out
