"""The metric that represents a monitor on an overview is chosen by the rank that the service wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import asyncpg
import pytest

from service.core.measurement import Aspect, Measurement, Series
from service.methods.performance import registry
from service.store.migrate import migrate, migrations_folder
from service.store.pool import open_pool
from service.store.postgres import PostgresStore
from tests.integration.store.test_store_commit import measured, record, window

if TYPE_CHECKING:
    from pathlib import Path

HEADLINE = "SELECT performance_metric, performance FROM tidegauge.monitors"
RANKS = {m.name: m.headline for m in registry.ALL if m.headline is not None}


def ranked(metric: str, value: float | None) -> Measurement:
    series = Series(Aspect.PERFORMANCE, metric, headline=RANKS.get(metric))
    return measured(value, series, reason=None if value is not None else "no labels yet")


async def headline(pool: asyncpg.Pool, *measurements: Measurement) -> tuple[str | None, float | None]:
    await PostgresStore(pool).commit(record(1, windows=(window(1, measurements),)))
    return tuple(await pool.fetchrow(HEADLINE))


async def test_the_first_rank_is_shown(pool: asyncpg.Pool):
    """Of the ranked metrics of a window the first is the headline, wherever it was measured."""
    of_window = [ranked(name, float(rank)) for name, rank in reversed(RANKS.items())]
    assert await headline(pool, *of_window, ranked("recall", 9.0)) == ("mae", 1.0)


async def test_a_metric_with_a_value_goes_before_one_without(pool: asyncpg.Pool):
    """A model without labels in its ranking metric shows the next one that has a value."""
    assert await headline(pool, ranked("roc_auc", None), ranked("accuracy", 0.9)) == ("accuracy", 0.9)


async def test_a_monitor_without_a_ranked_metric_shows_none(pool: asyncpg.Pool):
    """A metric without a rank never represents a monitor, nor does a segment of one that has."""
    within = Series(Aspect.PERFORMANCE, "mae", segment="origin=JFK")
    assert await headline(pool, ranked("recall", 0.5), measured(3.0, within)) == (None, None)


async def test_a_rank_that_changes_is_written_again(pool: asyncpg.Pool):
    """A later version that ranks a known series otherwise changes what the view shows."""
    recall = ranked("recall", 0.5)
    assert await headline(pool, recall, ranked("accuracy", 0.9)) == ("accuracy", 0.9)
    first = replace(recall, series=replace(recall.series, headline=1))
    again = record(2, windows=(window(2, [first, ranked("accuracy", 0.9)]),))
    await PostgresStore(pool).commit(again)
    assert tuple(await pool.fetchrow(HEADLINE)) == ("recall", 0.5)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """Copy the migrations up to the one that brings the rank."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    for path in migrations_folder().glob("*.sql"):
        if path.name < "0013":
            (folder / path.name).write_bytes(path.read_bytes())
    return folder


async def test_a_monitor_of_an_earlier_version_keeps_its_headline(empty_database_url: str, before: Path):
    """What the view listed is ranked by the migration, segments left out, so that no old monitor loses it."""
    async with await open_pool(empty_database_url) as pool:
        await migrate(pool, before)
        await pool.execute(
            """INSERT INTO tidegauge.series (monitor, aspect, metric, segment, worse)
               VALUES ('old', 'performance', 'f1', '', 'lower'), ('old', 'performance', 'mae', '', 'higher'),
                   ('old', 'performance', 'mae', 'origin=JFK', 'higher'),
                   ('old', 'drift', 'mae', '', 'higher')"""
        )
        await migrate(pool, migrations_folder())
        rows = await pool.fetch("SELECT metric, segment, headline FROM tidegauge.series ORDER BY id")
    assert [tuple(row) for row in rows] == [
        ("f1", "", 3),
        ("mae", "", 1),
        ("mae", "origin=JFK", None),
        ("mae", "", None),
    ]
