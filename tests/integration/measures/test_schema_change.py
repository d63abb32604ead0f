"""A schema change is one event in the database, whatever restarts between the cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import numpy as np
import pytest

from service.core.reference import reference
from service.core.rows.batch import Arrival, Batch, Labels, Numbers
from service.core.rows.schema import Column, Kind, Schema
from service.core.rows.take import Take
from service.core.windows.window import Unit, WindowPlan
from service.cycle.cycle import Cycle
from service.cycle.monitor_plan import MonitorPlan
from service.methods.alarm import AlarmPlan
from service.methods.measure_window import MeasurePlan
from service.runtime.compute_threads import workers
from service.store.postgres import PostgresStore

if TYPE_CHECKING:
    from service.core.reference.reference import Reference

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
HOUR = 3_600_000_000


def rows(hour: int, text: int = 0, without: str = "", beside: tuple[str, ...] = ("extra",)) -> Batch:
    """Make eight rows of an hour, `text` of which have no number, without one of the columns."""
    columns = {
        "size": Numbers(np.where(np.arange(8) < text, np.nan, np.arange(8.0)), np.arange(8) < text),
        "colour": Labels(np.arange(8) % 2, np.array(["green", "red"])),
    }
    columns.pop(without, None)
    return Batch(8, hour * HOUR + np.arange(8, dtype=np.int64), columns, Arrival(beside))


# An hour each, with a gap of half a year in which a column is lost, and rows that come an hour late.
STREAM = [
    rows(0),
    rows(1, without="size"),
    rows(2, without="size"),
    rows(4_400, without="size"),
    rows(4_401, text=6),
    rows(4_402),
    rows(4_401, text=8),
    rows(4_403, beside=("extra", "fresh")),
    rows(4_404, without="colour", beside=("extra", "fresh")),
    rows(4_405, without="colour", beside=("extra", "fresh")),
    rows(4_405),
    rows(4_406),
    rows(4_407),
]
EXPECTED = [
    (1, "size", "size disappeared: none of 8 rows has it"),
    (4_401, "size", "size came back as text: 6 of 8 rows hold no number"),
    (4_402, "size", "size turned from text to numbers"),
    (4_403, "fresh", "fresh appeared; the monitor does not watch it"),
    (4_404, "colour", "colour disappeared: none of 8 rows has it"),
    (4_405, "colour", "colour came back"),
    (4_406, "fresh", "fresh disappeared"),
]


class Stream:
    """Gives the batches one by one."""

    async def take(self, position: dict[str, Any] | None) -> Take:
        place = position["batch"] if position else 0
        batch = STREAM[place] if place < len(STREAM) else STREAM[0].take(slice(0, 0))
        return Take(batch, {"batch": place + 1})

    async def close(self) -> None:
        return None


async def _reference() -> Reference:
    return reference.of(rows(0), SCHEMA)


async def _events(pool: asyncpg.Pool) -> list[tuple[int, str, str]]:
    found = await pool.fetch(
        "SELECT (extract(epoch FROM at) / 3600)::int AS hour, column_name, message FROM tidegauge.event "
        "WHERE kind = 'schema_change' ORDER BY id"
    )
    return [(row["hour"], row["column_name"], row["message"]) for row in found]


@pytest.mark.parametrize("panes", [1, 3])
@pytest.mark.parametrize("restarts", [frozenset(), frozenset({3, 5, 6, 10}), frozenset(range(20))])
async def test_each_change_is_one_event(pool: asyncpg.Pool, panes: int, restarts: frozenset[int]) -> None:
    """Restarted never, at times or before every cycle, over gaps and late rows: the same events, once."""
    async with workers() as compute:
        plan = MonitorPlan(
            name="shop",
            schema=SCHEMA,
            window=WindowPlan(Unit.TIME, HOUR, panes),
            measures=MeasurePlan(),
            alarm=AlarmPlan(),
            source=Stream(),
            load_reference=_reference,
        )
        cycle = Cycle(plan, PostgresStore(pool), compute, now=lambda: 5_000 * HOUR)
        for number in range(len(STREAM)):
            if number in restarts:
                cycle = Cycle(plan, PostgresStore(pool), compute, now=lambda: 5_000 * HOUR)
            report = await cycle.run(number)
            assert report.committed
    assert await _events(pool) == EXPECTED
