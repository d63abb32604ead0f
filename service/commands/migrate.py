"""The command `migrate`: bring the schema up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.store.connection_errors import database_of, user_of
from service.store.embedded.cluster import DATABASE, OWNER
from service.store.migrate import migrate, migrations_folder
from service.store.rights import reader_sql
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Callable

    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord

    Listener = Callable[[CycleRecord], None]  # told of every committed cycle


def reader_statements(settings: Settings) -> str:
    """Return the SQL by which an administrator makes the role that dashboards read with."""
    if settings.database_url is None:
        return reader_sql(DATABASE, OWNER)
    url = settings.database_url.get_secret_value()
    return reader_sql(database_of(url), user_of(url) or "the_role_of_the_service")


async def migrate_database(settings: Settings) -> list[str]:
    """Bring the schema up to date; return the names of the migrations that were applied."""
    async with database(settings) as pool:
        return await migrate(pool, migrations_folder())
