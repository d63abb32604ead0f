"""The spool for the event loop: one thread, and an event while there is something to drain."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import structlog

from service.inbox.spool import Spool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from service.core.inbox import SpoolLevel
    from service.inbox.spool_record import SpoolRecord

R = TypeVar("R")

log = structlog.get_logger(__name__)

MIN_ROOM_BYTES = 16 << 20  # for the largest request


class Spooling:
    """A spool whose calls run on a thread of their own, one after the other."""

    def __init__(self, spool: Spool, thread: ThreadPoolExecutor) -> None:
        self._spool = spool
        self._thread = thread
        self._failed: str | None = None  # why the last write failed
        self._times_made_again = 0
        self.filled = asyncio.Event()
        self._note()

    @property
    def is_empty(self) -> bool:
        """Whether everything was drained."""
        return not self.filled.is_set()

    @property
    def level(self) -> SpoolLevel:
        """How much lies in it, and since when."""
        return self._spool.level

    @property
    def trouble(self) -> str | None:
        """Return why rows can hardly be written; None where they can."""
        if self._failed is not None:
            return f"the spool cannot be written: {self._failed}"
        return "the spool is full" if self._spool.free_bytes < MIN_ROOM_BYTES else None

    async def append(self, record: SpoolRecord) -> None:
        """Write a record, on the disk when this returns. Raises InboxUnavailableError or OSError."""
        try:
            await self._call(lambda: self._spool.append(record))
        except OSError as error:
            self._failed = error.strerror or str(error)
            raise
        self._failed = None

    async def oldest(self) -> Path:
        """Return the oldest file, to which nothing is written any more."""
        return await self._call(self._spool.oldest)

    async def read(self, path: Path) -> tuple[list[SpoolRecord], int]:
        """Return a file's records, and how many bytes behind them are none. Raises CodecError or OSError."""
        return await self._call(lambda: self._spool.read(path))

    async def remove(self, path: Path) -> None:
        """Remove a file that was drained."""
        await self._call(lambda: self._spool.remove(path))

    async def forget(self, path: Path) -> None:
        """Drain a file no more that is not there."""
        await self._call(lambda: self._spool.forget(path))

    async def set_aside(self, path: Path) -> Path:
        """Keep a file that cannot be drained under another name; return that."""
        return await self._call(lambda: self._spool.set_aside(path))

    async def _call(self, function: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function)
        finally:
            self._note()

    def _note(self) -> None:
        if self._spool.times_made_again > self._times_made_again:
            self._times_made_again = self._spool.times_made_again
            hint = "it was removed or moved while the service ran; what was being written is kept"
            log.warning("spool made again", folder=str(self._spool.folder), hint=hint)
        if self._spool.is_empty:
            self.filled.clear()
        else:
            self.filled.set()


@asynccontextmanager
async def spooling(root: Path, *, limit: int) -> AsyncIterator[Spooling | None]:
    """Give the spool in a folder, made where it is missing; None, logged, where that cannot be used."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="spool") as thread:
        loop = asyncio.get_running_loop()
        try:
            spool = await loop.run_in_executor(thread, lambda: Spool(root, limit=limit))
        except OSError as error:
            hint = "while the database is away, rows are refused (503)"
            log.warning("no spool", folder=str(root), error=str(error), hint=hint)
            yield None
            return
        try:
            yield Spooling(spool, thread)
        finally:
            try:
                await loop.run_in_executor(thread, spool.close)
            except OSError as error:
                hint = (
                    "rows that were acknowledged are lost: the folder was removed, and cannot be made again"
                )
                log.error("spool not closed", folder=str(root), error=str(error), hint=hint)  # noqa: TRY400
