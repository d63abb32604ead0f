"""A source that has nothing left says so once, and its windows are drawn as they were measured."""

from __future__ import annotations

from typing import Any

import asyncpg

from service.core.reference import reference
from service.core.reference.reference import Reference
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import MonitorPlan
from service.methods.alarm import AlarmPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore
from tests.integration.measures.test_schema_change import HOUR, SCHEMA, rows

HOURS = 4


class Ending:
    """Gives an hour a time and knows which is the last."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        hour = position["hour"] if position else 0
        return Take(rows(hour), {"hour": hour + 1}, exhausted=hour + 1 == HOURS)

    async def close(self) -> None:
        return None


async def _reference() -> Reference:
    return reference.of(rows(0), SCHEMA)


async def test_the_end_of_a_source_is_an_event(pool: asyncpg.Pool) -> None:
    """Only the cycle that took the last rows tells of it, and the monitor is known to have ended."""
    store, ended = PostgresStore(pool), []
    async with workers() as compute:
        plan = MonitorPlan(
            name="shop",
            schema=SCHEMA,
            window=WindowPlan(Unit.TIME, HOUR),
            measures=MeasurePlan(),
            alarm=AlarmPlan(),
            source=Ending(),
            load_reference=_reference,
        )
        cycle = Cycle(plan, store, compute, now=lambda: HOURS * HOUR)
        for number in range(HOURS):
            await cycle.run(number * HOUR)
            ended.append(await pool.fetchval("SELECT ended FROM tidegauge.monitors"))
    assert ended == [False] * (HOURS - 1) + [True]
    (event,) = await pool.fetch("SELECT * FROM tidegauge.event WHERE kind = 'ended'")
    assert event["message"] == "the source has nothing left after 32 rows"


async def test_an_ended_monitor_that_was_not_judged_says_why(pool: asyncpg.Pool) -> None:
    """Where the source has ended nothing is waited for: the monitor's line has the reason in words."""
    await test_the_end_of_a_source_is_an_event(pool)
    shown = await pool.fetchrow("SELECT state, error FROM tidegauge.monitors")
    assert (shown["state"], shown["error"]) == ("fine", None)
    await pool.execute("UPDATE tidegauge.window_aspect SET severity = NULL, breached = 0")
    await pool.execute("UPDATE tidegauge.sample SET value = NULL, reason = '8 rows, fewer than 30'")
    shown = await pool.fetchrow("SELECT state, error FROM tidegauge.monitors")
    assert (shown["state"], shown["error"]) == (
        "waiting",
        "the source has ended, and nothing in its newest window was judged: 8 rows, fewer than 30",
    )


async def test_each_window_has_its_distribution_and_aspects(pool: asyncpg.Pool) -> None:
    """Every window that a cycle measured is drawn by every column's bins, all of its rows in one of them."""
    await test_the_end_of_a_source_is_an_event(pool)
    drawn = await pool.fetch(
        "SELECT window_end, column_name, sum(share) AS shares, sum(reference_share) AS reference "
        "FROM tidegauge.distributions GROUP BY 1, 2"
    )
    assert len(drawn) == HOURS * len(SCHEMA.columns)
    assert {(row["shares"], row["reference"]) for row in drawn} == {(1.0, 1.0)}
    aspects = await pool.fetch(
        "SELECT count(DISTINCT run_id) AS runs FROM tidegauge.window_aspect GROUP BY aspect"
    )
    assert {row["runs"] for row in aspects} == {HOURS}


async def test_aspects_add_up_over_statements(pool: asyncpg.Pool, monkeypatch: Any) -> None:
    """However many statements a window's measurements take, its aspects stand once and say the same."""
    states = "SELECT aspect, judged, breached, severity FROM tidegauge.window_aspect ORDER BY run_id, aspect"
    await test_the_end_of_a_source_is_an_event(pool)
    whole = await pool.fetch(states)
    for table in ("checkpoint", "window_run", "sample", "pane", "cycle_log", "event"):
        await pool.execute(f"TRUNCATE tidegauge.{table} CASCADE")
    monkeypatch.setattr("service.store.tables.sample.MAX_PER_STATEMENT", 3)
    await test_the_end_of_a_source_is_an_event(pool)
    assert await pool.fetch(states) == whole
