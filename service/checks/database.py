"""What is found of the database: read only, and without a server what `run` would create."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.checks.look import Finding
from service.errors import TidegaugeError
from service.store.embedded.inspection import EmbeddedLook, find_embedded
from service.store.inspection import READER, DatabaseLook, inspect_database
from service.store.migrate import migrations_folder, read_migrations

if TYPE_CHECKING:
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


def _findings(seen: DatabaseLook) -> list[Finding]:
    found = [
        Finding(
            "fault",
            WHERE,
            f"{seen.place}: our role lacks the right {lacking.right}; let an administrator run "
            f"{lacking.statement}",
        )
        for lacking in seen.missing_rights
    ]
    if seen.exists and not seen.reader_exists and not seen.may_create_reader:
        found.append(
            Finding(
                "note",
                WHERE,
                f"there is no role {READER}, which dashboards read by, and our role may not create it; "
                f"let an administrator run CREATE ROLE {READER}",
            )
        )
    return found


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
    if seen.reader_exists:
        lines.append(f"reader: the role {READER} exists")
    elif seen.may_create_reader:
        lines.append(f"reader: no role {READER} yet; run creates it")
    return lines
