"""Say in words why a connection to the database failed, and what to do about it."""

from __future__ import annotations

import socket
import ssl
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from service.store.driver_errors import reason
from service.store.rights import quoted

# What a server says that is on its way up, or not there yet (its name included).
NOT_YET = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.PostgresConnectionError,
    asyncpg.TooManyConnectionsError,
)
# What befalls a statement whose server ends: it says so, the connection goes, or the driver loses its place.
LOST = (
    *NOT_YET,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)


def is_lost(error: BaseException) -> bool:
    """Return whether the database went away under what raised `error`, or what it was raised from."""
    return _is_from(error, LOST)


def is_read_only(error: BaseException) -> bool:
    """Return whether a server that only reads, as a standby does, raised `error` or its cause."""
    return _is_from(error, asyncpg.ReadOnlySQLTransactionError)


def _is_from(error: BaseException, kinds: type[BaseException] | tuple[type[BaseException], ...]) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, kinds):
            return True
        cause = cause.__cause__
    return False


# What to do about each error, the first that fits. Those whose own words help are said before it.
_SILENT: tuple[tuple[type[BaseException], str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the server's certificate could not be verified; name its root by sslrootcert= in the URL",
    ),
    (
        socket.gaierror,
        "the host's name is not known; correct the host in TIDEGAUGE_DATABASE_URL",
    ),
    (TimeoutError, "no answer in time; is the host right, and does a firewall let the port through?"),
    (
        ConnectionRefusedError,
        "nothing listens there; start the server, or correct host and port in TIDEGAUGE_DATABASE_URL",
    ),
    # The driver's own words may hold a piece of the password.
    (
        ValueError,
        "cannot be read as a database URL; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
    ),
)
_SAID: tuple[tuple[type[BaseException], str], ...] = (
    (
        asyncpg.TooManyConnectionsError,
        "raise the server's max_connections or the role's CONNECTION LIMIT",
    ),
    (
        asyncpg.InvalidPasswordError,
        "correct the password in TIDEGAUGE_DATABASE_URL (@ : / # ? as %-codes)",
    ),
    (
        asyncpg.InvalidAuthorizationSpecificationError,
        "let an administrator let the role in (pg_hba.conf), or CREATE ROLE {role} LOGIN PASSWORD '...'",
    ),
    (
        asyncpg.InsufficientPrivilegeError,
        "let an administrator run GRANT CONNECT ON DATABASE {database} TO {role}",
    ),
    (asyncpg.ProtocolViolationError, "does a connection pooler in between refuse what was asked for?"),
)


def advice(error: BaseException, dsn: str) -> str:
    """Return what happened and what to do; no part of a password is in it."""
    for kind, words in _SILENT:
        if isinstance(error, kind):
            return words
    if "Connect call failed" in str(error):  # to several addresses of one name
        return dict(_SILENT)[ConnectionRefusedError]
    for kind, words in _SAID:
        if isinstance(error, kind):
            role = quoted(user_of(dsn) or "the_role")
            said = " ".join(str(error).split())
            return f"{said}; {words.format(role=role, database=quoted(database_of(dsn)))}"
    return f"{reason(error)}; check TIDEGAUGE_DATABASE_URL and that the server is running"


def database_of(dsn: str) -> str:
    """Return the database that a URL names, else its user, as Postgres does."""
    parts = urlsplit(dsn)
    query = parse_qs(parts.query)
    named = query.get("dbname") or query.get("database") or [unquote(parts.path.lstrip("/"))]
    return named[-1] or user_of(dsn) or ""


def user_of(dsn: str) -> str | None:
    """Return the role that a URL names, None where it names none."""
    parts = urlsplit(dsn)
    return None if parts.username is None else unquote(parts.username)
