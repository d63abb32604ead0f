"""The embedded server's main process: start it, wait until it answers, stop it."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from service.errors import EmbeddedServerError
from service.store.driver_errors import reason
from service.store.embedded import cluster, file_lock
from service.store.embedded.run_as import binaries_for, user_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from service.store.embedded.cluster import Connection, Place

POLL_SECONDS = 0.01
ANSWER_SECONDS = 5.0
ABORT_SECONDS = 5.0
PROCESSES = Path("/proc")

# Servers that this process started: a parent must reap its children, whatever ended them.
_children: set[int] = set()


@dataclass(frozen=True, slots=True)
class Running:
    """What the server wrote into `postmaster.pid`."""

    pid: int
    port: int
    ready: bool


def read(place: Place) -> Running | None:
    """Return what `postmaster.pid` says, None where there is none or it is not complete yet."""
    try:
        lines = (place.cluster / "postmaster.pid").read_text().splitlines()
        return Running(int(lines[0]), int(lines[3]), ready=len(lines) > 7 and lines[7].strip() == "ready")  # noqa: PLR2004  # the file's eighth line is the state
    except (FileNotFoundError, IndexError, ValueError):
        return None


def launch(
    place: Place, settings: Mapping[str, str], known: Connection | None, lock: int
) -> tuple[int, Connection]:
    """Start a server that inherits `lock`; make its cluster first where there is none. Blocks for that.

    With `known` it gets that port, else the one of last time if nobody took it. Returns the process and how
    to connect; raises EmbeddedServerError.
    """
    user = user_for(place.cluster)
    binaries = binaries_for(user)
    remembered = cluster.read_connection(place)
    connection = known or remembered or cluster.new_connection()
    if known is None and not cluster.is_free(connection.port):
        connection = replace(connection, port=cluster.free_port())
    if not place.cluster.exists():
        cluster.create(place, user, binaries, connection, lock)
    elif remembered is None:
        cluster.set_passwords(place, user, binaries, connection, lock)
    if connection != remembered:
        cluster.write_connection(place, connection)
    _drop_stale_pid(place)
    place.turn_log()
    with place.log.open("ab") as output, user.open_folder(place.cluster) as (path, inherited):
        process = subprocess.Popen(  # noqa: S603  # our own binaries, no shell
            [
                binaries / "postgres",
                *("-D", path),
                f"--port={connection.port}",
                *(f"--{name}={value}" for name, value in settings.items()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # Ctrl-C is for the service, which then stops the server
            **user.spawn(lock, *inherited),
        )
    process.returncode = 0  # it may outlive us: we reap it by its number, not Popen with a warning
    _children.add(process.pid)
    return process.pid, connection


async def came_up(place: Place, pid: int, connection: Connection, deadline: float) -> bool:
    """Wait until the server that was just started answers; False where it ended instead.

    Raises EmbeddedServerError at the deadline (of the monotonic clock).
    """
    while not _has_ended(pid):
        running = read(place)
        if running is not None and running.pid == pid and running.ready and await answers(connection):
            return True
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"the embedded server (process {pid}) is still starting; start again later. "
                f"{place.log} ends with:\n{place.log_tail()}"
            )
        await asyncio.sleep(POLL_SECONDS)
    return False


async def answers(connection: Connection) -> bool:
    """Return whether the server accepts a connection.

    Raises EmbeddedServerError where it is up and refuses the service's password.
    """
    try:
        session = await asyncpg.connect(connection.dsn(cluster.OWNER), timeout=ANSWER_SECONDS)
    except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
        raise EmbeddedServerError(
            f"the server on port {connection.port} refuses the connection: {reason(error)}; connection.json "
            "does not belong to it: stop the server, remove that file and start again to make new passwords"
        ) from error
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    await session.close()
    return True


async def shut_down(place: Place, lock_file: Path, seconds: float) -> None:
    """End the server, whichever process started it: sessions end, what was committed is written out.

    After `seconds` it is sent an abort, which loses nothing either: the next start recovers. Raises
    EmbeddedServerError where even that does not end it.
    """
    pid = None
    for number, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, ABORT_SECONDS)):
        deadline = time.monotonic() + patience
        signalled = None
        while file_lock.is_held(lock_file):
            pid = _pid(place) or pid  # a server that has just begun writes its number a moment later
            if pid is not None and signalled != pid:
                _tell(pid, number)
                signalled = pid
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_SECONDS)
        else:
            if pid is not None:
                await asyncio.to_thread(_take_note, pid)
            return
    raise EmbeddedServerError(f"the server of {place.cluster} (process {pid}) does not end; see {place.log}")


def _pid(place: Place) -> int | None:
    running = read(place)
    return running.pid if running is not None and _is_ours(running.pid, place) else None


def _tell(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):  # it ended by itself
        os.kill(pid, number)


def _has_ended(pid: int) -> bool:
    if pid in _children and os.waitpid(pid, os.WNOHANG) != (0, 0):
        _children.remove(pid)
    return pid not in _children


def _take_note(pid: int) -> None:
    if pid in _children:
        _children.remove(pid)
        os.waitpid(pid, 0)


def _is_ours(pid: int, place: Place) -> bool:
    # A server works in its cluster's folder. Where that cannot be seen, the server's own file is believed.
    if not PROCESSES.joinpath("self").exists():
        return True
    try:
        return (PROCESSES / str(pid) / "cwd").readlink() == place.cluster
    except OSError:
        return False


def _drop_stale_pid(place: Place) -> None:
    # Nobody holds the server's lock, so none of ours runs; but its number may be another program's by now (or
    # a dead child that nobody took note of), and Postgres would then refuse to start.
    running = read(place)
    if running is None:
        return
    if PROCESSES.joinpath("self").exists() and _is_ours(running.pid, place):
        raise EmbeddedServerError(
            f"a server that we did not start runs on {place.cluster} (process {running.pid}); stop it first"
        )
    try:
        os.kill(running.pid, 0)
    except ProcessLookupError:
        return  # the plain case: Postgres itself sees that and recovers
    except PermissionError:
        pass
    if PROCESSES.joinpath("self").exists():
        (place.cluster / "postmaster.pid").unlink()
