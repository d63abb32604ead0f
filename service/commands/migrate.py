"""The command `migrate`: bring the database's schema up to date and print what was applied."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.store.connection_errors import database_of, user_of
from service.store.embedded.cluster import DATABASE, OWNER
from service.store.migrate import migrate, migrations_folder
from service.store.rights import reader_sql
from service.wiring.database import database

if TYPE_CHECKING:
    from service.config.settings import Settings


def print_reader_sql() -> int:
    """Print the SQL by which an administrator makes the role that dashboards read with; change nothing."""
    sys.stdout.write(_reader_sql(load_settings()))
    return CLEAN


def _reader_sql(settings: Settings) -> str:
    if settings.database_url is None:
        return reader_sql(DATABASE, OWNER)
    url = settings.database_url.get_secret_value()
    return reader_sql(database_of(url), user_of(url) or "the_role_of_the_service")


def execute() -> int:
    """Apply the migrations that are missing; return the exit status."""
    for name in asyncio.run(_applied(load_settings())):
        sys.stdout.write(f"applied {name}\n")
    sys.stdout.write("the schema is up to date\n")
    return CLEAN


async def _applied(settings: Settings) -> list[str]:
    async with database(settings) as pool:
        return await migrate(pool, migrations_folder())
