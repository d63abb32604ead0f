"""Keep the tokens in memory as the database has them, and their hashes on the disk."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from service.access import cache_file, revoked_file
from service.errors import CodecError, StoreError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from service.access.ports import TokenStore
    from service.access.tokens import Tokens
    from service.core.access import Token

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 2.0
STATED_SECONDS = 5.0  # within which a new or revoked token is noticed, while the database answers
REVOKED_SECONDS = 1.0  # from one look for tokens that were revoked on this machine to the next
USED_SECONDS = 60.0  # from one note of the last uses to the next


class Refresh:
    """Reads the tokens again and again.

    While the database is away, those that were read last are taken, for `kept_seconds` at most, without those
    that were revoked on this machine. `path` is the file of what was read last, whose time is when that was.
    """

    def __init__(self, tokens: Tokens, store: TokenStore, path: Path, kept_seconds: float) -> None:
        self._tokens = tokens
        self._store = store
        self._path = path
        self._revoked = path.with_name(revoked_file.NAME)
        self._kept_seconds = kept_seconds
        self._read_at: float | None = None  # by the machine's clock, which goes on while no process runs
        self._written: bytes | None = None
        self._touched = 0.0
        self._noted = 0.0
        self._away = False
        self._unreadable = ""

    async def start(self) -> None:
        """Take the tokens of the database; of the disk where that is away."""
        await self.look_for_revoked()
        await asyncio.to_thread(self._load)
        await self.refresh()
        self._outdate()

    async def watch_revoked(self, *, pause_seconds: float = REVOKED_SECONDS) -> None:
        """Look every `pause_seconds`, for ever, for tokens that were revoked on this machine.

        On its own: reading the tokens may wait for a database that does not answer.
        """
        while True:
            await asyncio.sleep(pause_seconds)
            await self.look_for_revoked()
            self._outdate()

    async def look_for_revoked(self) -> None:
        """Refuse the tokens that were revoked on this machine."""
        try:
            self._tokens.refuse(await asyncio.to_thread(revoked_file.read, self._revoked))
        except OSError as error:
            if str(error) != self._unreadable:
                log.warning("revoked tokens on the disk not read", file=str(self._revoked), error=str(error))
            self._unreadable = str(error)

    async def work(self, *, pause_seconds: float = REFRESH_SECONDS) -> None:
        """Read the tokens every `pause_seconds`, for ever."""
        while True:
            await asyncio.sleep(pause_seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the tokens once; where the database does not answer, the log says so once."""
        try:
            stored = await self._store.read()
            self._tokens.replace(stored)
            self._read_at = time.time()
            await self._revoke(stored)
            await self._note_used()
        except StoreError as error:
            if not self._away:
                log.warning("tokens not read", error=str(error), hint="those known so far are taken")
            self._away = True
            return
        self._away = False
        content = cache_file.encode(self._tokens.known.values())
        if content != self._written:
            await asyncio.to_thread(self._write, content)
        elif time.time() - self._touched > USED_SECONDS:
            await asyncio.to_thread(self._touch)

    async def _revoke(self, stored: Sequence[Token]) -> None:
        """Let the database know what was revoked on this machine while it was away."""
        unknown = [token.id for token in stored if token.id not in self._tokens.known]
        if unknown:
            await self._store.revoke(unknown)
            log.info(
                "tokens revoked in the database", tokens=",".join(unknown), hint="as on this machine before"
            )

    def _outdate(self) -> None:
        age = None if self._read_at is None else time.time() - self._read_at
        if not self._away or self._tokens.is_outdated or (age is not None and age <= self._kept_seconds):
            return
        log.error(
            "no tokens to go by",
            read="never" if age is None else f"{age / 3_600:.1f} hours ago",
            hint="until the database answers, senders are asked to send again: TIDEGAUGE_TOKENS_KEPT_HOURS",
        )
        self._tokens.outdate()

    async def _note_used(self) -> None:
        clock = asyncio.get_running_loop().time()
        if clock - self._noted < USED_SECONDS:
            return
        self._noted = clock
        if used := self._tokens.take_used():
            await self._store.set_used(used)

    def _load(self) -> None:
        try:
            self._tokens.replace(cache_file.read(self._path))
            self._read_at = self._path.stat().st_mtime if self._path.exists() else None
        except (CodecError, OSError) as error:
            log.warning("tokens on the disk not read", file=str(self._path), error=str(error))

    def _write(self, content: bytes) -> None:
        try:
            cache_file.write(self._path, content)
        except OSError as error:
            log.warning(
                "tokens not kept on the disk",
                file=str(self._path),
                error=str(error),
                hint="a start while the database is away would ask every sender to send again later",
            )
        self._touched = time.time()
        self._written = content  # not tried again before they change: the log has said it

    def _touch(self) -> None:
        """Note on the disk that what it holds was read now."""
        with suppress(OSError):  # the next change of the tokens says what is wrong with the disk
            os.utime(self._path)
        self._touched = time.time()
