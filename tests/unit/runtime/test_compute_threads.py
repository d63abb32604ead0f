from __future__ import annotations

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
