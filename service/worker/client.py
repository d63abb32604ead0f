"""The service's side of its worker process: start it, call it, stop it.

The process starts with the first call: a service that makes none never pays for it. Calls run one after
another, each with the same seeds and the same hash order. A call that outlasts its time, or whose process
dies, fails alone; the next one starts a new process. The process ends with the service, even one that is
killed: the pipe that its calls come through closes then.
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
    from enum import StrEnum
    from types import ModuleType

log = structlog.get_logger(__name__)

CALL_SECONDS = 60.0  # for a call, once what it needs is imported
IMPORT_SECONDS = 180.0  # for the start and the imports: ten seconds, on a busy machine far more
# One hash order, nothing sent home, and sums that do not depend on the number of cores.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore",
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Worker:
    """Runs functions in the worker process; see `worker`."""

    def __init__(self, entry: ModuleType) -> None:
        self._entry = entry.__name__
        self._process: Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process's id, None where none runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def run(self, function: StrEnum, *arguments: Any, seconds: float = CALL_SECONDS) -> Any:
        """Return what the function that the entry point finds for `function` returns for `arguments`.

        Arguments and result are pickled. `seconds` count from when the call has its turn and its module is
        imported. Raises WorkerError where the function raises, takes too long, or its process dies; the
        message calls the function by the enum's value.
        """
        request = await asyncio.to_thread(pickle.dumps, (function.value, arguments))
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
            process.kill()  # safe: it holds no state
        await process.wait()

    async def _exchanged(self, function: StrEnum, request: bytes, seconds: float) -> tuple[Mark, bytes]:
        done, late = False, f"{function}: the worker process was not ready after {IMPORT_SECONDS:g} s"
        try:
            async with asyncio.timeout(IMPORT_SECONDS):
                process = await self._running()
                await _send(process, request)
                mark, reply = await _receive(process)
            late = f"{function} took over {seconds:g} s and was stopped"
            if mark is Mark.IMPORTED:
                async with asyncio.timeout(seconds):
                    mark, reply = await _receive(process)
            done = True
        except TimeoutError as error:
            raise WorkerError(f"{late}; the next call starts a new worker process") from error
        except (EOFError, ConnectionError) as error:
            raise WorkerError(
                f"{function}: the worker process died; the next call starts a new one"
            ) from error
        finally:
            if not done:  # cancelled as well: an answer that nobody waits for must not meet the next call
                await self.stop()
        return mark, reply

    async def _running(self) -> Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.stop()
        ours = {name: text for name, text in os.environ.items() if not name.upper().startswith("TIDEGAUGE_")}
        path = os.pathsep.join(entry for entry in sys.path if entry)
        command = (sys.executable, "-P", "-m", self._entry)
        self._process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            env={**ours, **ENVIRONMENT, "PYTHONPATH": path},
            start_new_session=True,  # Ctrl-C is for the service, which then ends its worker
        )
        log.info("worker process started", pid=self._process.pid)
        return self._process


@asynccontextmanager
async def worker(entry: ModuleType) -> AsyncIterator[Worker]:
    """Give a worker whose process starts with the first call and ends on leaving.

    The process runs `entry`, a module that calls `service.worker.process.serve` where it is `__main__`.
    """
    ours = Worker(entry)
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
