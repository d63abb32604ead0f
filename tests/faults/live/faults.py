"""Faults of the way to the database, of the disk and of the clock, while rows and labels are sent."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from tests.faults.live.running import zygote
from tests.faults.live.statements import APPENDS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from service.store.embedded.server import EmbeddedServer
    from tests.faults.live.ground import Ground
    from tests.faults.live.scenario import Request
    from tests.faults.live.scene import Outcome, Scene

    Fault = Callable[[Scene], Awaitable[None]]

CLOCK_STEP = "wall clock was set"
CYCLES = "UPDATE tidegauge.checkpoint"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
FULL_DISK_KB = 16
RANDOM_PATIENCE_SECONDS = 600.0


async def played(running: Scene, requests: Sequence[Request], *faults: Fault) -> Outcome:
    """Send a stream in as many parts as there are faults, and one more; between two parts comes a fault."""
    size = -(-len(requests) // (len(faults) + 1))
    await running.settled("start")
    for number, first in enumerate(range(0, len(requests), size)):
        await running.send(requests[first : first + size], f"part {number}")
        if number < len(faults):
            await faults[number](running)
    running.proxy.open()
    await running.settled("end")
    return await running.outcome()


async def undisturbed(running: Scene, requests: Sequence[Request]) -> Outcome:
    """Send a stream in peace."""
    return await played(running, requests)


async def slow(running: Scene) -> None:
    """Hold every message back for a moment, from now on."""
    running.proxy.delay_seconds = 0.01


async def hanging(running: Scene) -> None:
    """Accept everything and answer nothing; rows are acknowledged all the same, from the spool."""
    running.proxy.delay_seconds = 0.0
    running.proxy.hang()
    asyncio.get_running_loop().call_later(12, running.proxy.open)


async def cut_inside(running: Scene) -> None:
    """Drop everything in the middle of a message, whenever that comes, and come back a moment later."""
    running.proxy.cuts_inside = 20
    _open_after(running, lambda: running.proxy.cuts_inside is None, seconds=0.7)


async def losing_appends(running: Scene) -> None:
    """Lose the answer to the next commit of rows, whenever that comes, and come back a moment later."""
    running.proxy.loses_commits_of, running.proxy.loses_commits = APPENDS, 1
    _open_after(running, lambda: not running.proxy.loses_commits, seconds=1)


def _open_after(running: Scene, has_come: Callable[[], bool], *, seconds: float) -> None:
    loop = asyncio.get_running_loop()

    def open_again() -> None:
        if has_come():
            loop.call_later(seconds, running.proxy.open)
        else:
            loop.call_later(0.1, open_again)

    open_again()


async def losing_cycles(running: Scene) -> None:
    """Lose the answer to the next commit of a cycle, and come back a moment later."""
    running.proxy.loses_commits_of, running.proxy.loses_commits = CYCLES, 1
    async with asyncio.timeout(30):
        while running.proxy.loses_commits:  # noqa: ASYNC110  # a proxy says so by no event
            await asyncio.sleep(0.02)
    running.proxy.open()


async def gone(running: Scene) -> None:
    """Take the database away for a while."""
    running.proxy.cut()
    asyncio.get_running_loop().call_later(2, running.proxy.open)


async def killed_at_random(
    running: Scene,
    requests: Sequence[Request],
    *,
    kills: int,
    seed: int,
    server: EmbeddedServer | None = None,
) -> Outcome:
    """Kill the service at random moments.

    With a `server` every fifth kill is one of that: of its main process, or of that of a connection.
    """
    moments = random.Random(seed)  # noqa: S311  # moments, no secrets
    sending = asyncio.create_task(_sent(running, requests))
    supervising = asyncio.create_task(_supervised(running))
    try:
        for number in range(kills):
            if number % 2:  # every other time it comes to work before it dies
                await running.service.listening()
            await asyncio.sleep(moments.uniform(0.05, 1.2))
            if server is not None and number % 5 == 4:  # one of five
                await _kill_postgres(server, moments)
            else:
                await running.restart()
        await sending
        if server is not None:
            await _answers(server)
        await running.settled("end")
        return await running.outcome()
    finally:
        for task in (sending, supervising):
            task.cancel()
        await asyncio.gather(sending, supervising, return_exceptions=True)


async def _supervised(running: Scene) -> None:
    """Start a service again that has ended by itself, as whatever supervises it does.

    One that starts while Postgres is killed may give up.
    """
    while True:
        await asyncio.sleep(0.5)
        async with running.turn:
            if running.service.pid is not None and not running.service.is_running():
                await running.service.restart()


async def _sent(running: Scene, requests: Sequence[Request]) -> None:
    running.patience = RANDOM_PATIENCE_SECONDS
    await running.send(requests, "stream", rate=20)


async def _kill_postgres(server: EmbeddedServer, moments: random.Random) -> None:
    pid = server.pid
    if pid is None:
        return  # it has not come back from the last one
    if moments.random() < 0.5:  # every other time
        pid = moments.choice(_connections(pid) or [pid])
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def _answers(server: EmbeddedServer) -> None:
    """Wait until a Postgres that may just have been killed has come back."""
    async with asyncio.timeout(60):
        while True:
            with suppress(asyncpg.PostgresError, OSError):
                return await (await asyncpg.connect(server.dsn)).close()
            await asyncio.sleep(0.1)


def _connections(postmaster: int) -> list[int]:
    """Return the processes that serve connections."""
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
    names = {int(child): Path(f"/proc/{child}/cmdline").read_text() for child in children.split()}
    return [child for child, name in names.items() if "127.0.0.1(" in name]


@asynccontextmanager
async def small_disk(running: Scene) -> AsyncIterator[None]:
    """Put the spool on a file system that is full soon. Raises PermissionError where none may be mounted."""
    folder = running.folder / "data/inbox"
    await running.service.end()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    size = f"size={FULL_DISK_KB}k"
    done = await asyncio.to_thread(
        subprocess.run, ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(folder)], check=False
    )
    if done.returncode:
        raise PermissionError("no file system may be mounted here")
    try:
        await running.service.start()
        yield
    finally:
        await running.service.end()
        subprocess.run(["umount", "-l", str(folder)], check=False)  # noqa: ASYNC221  # at once


async def full_disk(running: Scene, requests: Sequence[Request]) -> Outcome:
    """Send with the database away until the disk is full; come back, and send the rest."""
    async with small_disk(running):
        await running.settled("start")
        await running.send(requests[:3], "before")
        running.proxy.cut()
        sending = asyncio.create_task(running.send(requests[3:], "away"))
        async with asyncio.timeout(running.patience):
            while not running.statuses.get("503"):
                assert not sending.done(), "the disk was never full"
                await asyncio.sleep(0.05)
        running.proxy.open()
        await sending
        await running.settled("end")
        return await running.outcome()


async def slow_disk(ground: Ground, requests: Sequence[Request], *, seconds: float = 0.3) -> Outcome:
    """Let every fsync of the service take its time while the database is away and back and away."""
    async with zygote(FAULTS_FSYNC_SECONDS=str(seconds)) as forks, ground.scene(forks=forks) as running:
        return await played(running, requests, gone, gone)


async def jumping_clock(ground: Ground, requests: Sequence[Request]) -> Outcome:
    """Put the service's wall clock forward and back by hours, with rows on the disk and in the database.

    Raises FileNotFoundError where there is no libfaketime.
    """
    if not is_clock_fakeable():
        raise FileNotFoundError("needs libfaketime: apt-get install libfaketime")
    setting = ground.folder / "faketime"
    setting.write_text("+0\n")
    fake = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(setting),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }

    def jump(offset: str) -> Fault:
        async def _jump(running: Scene) -> None:
            steps = running.service.log.count(CLOCK_STEP)
            running.proxy.cut()
            setting.write_text(f"{offset}\n")
            async with asyncio.timeout(running.patience):
                while running.service.log.count(CLOCK_STEP) == steps:  # noqa: ASYNC110  # a log says so by no event
                    await asyncio.sleep(0.05)
            running.proxy.open()

        return _jump

    async with zygote(**fake) as forks, ground.scene(forks=forks) as running:
        return await played(running, requests, jump("+3h"), jump("-5h"), jump("+1d"), jump("+0"))


def is_clock_fakeable() -> bool:
    """Say whether there is what `jumping_clock` needs."""
    return FAKETIME is not None
