"""The command `psql`: look around in the embedded database, as the role that may only read."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.errors import ConfigurationError, EmbeddedServerError
from service.store.embedded import file_lock
from service.store.embedded.cluster import READER, Place, read_connection
from service.store.embedded.run_as import installed
from service.store.embedded.server import EmbeddedServer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.config.settings import Settings

# The role has no right to write; this says so before a statement is refused.
_SESSION = "-c default_transaction_read_only=on -c search_path=tidegauge,public"


def execute(arguments: Sequence[str], *, print_only: bool) -> int:
    """Open psql on the embedded server, or print the URL that it would use; return the exit status.

    `arguments` are psql's own. Raises ConfigurationError where the settings name another database,
    EmbeddedServerError where the server does not start, or does not run and only its URL is asked for.
    """
    settings = load_settings()
    if settings.database_url is not None:
        raise ConfigurationError(
            "psql: TIDEGAUGE_DATABASE_URL names a database of your own, and only the embedded server's "
            f"passwords are known here; connect as {READER} by any client, such as psql "
            f"(`tidegauge migrate --reader-sql` prints what makes that role)"
        )
    if print_only:
        sys.stdout.write(f"{_running_url(settings)}\n")
        return CLEAN
    return asyncio.run(_opened(settings, arguments))


def _running_url(settings: Settings) -> str:
    place = Place(settings.data_dir.resolve())
    connection = read_connection(place)
    if connection is None or not file_lock.is_held(place.folder / "server.lock"):
        raise EmbeddedServerError(
            f"the embedded server in {place.folder} does not run, so that there is nothing to connect to; "
            "start `tidegauge run`, or let `tidegauge psql` start it while it is open"
        )
    return connection.dsn(READER)


async def _opened(settings: Settings, arguments: Sequence[str]) -> int:
    program = shutil.which("psql") or str(installed() / "psql")
    async with EmbeddedServer(settings.data_dir) as server:
        url = urlsplit(server.reader_dsn)
        environment = {
            **os.environ,
            "PGHOST": url.hostname or "",
            "PGPORT": str(url.port),
            "PGUSER": url.username or "",
            "PGPASSWORD": url.password or "",  # not as an argument, which every user of the machine can see
            "PGDATABASE": url.path.lstrip("/"),
            "PGSSLMODE": "disable",
            "PGOPTIONS": _SESSION,
        }
        # Ctrl-C is psql's, which ends a statement by it and not itself.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process = await asyncio.create_subprocess_exec(
                program, *arguments, env=environment, preexec_fn=_heed_interrupts
            )
            return await process.wait()
        finally:
            signal.signal(signal.SIGINT, before)


def _heed_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
