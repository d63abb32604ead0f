# ruff: noqa: ASYNC220, ASYNC240, S106  # files and processes are what is tested; the password is wrong
from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.errors import EmbeddedServerError
from service.store.embedded import file_lock, run_as
from service.store.embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

ROOT = Path(__file__).parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has another user's server to start")

# Starts the server (as the user given, if any), says its process, and stops it when standard input ends.
SERVICE = """
import asyncio, concurrent.futures.thread, encodings.idna, os, sys
from pathlib import Path
from service.store.embedded.server import EmbeddedServer

if len(sys.argv) > 2:
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))

async def main():
    async with EmbeddedServer(Path(sys.argv[1])) as server:
        print(server.pid, server.dsn, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """Make a data directory with its cluster, to be copied."""
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-embedded-"))

    async def make() -> None:
        async with EmbeddedServer(folder / "data"):
            pass

    asyncio.run(make())
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture
def data_dir(new_dir: Path, made: Path) -> Path:
    """Give a data directory with a cluster that does not run."""
    subprocess.run(["cp", "-a", made, new_dir], check=True)
    return new_dir


@pytest.fixture
def new_dir() -> Iterator[Path]:
    """Give a folder still to be made, in one that only we may enter; a server left in it is ended."""
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-embedded-"))
    yield folder / "data"
    if (folder / "data/postgres/cluster").exists():
        asyncio.run(_end(folder / "data"))
    shutil.rmtree(folder)


async def _end(folder: Path) -> None:
    server = EmbeddedServer(folder)
    if server.pid is not None:
        os.kill(server.pid, signal.SIGQUIT)
    await until(lambda: not file_lock.is_held(folder / "postgres/server.lock"))


class Service:
    """Another process that uses the server."""

    def __init__(self, process: asyncio.subprocess.Process, line: str) -> None:
        self.process = process
        pid, self.dsn = line.split()
        self.server_pid = int(pid)

    async def kill(self) -> None:
        self.process.kill()
        await self.process.communicate()

    async def leave(self) -> None:
        _, said = await self.process.communicate(b"")
        assert self.process.returncode == 0, said.decode()


async def start_service(folder: Path, *user: str) -> Service:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-c", SERVICE, str(folder), *user, cwd=ROOT,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    line = (await process.stdout.readline()).decode()
    if not line:
        pytest.fail((await process.stderr.read()).decode())
    return Service(process, line)


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def execute(dsn: str, statement: str) -> object:
    async with connected(dsn) as connection:
        return await connection.fetchval(statement)


async def until(condition: object, seconds: float = 20) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_restart_keeps_data_port_and_password(data_dir: Path):
    """What was written is there after a stop and a start, under the same URL."""
    async with EmbeddedServer(data_dir) as server:
        dsn, pid = server.dsn, server.pid
        await execute(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert not is_running(pid or 0)
    async with EmbeddedServer(data_dir) as server:
        assert server.dsn == dsn
        assert await execute(dsn, "SELECT answer FROM kept") == 42


async def test_the_database_is_utc_utf8_and_durable(new_dir: Path):
    """The server is set up as the service relies on it, and its roles are no superusers."""
    async with EmbeddedServer(new_dir) as server, connected(server.dsn) as connection:
        shown = {
            name: await connection.fetchval(f"SHOW {name}")
            for name in ("timezone", "server_encoding", "fsync", "synchronous_commit", "listen_addresses")
        }
        assert shown == {
            "timezone": "UTC", "server_encoding": "UTF8", "fsync": "on", "synchronous_commit": "on",
            "listen_addresses": "127.0.0.1",
        }  # fmt: skip
        assert (
            await connection.fetchval("SELECT datcollate FROM pg_database WHERE datname = 'tidegauge'")
            == "C.UTF-8"
        )
        assert (
            await connection.fetch("SELECT 1 FROM pg_roles WHERE rolname ~ '^tidegauge' AND rolsuper") == []
        )


async def test_a_password_is_asked_for_and_kept_private(data_dir: Path):
    """Nobody comes in without the password, which only its owner can read."""
    async with EmbeddedServer(data_dir) as server:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=server.port, user="tidegauge", password="wrong", database="tidegauge"
            )
    assert stat.S_IMODE((data_dir / "postgres/connection.json").stat().st_mode) == 0o600


async def test_a_server_killed_under_its_service_comes_back(data_dir: Path):
    """After kill -9 of Postgres it is started again under the same URL, with what was committed."""
    async with EmbeddedServer(data_dir) as server:
        await execute(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        await until(lambda: server.pid not in {None, killed})
        deadline = time.monotonic() + 20
        while True:
            try:
                assert await execute(server.dsn, "SELECT answer FROM kept") == 42
                break
            except (OSError, asyncpg.PostgresError):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.01)


async def test_an_orphan_is_adopted(data_dir: Path):
    """A server whose service was killed is used by the next one, and stopped by it."""
    service = await start_service(data_dir)
    await execute(service.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    await service.kill()
    assert is_running(service.server_pid)
    async with EmbeddedServer(data_dir) as server:
        assert server.pid == service.server_pid
        assert await execute(server.dsn, "SELECT answer FROM kept") == 42
    assert not is_running(service.server_pid)


async def test_a_start_after_both_were_killed_recovers(data_dir: Path):
    """After kill -9 of both, even with a session busy, the next start has all that was committed."""
    service = await start_service(data_dir)
    await execute(service.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with connected(service.dsn) as busy:
        query = asyncio.ensure_future(busy.execute("SELECT pg_sleep(1)"))
        await service.kill()
        os.kill(service.server_pid, signal.SIGKILL)
        async with EmbeddedServer(data_dir) as server:
            assert server.pid != service.server_pid
            assert await execute(server.dsn, "SELECT answer FROM kept") == 42
        with pytest.raises((asyncpg.PostgresError, OSError)):
            await query


async def test_a_second_process_shares_the_server_and_leaves_it_running(data_dir: Path):
    """A second user of the data directory gets the same server, which stays when he leaves."""
    async with EmbeddedServer(data_dir) as server:
        second = await start_service(data_dir)
        assert second.server_pid == server.pid
        await second.leave()
        assert await execute(server.dsn, "SELECT 1") == 1


async def test_the_last_process_to_leave_stops_the_server(data_dir: Path):
    """The one who started the server may leave first: the other still uses it, and stops it in the end."""
    async with EmbeddedServer(data_dir) as first:
        pid = first.pid or 0
        second = await start_service(data_dir)
    assert is_running(pid)
    assert await execute(second.dsn, "SELECT 1") == 1
    await second.leave()
    assert not is_running(pid)


async def test_starters_at_once_make_one_server(new_dir: Path):
    """Four processes that start on a new folder at the same time end up with one server between them."""
    services = await asyncio.gather(*(start_service(new_dir) for _ in range(4)))
    assert len({service.server_pid for service in services}) == 1
    await asyncio.gather(*(service.leave() for service in services))
    assert not is_running(services[0].server_pid)


async def test_a_port_that_somebody_took_is_replaced(data_dir: Path):
    """Where the port of last time is taken, the server starts on another one."""
    async with EmbeddedServer(data_dir) as server:
        port = server.port
    with socket.create_server(("127.0.0.1", port)):
        async with EmbeddedServer(data_dir) as server:
            assert server.port != port
            assert await execute(server.dsn, "SELECT 1") == 1


async def test_lost_passwords_are_made_anew(data_dir: Path):
    """Without connection.json the roles get new passwords, and the data stays."""
    async with EmbeddedServer(data_dir) as server:
        await execute(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    (data_dir / "postgres/connection.json").unlink()
    async with EmbeddedServer(data_dir) as server:
        assert await execute(server.dsn, "SELECT answer FROM kept") == 42
        assert await execute(server.reader_dsn, "SELECT 1") == 1


async def test_a_half_made_cluster_is_made_again(new_dir: Path):
    """What a starter left that was killed in the middle of making the cluster is cleared away."""
    left = new_dir / "postgres/cluster.new"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    async with EmbeddedServer(new_dir) as server:
        assert await execute(server.dsn, "SELECT 1") == 1
    assert not left.exists()


async def test_a_process_number_used_again_does_not_stop_the_start(data_dir: Path):
    """A stale postmaster.pid that names a living process of the same user is seen through."""
    async with EmbeddedServer(data_dir):
        pid_file = data_dir / "postgres/cluster/postmaster.pid"
        lines, owner = pid_file.read_text().splitlines(), pid_file.stat()
    stranger = subprocess.Popen(["sleep", "60"], user=owner.st_uid if os.geteuid() == 0 else None)
    try:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:], ""]))
        os.chown(pid_file, owner.st_uid, owner.st_gid)
        async with EmbeddedServer(data_dir) as server:
            assert server.pid != stranger.pid
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_broken_cluster_is_told_with_the_log(data_dir: Path):
    """Where the server cannot start, the error holds the end of its log and where that lies."""
    async with EmbeddedServer(data_dir):
        pass
    (data_dir / "postgres/cluster/global/pg_control").unlink()
    with pytest.raises(EmbeddedServerError, match="pg_control") as caught:
        await EmbeddedServer(data_dir).start()
    assert str(data_dir / "postgres.log") in str(caught.value)


async def test_a_damaged_connection_file_is_named(data_dir: Path):
    """A connection.json that is no JSON is named, with what to do."""
    async with EmbeddedServer(data_dir):
        pass
    (data_dir / "postgres/connection.json").write_text("{")
    with pytest.raises(EmbeddedServerError, match=r"connection\.json is damaged .* remove it"):
        await EmbeddedServer(data_dir).start()
    (data_dir / "postgres/connection.json").write_text(json.dumps({"port": 1}))
    with pytest.raises(EmbeddedServerError, match="passwords"):
        await EmbeddedServer(data_dir).start()


async def test_a_server_with_other_passwords_is_told(data_dir: Path):
    """Where the running server does not know our password, the error says so instead of waiting."""
    async with EmbeddedServer(data_dir) as server:
        await execute(server.admin_dsn, "ALTER ROLE tidegauge PASSWORD 'another'")
        with pytest.raises(EmbeddedServerError, match=r"refuses the connection.*connection\.json"):
            await EmbeddedServer(data_dir).start()


async def test_a_folder_that_is_a_file_is_told(new_dir: Path):
    """A data directory that cannot be one is an error that names the variable."""
    new_dir.write_text("no folder")
    with pytest.raises(EmbeddedServerError, match="TIDEGAUGE_DATA_DIR"):
        await EmbeddedServer(new_dir).start()


async def test_a_wrong_setting_is_told_with_the_log(data_dir: Path):
    """A setting that Postgres does not know comes back in its own words."""
    with pytest.raises(EmbeddedServerError, match="no_such_setting"):
        await EmbeddedServer(data_dir, settings={"no_such_setting": "1"}).start()
    async with EmbeddedServer(data_dir) as server:
        assert await execute(server.dsn, "SELECT 1") == 1


async def test_a_start_that_is_cancelled_leaves_nothing_running(new_dir: Path):
    """Cancelled while the cluster is being made, the start waits for that and ends what it began."""
    starting = asyncio.create_task(EmbeddedServer(new_dir).start())
    await until((new_dir / "postgres/cluster.new").exists)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not file_lock.is_held(new_dir / "postgres/server.lock")


@AS_ROOT
async def test_as_root_the_server_is_somebody_else_and_no_right_is_widened(data_dir: Path):
    """Root's server runs unprivileged on a folder that its user could not enter by himself."""
    async with EmbeddedServer(data_dir) as server:
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
        assert stat.S_IMODE(data_dir.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((data_dir / "postgres/cluster").stat().st_mode) == 0o700


@AS_ROOT
async def test_binaries_in_a_private_folder_are_copied(data_dir: Path, monkeypatch: pytest.MonkeyPatch):
    """Where the server's user cannot read the installed binaries, he gets a copy that is root's to write."""
    private, shared = (Path(tempfile.mkdtemp(prefix="tidegauge-")) for _ in range(2))
    try:
        site = run_as.installed().parents[2]
        for name in (run_as.PACKAGE, run_as.LIBRARIES):
            if (site / name).exists():
                shutil.copytree(site / name, private / name, symlinks=True)
        for path in [private, *private.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & 0o700)
        shared.chmod(0o755)
        monkeypatch.setattr(run_as, "installed", lambda: private / run_as.PACKAGE / "pginstall/bin")
        monkeypatch.setattr(run_as, "SHARED_COPY", shared / "tidegauge")
        async with EmbeddedServer(data_dir) as server:
            program = Path(f"/proc/{server.pid}/exe").readlink()
        assert program.is_relative_to(shared)
        assert stat.S_IMODE(private.stat().st_mode) == 0o700
        assert [p for p in shared.rglob("*") if not p.is_symlink() and p.stat().st_mode & 0o022] == []
    finally:
        shutil.rmtree(private)
        shutil.rmtree(shared)


@AS_ROOT
async def test_an_unprivileged_user_runs_his_own_server():
    """Without root the server runs as oneself; and root goes on with that cluster as its owner."""
    nobody = pwd.getpwnam("nobody").pw_uid
    if not run_as._runs(run_as.installed(), run_as.ServerUser(nobody, nobody)):
        pytest.skip("this environment is not readable for other users")
    folder = Path(tempfile.mkdtemp(prefix="tidegauge-nobody-"))
    try:
        os.chown(folder, nobody, nobody)
        service = await start_service(folder, str(nobody))
        assert Path(f"/proc/{service.server_pid}").stat().st_uid == nobody
        await service.leave()
        async with EmbeddedServer(folder) as server:
            assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
    finally:
        shutil.rmtree(folder)
