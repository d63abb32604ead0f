"""How single connections are made: their settings, and what is different behind a connection pooler.

A pooler in transaction mode, such as PgBouncer, gives every transaction another session of the server: a
prepared statement is not found there, a session's settings and its advisory locks are left behind. So behind
one nothing is kept in a session: statements are not prepared ahead, and every lock lasts for a transaction.
"""

from __future__ import annotations

import json
from typing import Any

import asyncpg

from service.store.encoding import to_json

CONNECT_SECONDS = 10.0
COMMAND_SECONDS = 60.0
LOCK_SECONDS = 10  # a statement gives up its wait for a lock: the cycle is logged as failed and tried again


def connect_options(application_name: str, *, pooled: bool, statement_cache: int | None) -> dict[str, Any]:
    """Return what `asyncpg.connect` and `create_pool` are called with besides the URL."""
    settings = {"application_name": application_name, "timezone": "UTC"}
    if not pooled:  # a pooler refuses settings that it does not know
        settings["lock_timeout"] = f"{LOCK_SECONDS}s"
    if pooled and statement_cache is None:
        statement_cache = 0
    cache = {} if statement_cache is None else {"statement_cache_size": statement_cache}
    return {
        "timeout": CONNECT_SECONDS,
        "command_timeout": COMMAND_SECONDS,
        "server_settings": settings,
        **cache,
    }


async def prepare(connection: asyncpg.Connection) -> None:
    """Read and write jsonb as Python's own types."""
    await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=to_json, decoder=json.loads)


async def keep_session(connection: asyncpg.Connection) -> None:
    """Leave the session as it is when its connection goes back to a pool: behind a pooler it is another's."""


async def finds_pooler(dsn: str) -> bool:
    """Connect once and say whether a connection pooler lies in between."""
    options = connect_options("tidegauge", pooled=True, statement_cache=0)
    connection = await asyncpg.connect(dsn, **options)
    try:
        return await is_behind_pooler(connection)
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def is_behind_pooler(connection: asyncpg.Connection) -> bool:
    """Say whether a pooler answers for the server: it gives a process id of its own."""
    pid: int = await connection.fetchval("SELECT pg_backend_pid()")
    own: int = connection.get_server_pid()
    return pid != own
