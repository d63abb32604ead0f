"""The command `migrate`: bring the database's schema up to date and print what was applied."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.store.migrate import migrate, migrations_folder
from service.wiring.database import database

if TYPE_CHECKING:
    from service.config.settings import Settings


def execute() -> int:
    """Apply the migrations that are missing; return the exit status."""
    for name in asyncio.run(_applied(load_settings())):
        sys.stdout.write(f"applied {name}\n")
    sys.stdout.write("the schema is up to date\n")
    return CLEAN


async def _applied(settings: Settings) -> list[str]:
    async with database(settings) as pool:
        return await migrate(pool, migrations_folder())
