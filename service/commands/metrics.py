"""The command `metrics`: print what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from service.store import queries
from service.store.migrate import migrate, migrations_folder
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg

    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord

    Listener = Callable[[CycleRecord], None]  # told of every committed cycle


async def measurements(settings: Settings, **filters: Any) -> list[asyncpg.Record]:
    """Return rows of the view `metrics`; see `store.query` for the filters."""
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        return await queries.measurements(pool, **filters)
