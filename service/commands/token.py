"""The commands `token create | list | revoke`: what senders and readers are let in by."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from service.access import cache_file, revoked_file
from service.access.refresh import STATED_SECONDS
from service.access.secret import PREFIX, digest_of, id_of, new_token
from service.commands.environment import load_settings, read_files
from service.commands.exit_status import CLEAN
from service.commands.metrics import unknown_name
from service.core.access import Grant, Token, scopes_of
from service.errors import CodecError, ConfigurationError, StoreError, TidegaugeError
from service.store.migrate import migrate, migrations_folder
from service.store.tables import access_token
from service.store.tables.monitors import monitor as monitor_table
from service.wiring.database import database
from service.wiring.http.access import FILE_NAME
from service.wiring.inbox.intake import FOLDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    import asyncpg

    from service.config.settings import Settings
    from service.core.access import ListedToken

HEAD = ("id", "name", "monitors", "scopes", "created", "last used", "revoked")
MAX_NAME = 200


def create(name: str, *, scopes: Sequence[str], monitors: Sequence[str] | None) -> int:
    """Make a token and print it, which is possible only now; return the exit status.

    Raises ConfigurationError for a scope or a monitor that there is not.
    """
    settings = load_settings()
    if not 0 < len(name.strip()) <= MAX_NAME or not name.isprintable():
        raise ConfigurationError(
            f"expected a name of 1 to {MAX_NAME} printable characters: whose token it is"
        )
    try:
        granted = scopes_of([word for text in scopes for word in text.split(",")])
    except ValueError as error:
        raise ConfigurationError(f"--scope: {error}") from error
    for_monitors = None if monitors is None else frozenset(monitors)
    secret = asyncio.run(_create(settings, name.strip(), Grant(granted, for_monitors)))
    sys.stderr.write(
        "Keep it now: it is not shown again, and only its hash is kept. Running services take it within "
        f"{STATED_SECONDS:.0f} seconds.\n"
    )
    sys.stdout.write(f"{secret}\n")
    return CLEAN


async def _create(settings: Settings, name: str, grant: Grant) -> str:
    async with _database(settings) as pool:
        known = read_files(settings).names
        known |= {each.name for each in await monitor_table.read_all(pool)}
        for monitor in sorted(grant.monitors or ()):
            if monitor not in known:
                raise ConfigurationError(f"--monitor: {unknown_name(monitor, sorted(known))}")
        own, secret = new_token()
        await access_token.add(pool, Token(own, digest_of(secret), grant), name)
    return secret


def show(*, as_json: bool) -> int:
    """Print every token, without its secret, which nobody knows; return the exit status."""
    found = asyncio.run(_read(load_settings()))
    if as_json:
        sys.stdout.write(json.dumps([_as_object(each) for each in found], indent=2) + "\n")
        return CLEAN
    if not found:
        sys.stdout.write("There is no token yet: tidegauge token create NAME --scope rows makes one.\n")
        return CLEAN
    rows = [HEAD, *(_as_row(each) for each in found)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        sys.stdout.write("  ".join(map(str.ljust, row, widths)).rstrip() + "\n")
    return CLEAN


async def _read(settings: Settings) -> list[ListedToken]:
    async with _database(settings) as pool:
        return await access_token.read_all(pool)


def revoke(given: str) -> int:
    """Refuse a token from now on; return the exit status.

    Services over this data folder refuse it at once, whether the database answers or not. Raises
    ConfigurationError where there is none of this id, StoreError where the database does not know it yet.
    """
    own = id_of(given) or given.removeprefix(PREFIX)
    settings = load_settings()
    is_refused = _refused_here(settings, own)
    try:
        found = asyncio.run(_revoke(settings, own))
    except TidegaugeError as error:
        if not is_refused:
            raise
        raise StoreError(
            f"{own} is refused by services over {settings.data_dir}, and not yet by others: {error}\n"
            "A service over that folder tells the database once it answers; without one, run this again then"
        ) from error
    if not found:
        raise ConfigurationError(
            "no token has this id; `tidegauge token list` prints every token's id in its first column"
        )
    sys.stdout.write(f"{own} is revoked; running services refuse it within {STATED_SECONDS:.0f} seconds\n")
    return CLEAN


def _refused_here(settings: Settings, own: str) -> bool:
    """Let services over this data folder refuse a token that they know; return whether they do."""
    folder = settings.data_dir / FOLDER
    try:
        if own not in {token.id for token in cache_file.read(folder / FILE_NAME)}:
            return False
        revoked_file.add(folder / revoked_file.NAME, own)
    except (OSError, CodecError) as error:
        sys.stderr.write(f"note: not noted in {folder}, where services without a database look: {error}\n")
        return False
    sys.stderr.write(f"Services over {settings.data_dir} refuse it from now on; the database is told next.\n")
    return True


async def _revoke(settings: Settings, own: str) -> bool:
    async with _database(settings) as pool:
        return await access_token.revoke(pool, own)


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        yield pool


def _as_row(token: ListedToken) -> tuple[str, ...]:
    monitors = "all" if token.grant.monitors is None else ",".join(sorted(token.grant.monitors))
    scopes = ",".join(sorted(token.grant.scopes))
    instants = (token.created_at, token.last_used_at, token.revoked_at)
    return token.id, token.name, monitors, scopes, *map(_minute, instants)


def _as_object(token: ListedToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "monitors": None if token.grant.monitors is None else sorted(token.grant.monitors),
        "scopes": sorted(token.grant.scopes),
        "created_at": token.created_at.isoformat(),
        "last_used_at": None if token.last_used_at is None else token.last_used_at.isoformat(),
        "revoked_at": None if token.revoked_at is None else token.revoked_at.isoformat(),
    }


def _minute(instant: datetime | None) -> str:
    return "-" if instant is None else f"{instant:%Y-%m-%d %H:%M}"
