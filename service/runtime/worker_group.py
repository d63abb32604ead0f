"""Keep several processes of one program running: restarted when they die, stopped together.

Each gets a pipe as its input, which ends with this process, however that ends.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

log = structlog.get_logger(__name__)

FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 60.0
STEADY_SECONDS = 60.0  # after which a process that dies is restarted as soon as the first time
STOP_SECONDS = 60.0


class WorkerGroup:
    """Processes by their numbers, from 1; `command` returns what starts one.

    A process that ends with a status of `fatal` ends them all: another start would end the same way.
    """

    def __init__(
        self, command: Callable[[int], Sequence[str]], count: int, *, fatal: Collection[int] = ()
    ) -> None:
        self._command = command
        self._count = count
        self._fatal = fatal
        self._running: dict[int, asyncio.subprocess.Process] = {}
        self._status = 0

    async def run(self, stop: asyncio.Event) -> int:
        """Run them until `stop`; return 0 where all ended cleanly then, else the worst status."""
        async with asyncio.TaskGroup() as group:
            for number in range(1, self._count + 1):
                group.create_task(self._keep_running(number, stop), name=f"worker {number}")
            await stop.wait()
            self.send(signal.SIGTERM)
        return self._status

    def send(self, number: signal.Signals) -> None:
        """Send a signal to every process."""
        for process in self._running.values():
            if process.returncode is None:
                process.send_signal(number)

    async def _keep_running(self, number: int, stop: asyncio.Event) -> None:
        clock, failures = asyncio.get_running_loop().time, 0
        while not stop.is_set():
            began = clock()
            # A session of its own: Ctrl-C on a terminal reaches this process alone, which passes it on once.
            process = await asyncio.create_subprocess_exec(
                *self._command(number), stdin=asyncio.subprocess.PIPE, start_new_session=True
            )
            self._running[number] = process
            if stop.is_set():
                process.send_signal(signal.SIGTERM)
            status = await self._ended(process, stop)
            if stop.is_set():
                if status != -signal.SIGTERM:  # the stop itself, where it came before the program listened
                    self._status = max(self._status, abs(status))
                return
            if status in self._fatal:
                self._status = status
                stop.set()
                return
            failures = 0 if clock() - began > STEADY_SECONDS else failures
            pause = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2**failures)
            failures += 1
            log.error("worker ended", worker=number, status=status, restart_seconds=pause)
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def _ended(self, process: asyncio.subprocess.Process, stop: asyncio.Event) -> int:
        waiting = asyncio.create_task(process.wait())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait([waiting, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not waiting.done():
            done, _ = await asyncio.wait([waiting], timeout=STOP_SECONDS)
            if not done:
                log.warning("worker killed", hint=f"it did not stop within {STOP_SECONDS:.0f} s")
                process.kill()
        return await waiting
