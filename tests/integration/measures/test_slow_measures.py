"""Slow measures in whole cycles: asked of a worker, written with the rest, failing alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np
import pytest

from service.core.reference import reference
from service.core.rows.batch import Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.core.worker_call import Answer, WorkerFunction
from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import MonitorPlan
from service.errors import WorkerError
from service.methods.alarm import AlarmPlan
from service.methods.drift.columns import DriftPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore
from service.wiring import worker_process
from service.worker.client import worker

if TYPE_CHECKING:
    from service.core.reference.reference import Reference
    from service.runtime.compute_threads import Compute

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
SLOW = DriftPlan(by_column={"colour": ("TVD",)})
HOUR = 3_600_000_000


def rows(hour: int) -> Batch:
    """Make forty rows of an hour: from the second on the colours are others."""
    columns = {
        "size": Numbers(np.arange(40.0)),
        "colour": Labels(np.arange(40) % 4 // (2 if hour else 1), np.array(list("abcd"))),
    }
    return Batch(40, hour * HOUR + np.arange(40, dtype=np.int64), columns)


class Stream:
    """An hour a take."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        hour = position["hour"] if position else 0
        return Take(rows(hour), {"hour": hour + 1})

    async def close(self) -> None:
        return None


class PreparedWorker:
    """A worker with prepared answers."""

    def __init__(self, *says: float | None) -> None:
        self.says = list(says)

    async def run(self, function: WorkerFunction, *_: Any) -> dict[str, Answer]:
        value = self.says.pop(0)
        if value is None:
            raise WorkerError(f"the worker process died: {function}")
        return {"": Answer(value)}


async def _reference() -> Reference:
    return reference.of(rows(0), SCHEMA)


def cycle(pool: asyncpg.Pool, compute: Compute, process: Any, plan: DriftPlan = SLOW) -> Cycle:
    monitor = MonitorPlan(
        name="shop",
        schema=SCHEMA,
        window=WindowPlan(Unit.TIME, HOUR),
        measures=MeasurePlan(drift=plan),
        alarm=AlarmPlan(1, 1),
        source=Stream(),
        load_reference=_reference,
    )
    return Cycle(monitor, PostgresStore(pool), compute, now=lambda: 5 * HOUR, worker=process)


async def written(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    found = await pool.fetch(
        "SELECT value, reason, breached FROM tidegauge.metrics WHERE metric = 'TVD' ORDER BY window_end"
    )
    return [tuple(row) for row in found]


async def test_a_worker_that_dies_fails_one_measure_and_no_cycle(pool: asyncpg.Pool) -> None:
    """The measure has the reason, the window all its other numbers, and the next window its own value."""
    async with workers() as compute:
        ours = cycle(pool, compute, PreparedWorker(None, 0.01))
        for hour in range(3):
            assert (await ours.run(hour)).committed
    (lost, found), died = await written(pool), "the worker process died: "
    assert lost == (None, died + WorkerFunction.STATISTICAL_TEST, None)
    assert found == (0.01, None, True)
    shares = await pool.fetch(
        "SELECT value, breached FROM tidegauge.metrics WHERE metric = 'drift_share' ORDER BY window_end"
    )
    assert [tuple(row) for row in shares] == [(0.0, False), (0.5, True)]
    breaches = await pool.fetch("SELECT column_name FROM tidegauge.event WHERE kind = 'breach'")
    assert "colour" in [row["column_name"] for row in breaches]


async def test_evidently_s_own_test_measures_a_window(pool: asyncpg.Pool) -> None:
    """From rows to the database by the real worker (slow: it imports Evidently): other colours drift."""
    async with workers() as compute, worker(worker_process) as process:
        ours = cycle(pool, compute, process)
        for hour in range(3):
            assert (await ours.run(hour)).committed
    same, other = await written(pool)
    assert same == (1.0, None, False)
    assert other == (pytest.approx(0.0, abs=0.01), None, True)


async def test_without_a_slow_measure_no_process_starts(pool: asyncpg.Pool) -> None:
    """A monitor of native methods never starts the worker process."""
    async with workers() as compute, worker(worker_process) as process:
        ours = cycle(pool, compute, process, DriftPlan())
        for hour in range(2):
            assert (await ours.run(hour)).committed
        assert process.pid is None
