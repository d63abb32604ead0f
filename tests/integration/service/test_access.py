"""Tokens for real: the commands, the database, the disk, an outage, and the log."""

from __future__ import annotations

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from service import cli
from service.access import cache_file
from service.access.gate import Asked, Gate
from service.access.refresh import STATED_SECONDS
from service.config.settings import Settings
from service.store.embedded.server import EmbeddedServer
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from service.wiring.http.access import FILE_NAME, gate
from tests.conftest import HASTY, on_database
from tests.integration.inbox.live import lay_out, living, row

pytestmark = pytest.mark.postgres
ELSEWHERE = "0.0.0.0"  # noqa: S104 - where a token is asked for; nothing is bound


class Commands:
    """`tidegauge token`, run against a database."""

    def __init__(self, url: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        (folder / "monitors").mkdir()
        lay_out(folder).rename(folder / "monitors/toy.yaml")
        monkeypatch.chdir(folder)
        self._set = monkeypatch.setenv
        self._capsys = capsys
        self.connect(url)
        self._set("TIDEGAUGE_DATA_DIR", str(folder))
        self._set("TIDEGAUGE_MONITORS_DIR", str(folder / "monitors"))

    def connect(self, url: str) -> None:
        self._set("TIDEGAUGE_DATABASE_URL", url)

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        status = await asyncio.to_thread(cli.main, ["token", *arguments])
        found = self._capsys.readouterr()
        return status, found.out, found.err


@pytest.fixture
def commands(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Commands:
    return Commands(database_url, tmp_path, monkeypatch, capsys)


def _status(found: Gate, secret: str, path: str = "/v1/monitors/toy/rows") -> int:
    method = "POST" if path.endswith("rows") else "GET"
    refusal = found.refusal(Asked(method, path, [(b"authorization", f"Bearer {secret}".encode())]))
    return 200 if refusal is None else refusal.status


async def _until(found: Gate, secret: str, status: int) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    while _status(found, secret) != status:
        assert loop.time() - started < STATED_SECONDS
        await asyncio.sleep(0.05)
    return loop.time() - started


async def test_a_token_is_made_listed_taken_and_refused_within_the_stated_time(
    commands: Commands, pool: asyncpg.Pool, tmp_path: Path, reader: asyncpg.Connection
) -> None:
    """Its secret is printed once and is nowhere else; a running service follows within five seconds."""
    async with gate(Settings(data_dir=tmp_path, http_host=ELSEWHERE), pool) as found:
        status, secret, said = await commands.run(
            "create", "the shop's model", "--scope", "rows,labels", "--monitor", "toy"
        )
        secret = secret.strip()
        assert (status, secret in said) == (0, False)
        await _until(found, secret, 200)
        assert _status(found, secret, "/v1/monitors/toy/state") == 403
        assert _status(found, secret, "/v1/monitors/other/rows") == 403
        _, listed, _ = await commands.run("list", "--json")
        (one,) = json.loads(listed)
        assert (one["name"], one["monitors"], one["scopes"]) == (
            "the shop's model", ["toy"], ["labels", "rows"],
        )  # fmt: skip
        stored = await pool.fetchrow("SELECT * FROM tidegauge.access_token")
        on_disk = (tmp_path / "inbox" / FILE_NAME).read_text()
        for kept in (listed, str(dict(stored)), on_disk):
            assert secret.rpartition("_")[2] not in kept
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.fetch("SELECT digest FROM tidegauge.access_token")
        assert (await commands.run("revoke", one["id"]))[0] == 0
        await _until(found, secret, 401)
        _, listed, _ = await commands.run("list")
        assert "the shop's model  toy" in listed
        assert listed.splitlines()[1].split()[-2:] != ["-", "-"]


async def test_a_token_for_nothing_that_there_is_is_refused(commands: Commands) -> None:
    """A misspelt monitor, scope or id is named with what there is; nothing is made."""
    status, _, said = await commands.run("create", "x", "--scope", "rows", "--monitor", "toi")
    assert (status, "the nearest is 'toy'" in said) == (2, True)
    status, _, said = await commands.run("create", "x", "--scope", "raws")
    assert (status, "expected one or more of rows, labels, read, admin" in said) == (2, True)
    status, _, said = await commands.run("revoke", "0123456789ab")
    assert (status, "no token has this id" in said) == (2, True)
    assert "There is no token yet" in (await commands.run("list"))[1]


async def test_rows_are_taken_by_the_hashes_on_the_disk_while_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Postgres is stopped; a service that starts then takes a known token, and refuses a wrong one."""
    folder = tmp_path / "data"
    folder.mkdir()
    settings = Settings(data_dir=folder, http_host=ELSEWHERE)
    async with EmbeddedServer(tmp_path / "server", settings=HASTY) as server:
        pool = await open_pool(server.dsn)
        await migrate(pool, migrations_folder())
        commands = Commands(server.dsn, folder, monkeypatch, capsys)
        secret = (await commands.run("create", "sender", "--scope", "rows"))[1].strip()
        lost = (await commands.run("create", "lost", "--scope", "rows"))[1].strip()
        async with gate(settings, pool) as before:
            assert (_status(before, secret), _status(before, lost)) == (200, 200)
            commands.connect(on_database(server.dsn, "nowhere").replace("://tidegauge:", "://tidegauge:no"))
            status, _, said = await commands.run("revoke", lost)
            assert (status, "refused by services over" in said) == (1, True), said
            await _until(before, lost, 401)
    try:
        path = folder / "inbox" / FILE_NAME
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        async with gate(settings, pool) as after, living(pool, folder, settings=settings, gate=after) as live:
            taken = await live.send([row("a", 1)], authorization=f"Bearer {secret}")
            assert taken.status_code == 202, taken.text
            assert (await live.send([row("b", 1)], authorization=f"Bearer {lost}")).status_code == 401
            wrong = f"{secret[:-4]}0000"
            assert (await live.send([row("b", 1)], authorization=f"Bearer {wrong}")).status_code == 401
        cache_file.write(path, b"{damaged")
        async with gate(settings, pool) as damaged:
            assert _status(damaged, secret) == 503  # nobody knows: the sender keeps its rows
    finally:
        pool.terminate()
