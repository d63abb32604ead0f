"""A real PgBouncer in transaction mode, in front of a test's server."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from service.store.embedded.cluster import free_port, is_free

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
MISSING = "needs PgBouncer: apt-get install pgbouncer"
UNPRIVILEGED = "nobody"  # PgBouncer refuses to run as root
START_SECONDS = 20.0
POLL_SECONDS = 0.02

_SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users.txt
pool_mode = transaction
default_pool_size = {sessions}
server_tls_sslmode = disable
"""


@asynccontextmanager
async def transaction_pooling(dsn: str, folder: Path, *, sessions: int = 3) -> AsyncIterator[str]:
    """Give the URL by which `dsn` is reached through a PgBouncer with `sessions` sessions of the server."""
    assert PROGRAM is not None, MISSING
    server, port = urlsplit(dsn), free_port()
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        _SETTINGS.format(server_port=server.port, port=port, folder=folder, sessions=sessions)
    )
    (folder / "users.txt").write_text(f'"{server.username}" "{unquote(server.password or "")}"\n')
    root = os.geteuid() == 0
    if root:
        for path in (folder, settings, folder / "users.txt"):
            shutil.chown(path, UNPRIVILEGED)
        # Temporary folders are closed to others, and PgBouncer has to reach its files.
        for parent in (*folder.parents,):
            if parent.stat().st_uid == 0 and parent != Path("/"):
                parent.chmod(parent.stat().st_mode | 0o011)
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "-q", *(["-u", UNPRIVILEGED] if root else []), str(settings)
    )
    try:
        await _listening(port, process)
        host = f"{server.username}:{server.password}@127.0.0.1:{port}"
        yield server._replace(netloc=host).geturl()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _listening(port: int, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(START_SECONDS):
        while is_free(port):
            assert process.returncode is None, "PgBouncer ended while it started"
            await asyncio.sleep(POLL_SECONDS)
