"""What is found of the database: read only, and without a server what `run` would create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.checks.look import Finding
from service.errors import TidegaugeError
from service.store.embedded.inspection import EmbeddedLook, find_embedded
from service.store.inspection import DatabaseLook, inspect_database
from service.store.migrate import migrations_folder, read_migrations
from service.store.rights import READER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from service.config.settings import Settings

WHERE = "database"


@dataclass(frozen=True, slots=True)
class StoreLook:
    """The database, and the embedded server where none is named; a part that could not be seen is None."""

    database: DatabaseLook | None = None
    embedded: EmbeddedLook | None = None
    findings: tuple[Finding, ...] = ()


async def look_at_database(settings: Settings) -> StoreLook:
    """Return what is seen of the database of the settings, or of the embedded server."""
    embedded = None
    try:
        if settings.database_url is not None:
            dsn: str | None = settings.database_url.get_secret_value()
        else:
            embedded = find_embedded(settings.data_dir)
            dsn = embedded.dsn
        if dsn is None:
            return StoreLook(embedded=embedded)
        seen = await inspect_database(dsn, migrations_folder())
    except (TidegaugeError, OSError) as error:
        return StoreLook(embedded=embedded, findings=(Finding("fault", WHERE, str(error)),))
    return StoreLook(seen, embedded, tuple(_findings(seen)))


def _findings(seen: DatabaseLook) -> Iterator[Finding]:
    if seen.missing_rights is not None:
        yield Finding("fault", WHERE, seen.missing_rights.message)
    if seen.pooled:
        yield Finding(
            "note",
            WHERE,
            "a connection pooler lies in between; statements are not prepared ahead "
            "(TIDEGAUGE_DATABASE_STATEMENT_CACHE=0 says so without looking)",
        )
    if seen.exists and not seen.reader_reads and (seen.migrated_to or not seen.may_create_reader):
        yield Finding(
            "note",
            WHERE,
            f"the role {READER}, which dashboards read with, is missing or may not read; "
            "`tidegauge migrate --reader-sql` prints what an administrator has to run",
        )
    yield from (Finding("note", WHERE, message) for message in seen.locks)


def described(look: StoreLook) -> list[str]:
    """Return what is said of the database, line by line."""
    if look.database is not None:
        return _of_database(look.database)
    if look.embedded is None:
        return []
    migrations = len(read_migrations(migrations_folder()))
    if look.embedded.exists:
        return [f"our own server in {look.embedded.folder}, not running; run starts it"]
    line = (
        f"none yet; run creates our own server in {look.embedded.folder}, with the database tidegauge "
        f"({migrations} migrations). TIDEGAUGE_DATABASE_URL names another"
    )
    return [line]


def _of_database(seen: DatabaseLook) -> list[str]:
    if not seen.exists:
        return [f"{seen.place}: it does not exist yet; run creates and migrates it"]
    lines = [f"{seen.place}, Postgres {seen.server_version}"]
    if not seen.migrated_to:
        lines.append(f"schema: none yet; run creates it ({len(seen.pending)} migrations)")
    else:
        waiting = f"; run applies {', '.join(seen.pending)}" if seen.pending else ", up to date"
        lines.append(f"schema: {seen.migrated_to}{waiting}")
    if seen.reader_reads:
        lines.append(f"reader: the role {READER} exists and may read")
    elif not seen.migrated_to and seen.may_create_reader:
        lines.append(f"reader: run creates the role {READER}")
    return lines
