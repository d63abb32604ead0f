from __future__ import annotations

import asyncio
import sys
import threading

from service.runtime.compute_threads import workers


async def test_work_runs_on_threads_that_give_way_soon() -> None:
    """Work runs beside the loop, threads take turns by the millisecond, and afterwards all is as before."""
    before = sys.getswitchinterval()
    async with workers() as compute:
        assert await compute.run(threading.get_ident) != threading.get_ident()
        assert sys.getswitchinterval() < before
    assert sys.getswitchinterval() == before


async def test_long_work_makes_no_other_wait() -> None:
    """However many references are read at once, the threads of the cycles stay free; each has its turn."""
    begun, may_end = threading.Event(), threading.Event()

    def read_long(number: int) -> int:
        begun.set()
        assert may_end.wait(60)
        return number

    async with workers(count=1) as compute:
        long = [asyncio.create_task(compute.run_long(read_long, number)) for number in range(3)]
        assert await asyncio.to_thread(begun.wait, 60)
        assert [await compute.run(abs, -number) for number in range(20)] == list(range(20))
        assert not any(task.done() for task in long)
        may_end.set()
        assert await asyncio.gather(*long) == [0, 1, 2]
