"""A proxy between the service and Postgres that a test can cut, or have lose the answer to a commit."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

COMMITTED = b"COMMIT\0"


class Proxy:
    """Forwards bytes both ways while it is open."""

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_open = True
        self.answers_left: int | None = None  # so many answers still pass, then every connection is dropped
        self.loses_commits = 0  # answers to so many commits are lost, and the connection with them
        self.is_hung = False
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_open:
            writer.close()
            return
        back, forth = await asyncio.open_connection(*self._target)
        self._writers |= {writer, forth}
        pumps = [self._pump(reader, forth, answers=False), self._pump(back, writer, answers=True)]
        for pump in pumps:
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                if answers and self.loses_commits and COMMITTED in data:
                    self.loses_commits -= 1
                    self.cut()
                    return
                if answers and self.answers_left is not None:
                    if not self.answers_left:
                        self.answers_left = None
                        self.cut()
                        return
                    self.answers_left -= 1
                if self.is_hung:
                    continue
                writer.write(data)
                await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Drop every connection, and refuse new ones until `open`."""
        self.is_open = False
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def hang(self) -> None:
        """Keep every connection, and forward nothing any more."""
        self.is_hung = True

    def open(self) -> None:
        """Forward again."""
        self.is_open = True


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[tuple[Proxy, str]]:
    """Give a proxy in front of a database, and the URL through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    credentials = parts.netloc.rpartition("@")[0]
    through = parts._replace(netloc=f"{credentials}@127.0.0.1:{proxy.port}").geturl()
    try:
        yield proxy, through
    finally:
        proxy.cut()
        server.close()
