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


def advice(error: BaseException, dsn: str) -> str:
    """Return what happened and what to do; no part of a password is in it."""
    role = user_of(dsn) or "the role"
    if isinstance(error, ssl.SSLCertVerificationError):
        return "the server's certificate could not be verified; name its root by sslrootcert= in the URL"
    if isinstance(error, socket.gaierror):
        return "the host's name is not known; correct the host in TIDEGAUGE_DATABASE_URL"
    if isinstance(error, TimeoutError):
        return "no answer in time; is the host right, and does a firewall let the port through?"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "nothing listens there; start the server, or correct host and port in TIDEGAUGE_DATABASE_URL"
    if isinstance(error, asyncpg.TooManyConnectionsError):
        return f"{reason(error)}; raise the server's max_connections or the role's CONNECTION LIMIT"
    if isinstance(error, asyncpg.InvalidPasswordError):
        return f"{reason(error)}; correct the password in TIDEGAUGE_DATABASE_URL (@ : / # ? as %-codes)"
    if isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        return (
            f"{reason(error)}; let an administrator make the role or let it in (pg_hba.conf): "
            f"CREATE ROLE {quoted(role)} LOGIN PASSWORD '...'"
        )
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        grant = f"GRANT CONNECT ON DATABASE {quoted(database_of(dsn))} TO {quoted(role)}"
        return f"{reason(error)}; let an administrator run {grant}"
    if isinstance(error, asyncpg.ProtocolViolationError):
        return f"{reason(error)}; is this a connection pooler that does not allow what was asked for?"
    if isinstance(error, ValueError):  # the driver's own words may hold a piece of the password
        return "cannot be read as a database URL; expected postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
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
