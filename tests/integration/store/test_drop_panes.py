"""Panes go with the windows that had them, and never one that is still needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.store.postgres import PostgresStore
from service.store.retention import drop_panes

if TYPE_CHECKING:
    import asyncpg


@pytest.fixture
async def filled(pool: asyncpg.Pool) -> asyncpg.Pool:
    """Store panes 0 to 19 of a monitor whose kept windows begin with panes 10 to 17, three panes each."""
    await pool.execute(
        "INSERT INTO tidegauge.checkpoint (monitor, cycle, rows, closed, layout) "
        "VALUES ('m', 1, 9, 19, 'now')"
    )
    await pool.execute(
        "INSERT INTO tidegauge.pane SELECT 'm', 'now', k, now(), now(), 1, '' FROM generate_series(0, 19) k"
    )
    await pool.execute(
        "INSERT INTO tidegauge.window_run (monitor, layout, first_pane, last_pane, window_start, window_end, "
        "revision, panes, rows) SELECT 'm', 'now', k, k + 2, now(), now(), 1, 3, 3 "
        "FROM generate_series(10, 17) k"
    )
    return pool


async def _keys(pool: asyncpg.Pool) -> list[int]:
    return [row["key"] for row in await pool.fetch("SELECT key FROM tidegauge.pane ORDER BY key")]


@pytest.mark.parametrize(("behind", "first"), [({"m": 0}, 10), ({"m": 6}, 4), ({}, 0), ({"other": 0}, 0)])
async def test_panes_below_the_kept_windows_go(
    filled: asyncpg.Pool, behind: dict[str, int], first: int
) -> None:
    """What the kept windows and their references have stays; an expanding reference keeps all."""
    assert await drop_panes(filled, behind) == first
    assert await _keys(filled) == list(range(first, 20))


async def test_what_is_dropped_is_known(filled: asyncpg.Pool) -> None:
    """The checkpoint says from which pane on all are kept, for the layout that holds, and forgets no drop."""
    store = PostgresStore(filled)
    assert await store.kept_from("m", "now") is None
    await drop_panes(filled, {"m": 6})
    assert await store.kept_from("m", "now") == 4
    await drop_panes(filled, {"m": 0})
    await drop_panes(filled, {"m": 6})
    assert (await store.kept_from("m", "now"), await store.kept_from("m", "other")) == (10, None)


async def test_a_row_that_waits_for_its_label_keeps_its_pane(filled: asyncpg.Pool) -> None:
    """A label that comes finds the pane that counts its row, and all after it."""
    await filled.execute("INSERT INTO tidegauge.pending_row VALUES ('m', 1, 7, now(), '')")
    await drop_panes(filled, {"m": 0})
    assert await _keys(filled) == list(range(7, 20))


async def test_without_a_kept_window_nothing_goes(filled: asyncpg.Pool) -> None:
    """A monitor that has measured nothing for long still needs its panes for the next window."""
    await filled.execute("DELETE FROM tidegauge.window_run")
    assert await drop_panes(filled, {"m": 0}) == 0
    assert len(await _keys(filled)) == 20


@pytest.mark.parametrize(("closed", "first"), [(None, 0), (2, 1), (5, 4), (15, 10)])
async def test_after_a_reset_the_panes_that_are_filled_again_stay(
    filled: asyncpg.Pool, closed: int | None, first: int
) -> None:
    """The windows that are kept are later than those that are measured again: the next one counts as well."""
    await filled.execute("UPDATE tidegauge.checkpoint SET closed = $1", closed)
    await drop_panes(filled, {"m": 0})
    assert await _keys(filled) == list(range(first, 20))
