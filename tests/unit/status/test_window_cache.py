from __future__ import annotations

import asyncio

from service.core.read_models import NewestWindow, RaisedAlarm
from service.core.story.newest import newest_window
from service.status import window_cache
from service.status.window_cache import WindowCache
from tests.unit.status.values import latest, window_value


class Store:
    """What a cache reads; counts how often."""

    def __init__(self, measurements: int = 1) -> None:
        self.reads = 0
        self.newest = newest_window(latest(*(window_value("drift") for _ in range(measurements))))

    async def read(self) -> tuple[NewestWindow, list[RaisedAlarm]]:
        self.reads += 1
        await asyncio.sleep(0)
        return self.newest, []


async def test_a_window_is_read_once_per_version() -> None:
    """Questions at the same time share one reading; after a cycle it is read again."""
    cache, store = WindowCache(), Store()
    found = await asyncio.gather(*(cache.get("shop", (1,), store.read) for _ in range(9)))
    assert all(newest is store.newest for newest, _ in found)
    assert store.reads == 1
    await cache.get("shop", (2,), store.read)
    await cache.get("bank", (2,), store.read)
    assert store.reads == 3


async def test_what_is_kept_is_bounded() -> None:
    """The window that was asked for longest ago goes first, and one that is too large is kept alone."""
    cache, large = WindowCache(), Store()
    large.newest = NewestWindow(window=None, measurements=large.newest.measurements * 40_000)
    for name in ("first", "second", "second", "first"):
        await cache.get(name, (1,), large.read)
    assert large.reads == 3
    assert window_cache.MAX_MEASUREMENTS < 80_000
