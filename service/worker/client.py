"""The service's one worker process: for what takes seconds to import, or would hold a thread for seconds.

It starts with the first call, so that a service without one never pays for it. Calls come one after another,
and each finds the process as the one before did: the same seeds, the same order of hashes. A call that
outlasts its time, or whose process dies, fails alone; the next one starts a new process. The process ends
with the service, also where that is killed: its requests come through a pipe that closes then.
"""

from __future__ import annotations

import asyncio
import os
import pickle  # to and from a process of our own, through pipes that nobody else holds
import sys
from asyncio.subprocess import PIPE
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog

from service.errors import WorkerError
from service.worker.messages import HEAD, Mark

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import AsyncIterator

log = structlog.get_logger(__name__)

CALL_SECONDS = 60.0  # for a call, once what it needs is imported
IMPORT_SECONDS = 180.0  # for the start and the imports: ten seconds, on a busy machine far more
# Hashes in one order, nothing sent home, and sums that do not depend on how many cores there are.
FIXED = {
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Worker:
    """Runs functions in the worker process; see `worker`."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id, None where none runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def run(self, function: str, *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
        """Return what the function named `package.module:name` returns for `arguments`.

        Arguments and result are pickled. `seconds` count from when the call has its turn and its module is
        imported. Raises WorkerError where the function raises, takes too long, or its process dies.
        """
        request = await asyncio.to_thread(pickle.dumps, (function, arguments))
        async with self._turn:
            mark, reply = await self._exchanged(function, request, seconds)
        result = await asyncio.to_thread(pickle.loads, reply)
        if mark is Mark.ERROR:
            raise WorkerError(result)
        return result

    async def stop(self) -> None:
        """End the process, where one runs."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        if process.returncode is None:
            process.kill()  # it holds nothing that would have to be put down
        await process.wait()

    async def _exchanged(self, function: str, request: bytes, seconds: float) -> tuple[Mark, bytes]:
        done = False
        try:
            async with asyncio.timeout(IMPORT_SECONDS):
                process = await self._running()
                await _send(process, request)
                mark, reply = await _receive(process)
            if mark is Mark.IMPORTED:
                async with asyncio.timeout(seconds):
                    mark, reply = await _receive(process)
            done = True
        except TimeoutError as error:
            raise WorkerError(f"no answer of the worker process in time: {function}") from error
        except (EOFError, ConnectionError) as error:
            raise WorkerError(f"the worker process died: {function}") from error
        finally:
            if not done:  # cancelled as well: an answer that nobody waits for must not meet the next question
                await self.stop()
        return mark, reply

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.stop()
        ours = {name: text for name, text in os.environ.items() if not name.upper().startswith("TIDEGAUGE_")}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        command = (sys.executable, "-P", "-m", "service.worker.process")
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            env={**ours, **FIXED, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the service, which then ends its worker
        )
        log.info("worker process started", pid=self._process.pid)
        return self._process


@asynccontextmanager
async def worker() -> AsyncIterator[Worker]:
    """Give a worker whose process starts with the first call and ends on leaving."""
    ours = Worker()
    try:
        yield ours
    finally:
        await ours.stop()


async def _send(process: Process, request: bytes) -> None:
    if process.stdin is None:
        raise EOFError
    process.stdin.write(HEAD.pack(Mark.CALL, len(request)) + request)
    await process.stdin.drain()


async def _receive(process: Process) -> tuple[Mark, bytes]:
    if process.stdout is None:
        raise EOFError
    mark, size = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
    return Mark(mark), await process.stdout.readexactly(size)
