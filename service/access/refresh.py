"""Keep the tokens in memory as the database has them, and their hashes on the disk."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from service.access import cache_file
from service.errors import CodecError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from service.access.ports import TokenStore
    from service.access.tokens import Tokens

log = structlog.get_logger(__name__)

REFRESH_SECONDS = 2.0
STATED_SECONDS = 5.0  # within which a new or revoked token is noticed, while the database answers
USED_SECONDS = 60.0  # from one note of the last uses to the next


class Refresh:
    """Reads the tokens again and again.

    While the database is away, those that were read last are taken: a revocation is not noticed before it
    answers again.
    """

    def __init__(self, tokens: Tokens, store: TokenStore, path: Path) -> None:
        self._tokens = tokens
        self._store = store
        self._path = path
        self._written: bytes | None = None
        self._noted = 0.0
        self._away = False

    async def start(self) -> None:
        """Take the tokens of the database; of the disk where that is away."""
        await asyncio.to_thread(self._load)
        await self.refresh()

    async def work(self, *, pause_seconds: float = REFRESH_SECONDS) -> None:
        """Read the tokens every `pause_seconds`, for ever."""
        while True:
            await asyncio.sleep(pause_seconds)
            await self.refresh()

    async def refresh(self) -> None:
        """Read the tokens once; where the database does not answer, the log says so once."""
        try:
            self._tokens.replace(await self._store.read())
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
                hint="a start while the database is away would refuse every token",
            )
        self._written = content  # not tried again before they change: the log has said it
