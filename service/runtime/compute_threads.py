"""Run work on arrays on threads, so that the event loop never waits for it.

Threads, not processes: NumPy, Arrow and zlib let go of the interpreter's lock while they work, and a batch is
handed over without a copy. The interpreter switches threads every millisecond, so that the loop, which asks
for the lock again after every packet that it sends, waits no longer than that for each thread at work.
"""

from __future__ import annotations

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

from contextlib import asynccontextmanager

P = ParamSpec("P")
R = TypeVar("R")


class Compute:
    """Runs functions on worker threads; see `workers`.

    What may take long, such as reading and profiling a reference, has threads of its own: on those of the
    cycles it would make other monitors wait.
    """

    def __init__(self, pool: ThreadPoolExecutor, long: ThreadPoolExecutor) -> None:
        self._pool, self._long = pool, long

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `function` returns, raise what it raises."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, lambda: function(*args, **kwargs))

    async def run_long(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Return what `function` returns, raise what it raises; on the threads for long work."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._long, lambda: function(*args, **kwargs))


SWITCH_SECONDS = 0.001  # Python's own choice is five times that


@asynccontextmanager
async def workers(count: int = 2) -> AsyncIterator[Compute]:
    """Yield `count` worker threads and as many for long work.

    On leaving, waiting work is dropped and running work left to itself.
    Nobody waits for its result by then, and nothing can stop it but the end of the process.
    """
    pool = ThreadPoolExecutor(count, thread_name_prefix="tidegauge")
    long = ThreadPoolExecutor(count, thread_name_prefix="tidegauge-long")
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield Compute(pool, long)
    finally:
        sys.setswitchinterval(before)
        for each in (pool, long):
            each.shutdown(wait=False, cancel_futures=True)
