"""Who is let in, by the settings and the tokens of the database."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.access.gate import Gate
from service.access.proxy import TrustedProxy
from service.access.refresh import Refresh
from service.access.tokens import Tokens
from service.core.access import Grant, Scope
from service.runtime.background_task import background
from service.runtime.clock import now
from service.store.tables.access_token import StoredTokens
from service.wiring.inbox.intake import FOLDER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import asyncpg

    from service.access.ports import TokenStore
    from service.config.settings import Settings

log = structlog.get_logger(__name__)

FILE_NAME = "access_tokens.json"
INGEST = Grant(frozenset({Scope.ROWS, Scope.LABELS}))


@asynccontextmanager
async def gate(settings: Settings, pool: asyncpg.Pool) -> AsyncIterator[Gate]:
    """Give the gate by a database's tokens."""
    async with gate_by(settings, StoredTokens(pool)) as found:
        yield found


@asynccontextmanager
async def gate_by(settings: Settings, stored: TokenStore) -> AsyncIterator[Gate]:
    """Give the gate, whose tokens are read again and again while the context lasts."""
    secret = settings.ingest_token
    fixed = None if secret is None else (secret.get_secret_value(), INGEST)
    tokens = Tokens(fixed=fixed, now=now)
    kept_seconds = settings.tokens_kept_hours * 3_600
    refresh = Refresh(tokens, stored, settings.data_dir / FOLDER / FILE_NAME, kept_seconds)
    await refresh.start()
    found = Gate(
        tokens,
        settings.is_open,
        now,
        frozenset(settings.http_names),
        _proxy(settings),
        settings.metrics_open,
    )
    if settings.open:
        log.warning("open to everyone who reaches it", hint="TIDEGAUGE_OPEN is set: no token is asked for")
    elif not found.is_open and not tokens.known and found.proxy is None:
        hint = "`tidegauge token create NAME --scope read` makes one; docs/access.md"
        log.warning("nobody can read yet: a token is asked for, and there is none", hint=hint)
    async with (
        background(refresh.work(), name="tokens"),
        background(refresh.watch_revoked(), name="revoked tokens"),
    ):
        yield found


def _proxy(settings: Settings) -> TrustedProxy | None:
    if settings.proxy_header is None:
        return None
    return TrustedProxy(settings.proxy_header, settings.trusted_proxies, Grant(settings.proxy_scopes))


def tls_files(settings: Settings) -> tuple[Path, Path] | None:
    """Return the files of the certificate and its key; None where http is served."""
    if settings.tls_cert is None or settings.tls_key is None:
        return None
    return settings.tls_cert, settings.tls_key
