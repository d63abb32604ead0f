"""The table `access_token`: the hashes of tokens, and what each admits to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.core.access import Grant, ListedToken, Token, scopes_of
from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import asyncpg

_ADD = "INSERT INTO tidegauge.access_token (id, digest, name, scopes, monitors) VALUES ($1, $2, $3, $4, $5)"

_TAKEN = "SELECT id, digest, scopes, monitors FROM tidegauge.access_token WHERE revoked_at IS NULL"

_ALL = """
SELECT id, name, scopes, monitors, created_at, last_used_at, revoked_at FROM tidegauge.access_token
ORDER BY created_at, id
"""

_REVOKE_ALL = "UPDATE tidegauge.access_token SET revoked_at = now() WHERE id = ANY($1) AND revoked_at IS NULL"

_REVOKE = """
UPDATE tidegauge.access_token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 RETURNING id
"""

# To the minute: of several services that note it, the latest use counts.
_USED = """
UPDATE tidegauge.access_token t
SET last_used_at = greatest(t.last_used_at, date_trunc('minute', to_timestamp(used.at / 1e6)))
FROM unnest($1::text[], $2::bigint[]) AS used (id, at)
WHERE t.id = used.id
"""

_RENAME = """
UPDATE tidegauge.access_token SET monitors = array_replace(monitors, $1, $2) WHERE $1 = ANY (monitors)
"""


@dataclass(frozen=True, slots=True)
class StoredTokens:
    """The tokens of a database, as a running service reads them."""

    pool: asyncpg.Pool

    async def read(self) -> list[Token]:
        """Return the tokens that are taken. Raises StoreError."""
        with translated("read the tokens"):
            rows = await self.pool.fetch(_TAKEN)
        return [Token(row["id"], row["digest"], _grant(row)) for row in rows]

    async def set_used(self, used: Mapping[str, int]) -> None:
        """Note when tokens were used last (UTC microseconds). Raises StoreError."""
        with translated("note when tokens were used"):
            await self.pool.execute(_USED, list(used), list(used.values()))

    async def revoke(self, tokens: Collection[str]) -> None:
        """Refuse tokens from now on, which were revoked while the database was away. Raises StoreError."""
        with translated("revoke the tokens"):
            await self.pool.execute(_REVOKE_ALL, list(tokens))


async def add(pool: asyncpg.Pool, token: Token, name: str) -> None:
    """Keep a new token. Raises StoreError."""
    monitors = None if token.grant.monitors is None else sorted(token.grant.monitors)
    scopes = sorted(scope.value for scope in token.grant.scopes)
    with translated("keep the token"):
        await pool.execute(_ADD, token.id, token.digest, name, scopes, monitors)


async def read_all(pool: asyncpg.Pool) -> list[ListedToken]:
    """Return every token, revoked ones too, the oldest first. Raises StoreError."""
    with translated("read the tokens"):
        rows = await pool.fetch(_ALL)
    return [
        ListedToken(
            row["id"], row["name"], _grant(row), row["created_at"], row["last_used_at"], row["revoked_at"]
        )
        for row in rows
    ]


async def revoke(pool: asyncpg.Pool, name: str) -> bool:
    """Refuse a token from now on; return whether there is one of this id. Raises StoreError."""
    with translated("revoke the token"):
        return await pool.fetchval(_REVOKE, name) is not None


async def rename_monitor(connection: asyncpg.Connection, old: str, new: str) -> None:
    """Let the tokens of a monitor be for its new name."""
    await connection.execute(_RENAME, old, new)


def _grant(row: asyncpg.Record) -> Grant:
    monitors = row["monitors"]
    return Grant(scopes_of(row["scopes"]), None if monitors is None else frozenset(monitors))
