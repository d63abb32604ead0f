"""Tokens follow the database; while it is away, the disk, and what was revoked on this machine."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from structlog.testing import capture_logs

from service.access import revoked_file
from service.access.gate import Asked
from service.access.refresh import Refresh
from service.access.secret import digest_of, new_token
from service.access.tokens import Tokens
from service.core.access import Grant, Scope, Token
from service.errors import StoreError
from tests.unit.api.doors import gate

GRANT = Grant(frozenset({Scope.ROWS}))
HOUR = 3_600.0


class Database:
    """A database with tokens, which can be away."""

    def __init__(self, *tokens: Token) -> None:
        self.tokens = list(tokens)
        self.is_away = False
        self.revoked: list[str] = []

    async def read(self) -> list[Token]:
        self._answer()
        return list(self.tokens)

    async def set_used(self, _: Mapping[str, int]) -> None:
        self._answer()

    async def revoke(self, tokens: Collection[str]) -> None:
        self._answer()
        self.revoked += tokens
        self.tokens = [each for each in self.tokens if each.id not in tokens]

    def _answer(self) -> None:
        if self.is_away:
            raise StoreError("away")


def _token() -> tuple[Token, str]:
    own, secret = new_token()
    return Token(own, digest_of(secret), GRANT), secret


def _refresh(database: Database, folder: Path, kept_seconds: float = HOUR) -> tuple[Refresh, Tokens]:
    tokens = Tokens(now=lambda: 0)
    return Refresh(tokens, database, folder / "access_tokens.json", kept_seconds), tokens


async def test_what_is_revoked_on_this_machine_is_refused_without_the_database(tmp_path: Path) -> None:
    """At once, after a restart too; the database is told once it answers, and nothing else is refused."""
    (kept, kept_secret), (lost, lost_secret) = _token(), _token()
    database = Database(kept, lost)
    refresh, tokens = _refresh(database, tmp_path)
    await refresh.start()
    database.is_away = True
    watching = asyncio.create_task(refresh.watch_revoked(pause_seconds=0.001))
    assert tokens.grant_of(lost_secret) == GRANT
    revoked_file.add(tmp_path / revoked_file.NAME, lost.id)
    async with asyncio.timeout(10):
        while tokens.grant_of(lost_secret) is not None:  # noqa: ASYNC110  # it has no event
            await asyncio.sleep(0.001)
    watching.cancel()
    assert tokens.grant_of(kept_secret) == GRANT
    again, tokens = _refresh(database, tmp_path)
    await again.start()
    assert (tokens.grant_of(lost_secret), tokens.grant_of(kept_secret)) == (None, GRANT)
    database.is_away = False
    await again.refresh()
    assert database.revoked == [lost.id]
    await again.refresh()
    assert (database.revoked, list(tokens.known)) == ([lost.id], [kept.id])


async def test_tokens_are_taken_for_a_time_without_the_database(tmp_path: Path) -> None:
    """Then nobody knows which are taken: senders are asked to send again (503), and keep their rows."""
    token, secret = _token()
    database = Database(token)
    await _refresh(database, tmp_path)[0].start()
    path = tmp_path / "access_tokens.json"
    database.is_away = True
    os.utime(path, (time.time() - 2 * HOUR,) * 2)
    refresh, tokens = _refresh(database, tmp_path, 3 * HOUR)
    await refresh.start()
    assert tokens.grant_of(secret) == GRANT
    refresh, tokens = _refresh(database, tmp_path)
    await refresh.start()
    assert tokens.grant_of(secret) is None
    found = gate()
    found.tokens.outdate()
    header = [(b"authorization", f"Bearer {secret}".encode())]
    refusal = found.refusal(Asked("POST", "/v1/monitors/shop/rows", header))
    assert refusal is not None
    assert (refusal.status, "TIDEGAUGE_TOKENS_KEPT_HOURS" in refusal.reason) == (503, True)
    by_path = found.refusal(Asked("POST", "/v1/monitors/shop/rows", [], path_token=secret))
    assert by_path is not None
    assert by_path.status == 503
    nobody = found.refusal(Asked("POST", "/v1/monitors/shop/rows", []))
    assert nobody is not None
    assert nobody.status == 401
    database.is_away = False
    await refresh.refresh()
    assert tokens.grant_of(secret) == GRANT
    assert not tokens.is_outdated


def test_a_revocation_that_a_crash_cut_off_is_none(tmp_path: Path) -> None:
    """Whole lines are ids; what follows a cut one is read all the same; nobody else may read the file."""
    path = tmp_path / "inbox" / revoked_file.NAME
    assert revoked_file.read(path) == frozenset()
    revoked_file.add(path, "0123456789ab")
    path.write_bytes(path.read_bytes() + b"fedcba\xff")
    revoked_file.add(path, "aaaaaaaaaaaa")
    revoked_file.add(path, "aaaaaaaaaaaa")
    assert revoked_file.read(path) == {"0123456789ab", "aaaaaaaaaaaa"}
    assert path.read_bytes().count(b"aaaaaaaaaaaa") == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_bytes(path.read_bytes() + b"bbbbbbbbbbbb")
    assert "bbbbbbbbbbbb" not in revoked_file.read(path)


async def test_a_file_that_cannot_be_read_changes_nothing(tmp_path: Path) -> None:
    """A folder in its place is said once, and the tokens are those of the database."""
    token, secret = _token()
    (tmp_path / revoked_file.NAME).mkdir()
    refresh, tokens = _refresh(Database(token), tmp_path)
    with capture_logs() as logs:
        await refresh.start()
        await refresh.look_for_revoked()
    assert [line["event"] for line in logs] == ["revoked tokens on the disk not read"]
    assert tokens.grant_of(secret) == GRANT
