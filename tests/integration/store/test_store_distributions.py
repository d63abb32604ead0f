"""Each window's distributions are stored with it, once, and deleted with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import asyncpg
import pytest

from service.core.cycle_record import CycleRecord
from service.core.reference.bins import MISSING, OTHER, Binned, Bins
from service.core.rows.schema import Kind
from service.core.windows.records import WindowRecord
from service.errors import StoreError
from service.store.postgres import PostgresStore
from tests.integration.store.test_store_commit import measured, record, window

SIZES = Bins(
    "size",
    Kind.NUMERICAL,
    (None, 0.0, 10.0, None),
    (0.0, 10.0, None, None),
    ("below 0", "0 to 10", "10 and above", MISSING),
    (0, 60, 30, 10),
)
COLOURS = Bins("colour", Kind.CATEGORICAL, (None,) * 3, (None,) * 3, ("red", OTHER, MISSING), (99, 1, 0))


def drawn(last: int, *distributions: Binned, rows: int = 700) -> WindowRecord:
    return replace(window(last, [measured(0.1)]), rows=rows, distributions=distributions)


def cycle(number: int, *windows: WindowRecord, **more: Any) -> CycleRecord:
    return record(number, windows=windows, **more)


async def shown(pool: asyncpg.Pool, column: str = "size") -> list[tuple[Any, ...]]:
    rows = await pool.fetch(
        """SELECT bin, label, low, high, share, reference_share, rows, revision FROM tidegauge.distributions
           WHERE monitor = 'flights' AND column_name = $1 ORDER BY window_end, bin""",
        column,
    )
    return [tuple(row) for row in rows]


async def kept(pool: asyncpg.Pool) -> tuple[int, int]:
    tables = ("column_bins", "window_distribution")
    bins, counts = [await pool.fetchval(f"SELECT count(*) FROM tidegauge.{name}") for name in tables]
    return bins, counts


async def test_a_distribution_is_read_beside_the_references(pool: asyncpg.Pool):
    """Each bin is a row with its ends, its share of the window's rows and of the reference's."""
    columns = (Binned(SIZES, (7, 70, 609, 14)), Binned(COLOURS, (350, 350, 0)))
    assert await PostgresStore(pool).commit(cycle(1, drawn(1, *columns)))
    assert await shown(pool) == [
        (1, "below 0", None, 0.0, 0.01, 0.0, 700, 1),
        (2, "0 to 10", 0.0, 10.0, 0.1, 0.6, 700, 1),
        (3, "10 and above", 10.0, None, 0.87, 0.3, 700, 1),
        (4, MISSING, None, None, 0.02, 0.1, 700, 1),
    ]
    assert [row[:6] for row in await shown(pool, "colour")] == [
        (1, "red", None, None, 0.5, 0.99), (2, OTHER, None, None, 0.5, 0.01), (3, MISSING, None, None, 0, 0),
    ]  # fmt: skip


async def test_a_window_without_rows_has_no_shares(pool: asyncpg.Pool):
    """Of no rows there is no share: NULL, and never a zero."""
    await PostgresStore(pool).commit(cycle(1, drawn(1, Binned(COLOURS, (0, 0, 0)), rows=0)))
    assert [row[4] for row in await shown(pool, "colour")] == [None] * 3


async def test_bins_stand_once_however_many_windows_and_stores(pool: asyncpg.Pool):
    """A column's bins are written by the first window, and again only when the reference changes."""
    store, counts = PostgresStore(pool), (0, 700, 0, 0)
    await store.commit(cycle(1, drawn(1, Binned(SIZES, counts)), drawn(2, Binned(SIZES, counts))))
    await PostgresStore(pool).commit(cycle(2, drawn(3, Binned(SIZES, counts))))
    assert await kept(pool) == (1, 3)
    await store.commit(cycle(3, drawn(4, Binned(replace(SIZES, counts=(0, 61, 30, 9)), counts))))
    assert await kept(pool) == (2, 4)


async def test_a_cycle_done_twice_draws_a_window_once(pool: asyncpg.Pool):
    """A distribution is in its cycle's transaction: refused with it, and gone where it fails."""
    store, column = PostgresStore(pool), Binned(COLOURS, (1, 2, 3))
    twice = replace(drawn(1, column), measurements=(measured(0.1), measured(0.2)))
    with pytest.raises(StoreError):
        await store.commit(cycle(1, twice))
    assert await kept(pool) == (0, 0)
    assert await store.commit(cycle(1, drawn(1, column)))
    assert not await store.commit(cycle(1, drawn(1, column)))
    assert await kept(pool) == (1, 1)


async def test_a_window_measured_again_shows_its_latest_distribution(pool: asyncpg.Pool):
    """Late rows draw the window anew; the view shows the later revision alone."""
    store = PostgresStore(pool)
    await store.commit(cycle(1, drawn(1, Binned(COLOURS, (700, 0, 0)))))
    await store.commit(cycle(2, drawn(1, Binned(COLOURS, (0, 700, 0)))))
    assert [(row[4], row[7]) for row in await shown(pool, "colour")] == [(0.0, 2), (1.0, 2), (0.0, 2)]


async def test_a_distribution_goes_with_its_run(pool: asyncpg.Pool):
    """Whatever deletes a run takes its distributions along; the bins stay for the next window."""
    await PostgresStore(pool).commit(cycle(1, drawn(1, Binned(SIZES, (0, 0, 0, 700)))))
    await pool.execute("DELETE FROM tidegauge.window_run")
    assert await kept(pool) == (1, 0)


async def test_a_store_survives_bins_that_vanished(pool: asyncpg.Pool):
    """Bins that went away under a running service are an error once, then made again."""
    store, column = PostgresStore(pool), Binned(COLOURS, (1, 2, 3))
    await store.commit(cycle(1, drawn(1, column)))
    await pool.execute("TRUNCATE tidegauge.column_bins, tidegauge.window_distribution")
    with pytest.raises(StoreError, match="write cycle 2"):
        await store.commit(cycle(2, drawn(2, column)))
    assert await store.commit(cycle(2, drawn(2, column)))
    assert await kept(pool) == (1, 1)


async def test_the_reader_sees_distributions(pool: asyncpg.Pool, reader: asyncpg.Connection):
    """Dashboards read them through the role that may only read."""
    await PostgresStore(pool).commit(cycle(1, drawn(1, Binned(COLOURS, (1, 2, 3)))))
    assert await reader.fetchval("SELECT count(*) FROM tidegauge.distributions") == 3
