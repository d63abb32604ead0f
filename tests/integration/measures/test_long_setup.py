"""A monitor whose set-up takes long makes no other one skip a cycle."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from service.config import monitor_file
from service.cycle.cycle import Cycle
from service.runtime.compute_threads import workers
from service.runtime.job import CycleResult
from service.runtime.scheduler import Scheduler
from service.store.postgres import PostgresStore
from service.wiring import monitor as wiring
from tests.service_process import MONITOR, rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import asyncpg

NAMES = ["small", "large_1", "large_2", "large_3"]
CYCLES = 5
SECONDS = 1.0


def _now() -> int:
    return time.time_ns() // 1_000


class _Slow:
    """A pure function that computes until it may end, on arrays and in Python, and is then itself."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function, self.begun, self.may_end = function, threading.Event(), threading.Event()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        if threading.current_thread() is threading.main_thread():
            raise AssertionError("it runs on the event loop")
        self.begun.set()
        values = np.random.default_rng(1).random(100_000)
        while not self.may_end.is_set():
            np.sort(values)
            sum(range(20_000))
        return self._function(*arguments, **options)


@pytest.mark.parametrize("part", ["load_reference_rows", "made_reference"])
async def test_a_long_set_up_makes_no_other_monitor_skip(
    part: str, pool: asyncpg.Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While as many references as there are threads are computed for seconds, a monitor keeps its slots."""
    random = np.random.default_rng(3)
    rows(random, 4_000, 100).to_csv(tmp_path / "rows.csv", index=False)
    rows(random, 1_500, 30).to_csv(tmp_path / "reference.csv", index=False)
    for name in NAMES:
        (tmp_path / f"{name}.yaml").write_text(MONITOR)
    loaded = {name: monitor_file.load(tmp_path / f"{name}.yaml", tmp_path) for name in NAMES}
    store, kept_on = PostgresStore(pool), asyncio.Event()
    async with workers() as compute:
        scheduler = Scheduler(store, now=_now)
        plans = {name: wiring.build_monitor(each, pool, compute) for name, each in loaded.items()}
        cycles = {name: Cycle(plan, store, compute, now=_now) for name, plan in plans.items()}

        def run_of(name: str) -> Callable[[int], Any]:
            async def run(slot: int) -> CycleResult:
                report = await cycles[name].run(slot)
                if small.cycles >= CYCLES:
                    kept_on.set()
                return CycleResult(report.done, waiting=not report.moved)

            return run

        await cycles["small"].run(0)  # its own set-up is done
        small = scheduler.add("small", SECONDS, run_of("small"))
        slow = _Slow(getattr(wiring, part))
        monkeypatch.setattr(wiring, part, slow)
        for name in NAMES[1:]:
            scheduler.add(name, SECONDS, run_of(name))
        scheduler.start()
        try:
            async with asyncio.timeout(60):
                assert await asyncio.to_thread(slow.begun.wait, 30)
                await kept_on.wait()
            logged = await pool.fetch("SELECT monitor, outcome FROM tidegauge.cycle_log")
        finally:
            slow.may_end.set()
            await scheduler.stop()
            for plan in plans.values():
                await plan.source.close()
    assert {row["monitor"] for row in logged} == {"small"}
    assert "skipped" not in {row["outcome"] for row in logged}
