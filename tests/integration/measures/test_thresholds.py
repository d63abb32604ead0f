"""Calibrated thresholds: found once, kept, found again, and false alarms at the rate that was asked for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import numpy as np
import pytest

from service.core.profile import profile
from service.core.rows.batch import Batch
from service.core.rows.schema import Column, Kind, Schema
from service.cycle.calibrated_thresholds import Thresholds
from service.methods.drift.columns import DriftPlan, measure_drift
from service.runtime.compute_threads import workers
from service.runtime.progress_bar import shown
from service.sources.dummy.source import reference_batch
from service.store.tables.calibration import CalibrationTable

SCHEMA = Schema((Column("value1", Kind.NUMERICAL), Column("value2", Kind.CATEGORICAL)))
COLUMNS = {("value1", "wasserstein"), ("value2", "jensenshannon")}


class Reference:
    """A reference that counts how often its rows were asked for."""

    def __init__(self) -> None:
        self.loads = 0

    async def rows(self) -> Batch:
        self.loads += 1
        return reference_batch(1_500, seed=4)


@asynccontextmanager
async def _thresholds(
    pool: asyncpg.Pool, reference: Reference, sizes: list[int]
) -> AsyncIterator[Thresholds]:
    async with workers() as compute:
        thresholds = Thresholds(
            SCHEMA,
            DriftPlan(),
            rate=0.01,
            blocks="short",
            min_rows=50,
            load_rows=reference.rows,
            kept=CalibrationTable(pool, "toy"),
            compute=compute,
            shown=shown,
        )
        await thresholds.prepare(sizes, "a fingerprint")
        yield thresholds


async def _prepared(pool: asyncpg.Pool, reference: Reference, *, sizes: list[int]) -> list[dict[str, float]]:
    async with _thresholds(pool, reference, sizes) as thresholds:
        return [{c: v for (c, _), v in thresholds.of(size).items()} for size in sizes]


async def test_a_calibration_is_kept_and_found_again(pool: asyncpg.Pool) -> None:
    """A second start reads what the first one found, and never touches the reference's rows."""
    first, second = Reference(), Reference()
    found = await _prepared(pool, first, sizes=[70, 100])
    assert await _prepared(pool, second, sizes=[70, 100]) == found
    assert (first.loads, second.loads) == (1, 0)
    # 50 and 100 rows bracket 70, and 100 lies on the grid.
    assert await pool.fetch("SELECT rows FROM tidegauge.calibration ORDER BY rows") == [(50,), (100,)]


async def test_a_lost_calibration_is_found_the_same(pool: asyncpg.Pool) -> None:
    """The seed is fixed: what is calibrated anew equals what was kept, to the last bit."""
    found = await _prepared(pool, Reference(), sizes=[60])
    await pool.execute("DELETE FROM tidegauge.calibration")
    assert await _prepared(pool, Reference(), sizes=[60]) == found


async def test_larger_windows_get_tighter_thresholds(pool: asyncpg.Pool) -> None:
    """Between the sizes of the grid the threshold lies between theirs; too small a window has none."""
    too_small, low, between, high = await _prepared(pool, Reference(), sizes=[49, 50, 70, 100])
    assert too_small == {}
    assert low.keys() == {column for column, _ in COLUMNS}
    assert all(low[column] > between[column] > high[column] for column in low)


@pytest.mark.parametrize("rows", [60, 300])
async def test_independent_windows_alarm_at_the_rate(pool: asyncpg.Pool, rows: int) -> None:
    """Of 1,000 fresh windows of the same source at most 2 in 100 are beyond a threshold of 1 in 100."""
    reference = reference_batch(1_500, seed=4)
    async with _thresholds(pool, Reference(), [rows]) as thresholds:
        plan = DriftPlan(calibrated=thresholds.of(rows))
    whole, random = profile.of(reference, SCHEMA), np.random.default_rng(0)
    alarms = 0
    for _ in range(1_000):
        drawn = reference.take(random.integers(0, reference.rows, rows))
        measured = measure_drift(whole, profile.of(drawn, SCHEMA), SCHEMA, plan)
        alarms += any(m.breached for m in measured if m.series.column)
    assert alarms <= 20
