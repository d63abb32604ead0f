"""The service as a process that is killed and started again and again, quickly."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.store.embedded.cluster import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

START_SECONDS = 240.0  # on a busy machine
STOP_SECONDS = 60.0


class Zygote:
    """A process that forks services: see `zygote.py`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._turn = asyncio.Lock()

    async def fork(self, order: dict[str, Any]) -> int:
        """Return the process id of a new child."""
        into, out = self._process.stdin, self._process.stdout
        assert into is not None
        assert out is not None
        async with self._turn:
            into.write(json.dumps(order).encode() + b"\n")
            await into.drain()
            return int(await out.readline())


@asynccontextmanager
async def zygote(**environment: str) -> AsyncIterator[Zygote]:
    """Give a process that forks services; it ends with the context, its children do not."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.live.zygote",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", **environment},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            assert await process.stdout.readline() == b"ready\n"
        yield Zygote(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()


@dataclass
class Service:
    """A service that can be killed; `folder` holds its monitor files, its data and its log.

    - `forks`: what starts it
    - `url`: of its database
    - `port`: where it listens
    - `variables`: of its environment
    - `limits`: of its resources, as setrlimit takes them
    """

    forks: Zygote
    folder: Path
    url: str
    variables: dict[str, str] = field(default_factory=dict)
    limits: list[tuple[int, int]] = field(default_factory=list)
    port: int = 0
    pid: int | None = None
    starts: int = 0
    _descriptor: int = -1

    @property
    def log(self) -> str:
        """What it has logged, over all its starts."""
        path = self.folder / "service.log"
        return path.read_text(errors="replace") if path.exists() else ""

    async def start(self) -> None:
        """Start it; its log goes to a file."""
        assert self.pid is None
        self.port = self.port or free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGAUGE_")}
        order = {
            "arguments": ["run"],
            "environment": {
                **kept,
                "TIDEGAUGE_DATA_DIR": str(self.folder / "data"),
                "TIDEGAUGE_MONITORS_DIR": str(self.folder / "monitors"),
                "TIDEGAUGE_HTTP_PORT": str(self.port),
                "TIDEGAUGE_LOG_FORMAT": "json",
                "TIDEGAUGE_DATABASE_URL": self.url,
                **self.variables,
            },
            "log": str(self.folder / "service.log"),
            "limits": self.limits,
        }
        self.pid = await self.forks.fork(order)
        self._descriptor = os.pidfd_open(self.pid)
        self.starts += 1

    def is_running(self) -> bool:
        """Whether the process is there."""
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        return True

    async def listening(self, seconds: float = START_SECONDS) -> None:
        """Wait until it takes connections."""
        async with asyncio.timeout(seconds):
            while True:
                with suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    return
                await asyncio.sleep(0.02)

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal, and wait until the process is gone."""
        if self.pid is None:
            return
        children = _children(self.pid) if number is signal.SIGKILL else []
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, number)
        for child in children:  # a worker process that imports would notice much later
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        gone = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_reader(self._descriptor, gone.set)
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await gone.wait()
        finally:
            loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self.pid = None

    async def restart(self) -> None:
        """Kill it and start it again."""
        await self.end()
        await self.start()


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
