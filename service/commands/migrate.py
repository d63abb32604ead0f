"""The command `migrate`: bring the schema up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.migrate import migrate, migrations_folder
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord

    Listener = Callable[[CycleRecord], None]  # told of every committed cycle


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the schema up to date; return the names of the migrations that were applied."""
    async with database(settings) as pool:
        return await migrate(pool, migrations_folder())
