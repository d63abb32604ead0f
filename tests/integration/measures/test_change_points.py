"""A monitor's change-point detectors in its cycles: state in the checkpoint, changes as events."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np

from service.core.reference import reference
from service.core.rows.batch import Batch, Numbers
from service.core.rows.schema import Column, Kind, Role, Schema
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.log_summary import summary
from service.cycle.monitor_plan import CycleReport, MonitorPlan
from service.methods.alarm import AlarmPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore

if TYPE_CHECKING:
    from service.core.reference.reference import Reference

SCHEMA = Schema(
    (Column("guess", Kind.NUMERICAL, Role.PREDICTION), Column("truth", Kind.NUMERICAL, Role.TARGET))
)
SECOND = 1_000_000
ROWS = 100  # a batch
CYCLES = 20


def rows(place: int) -> Batch:
    """Make a batch whose time runs backwards; from the tenth on its errors are four times as large."""
    draw = np.random.default_rng(place)
    truth = draw.normal(0.0, 10.0, ROWS)
    guess = truth + draw.normal(0.0, 1.0 if place < CYCLES // 2 else 4.0, ROWS)
    times = (place * ROWS + np.arange(ROWS, dtype=np.int64)[::-1]) * SECOND
    return Batch(ROWS, times, {"guess": Numbers(guess), "truth": Numbers(truth)})


class Stream:
    """Gives the batches one by one."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        place = position["batch"] if position else 0
        return Take(rows(place), {"batch": place + 1})

    async def close(self) -> None:
        return None


async def _reference() -> Reference:
    return reference.of(rows(3), SCHEMA)


WATCHED = MonitorPlan(
    name="shop",
    schema=SCHEMA,
    window=WindowPlan(Unit.ROWS, 1_000),
    measures=MeasurePlan(),
    alarm=AlarmPlan(),
    source=Stream(),
    load_reference=_reference,
    detectors={"adwin": {}, "page_hinkley": {"threshold": 20.0}},
)


async def _run(pool: asyncpg.Pool, cycles: int, watched: MonitorPlan = WATCHED) -> list[CycleReport]:
    """Run some cycles from a fresh start."""
    async with workers() as compute:
        cycle = Cycle(watched, PostgresStore(pool), compute, now=lambda: 5_000 * SECOND)
        return [await cycle.run(number) for number in range(cycles)]


async def _states(pool: asyncpg.Pool) -> dict[str, int]:
    """Return how many rows each detector in the checkpoint has counted."""
    kept = await pool.fetchval("SELECT detectors FROM tidegauge.checkpoint")
    return {name: json.loads(state)["row"] for name, state in kept.items()}


async def test_a_change_is_an_event_at_its_row(pool: asyncpg.Pool) -> None:
    """Over restarts every detector finds the change once, at a time right behind it, and the log names it."""
    reports = [*await _run(pool, 7), *await _run(pool, 4), *await _run(pool, CYCLES - 11)]
    found = await pool.fetch(
        "SELECT kind, metric, (extract(epoch FROM at))::int AS second, details, message "
        "FROM tidegauge.event ORDER BY metric"
    )
    assert [(row["kind"], row["metric"]) for row in found] == [
        ("change_point", "adwin"),
        ("change_point", "page_hinkley"),
    ]
    for row in found:
        assert ROWS * CYCLES // 2 <= row["second"] == row["details"]["row"] < ROWS * CYCLES
        assert row["details"]["error_before"] < 1.0 < row["details"]["error"]
    changed = [summary(report)["changed"] for report in reports if report.record.events]
    assert ",".join(changed) in {"adwin,page_hinkley", "page_hinkley,adwin"}


async def test_the_state_is_kept_with_the_checkpoint(pool: asyncpg.Pool) -> None:
    """A start with one detector edited lets the other go on, and without detectors nothing is kept."""
    await _run(pool, 2)
    assert await _states(pool) == {"adwin": 200, "page_hinkley": 200}
    edited = replace(WATCHED, detectors={"adwin": {"delta": 0.01}, "page_hinkley": {"threshold": 20.0}})
    await _run(pool, 1, edited)
    assert await _states(pool) == {"adwin": 100, "page_hinkley": 300}
    await _run(pool, 1, replace(WATCHED, detectors={}))
    assert await _states(pool) == {}
