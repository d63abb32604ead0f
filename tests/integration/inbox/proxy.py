"""A proxy between the service and Postgres that knows the protocol: it cuts, hangs, and stops at statements.

The messages of the protocol are told apart, so that a fault can be put before one statement or behind it, in
the middle of a message, or in place of the answer to a commit.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

COMMITTED = b"COMMIT\0"
READ_BYTES = 65_536
_LENGTH = struct.Struct(">I")


class Stop(Enum):
    """Where to stop at a statement: everything hangs from then on, and `Proxy.stopped` is set."""

    BEFORE = "before"  # the database never sees it
    AFTER = "after"  # the database has done it, and its answer does not come


@dataclass(eq=False)
class Link:
    """A connection of the service.

    - `client`, `server`: where answers and requests are written
    - `texts`: the prepared statements, by name
    - `transaction`: the statements since the transaction began
    - `is_mid_flight`: a statement was sent of those that are answered together
    - `stops`: the answer to the statement that runs is withheld
    """

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    texts: dict[bytes, str] = field(default_factory=dict)
    transaction: list[str] = field(default_factory=list)
    is_mid_flight: bool = False
    stops: bool = False


class Proxy:
    """Forwards messages both ways while it is open.

    - `answers_left`: so many answers still pass, then every connection is dropped
    - `loses_commits`: answers to so many commits are lost, and the connection with them
    - `loses_commits_of`: only of transactions with a statement that has this text
    - `delay_seconds`: how long every read is held back, in each direction
    - `cuts_inside`: of the next answer that long or longer, only its first half passes, then all is dropped
    - `watch`: asked about every statement; what it returns is where to stop
    - `stopped`: set once that has happened
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = host, port
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_open = True
        self.is_hung = False
        self.answers_left: int | None = None
        self.loses_commits = 0
        self.loses_commits_of = ""
        self.delay_seconds = 0.0
        self.cuts_inside: int | None = None
        self.watch: Callable[[str], Stop | None] = lambda _: None
        self.stopped = asyncio.Event()
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection."""
        if not self.is_open:
            writer.close()
            return
        try:
            back, forth = await asyncio.open_connection(*self._target)
        except OSError:  # the server itself is away
            writer.close()
            return
        link = Link(writer, forth)
        self._links.add(link)
        for pump in (self._requests(reader, link), self._answers(back, link)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _requests(self, reader: asyncio.StreamReader, link: Link) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._greeting(reader, link)
            while message := await _message(reader):
                if self.is_hung:
                    continue
                text = _statement(message, link.texts)
                if text is not None:
                    _follow(link.transaction, text)
                    # Statements that are sent in one go, as of `executemany`, are one.
                    stop = None if link.is_mid_flight else self.watch(text)
                    link.is_mid_flight = message[:1] != b"Q"
                    if stop is Stop.BEFORE:
                        self.hang()
                        self.stopped.set()
                        continue
                    link.stops = link.stops or stop is Stop.AFTER
                if message[:1] == b"S":
                    link.is_mid_flight = False
                await self._delay()
                link.server.write(message)
                await link.server.drain()
        link.server.close()

    async def _greeting(self, reader: asyncio.StreamReader, link: Link) -> None:
        # The first messages have no type: requests for encryption, which is refused, then the start.
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack(">II", head)
            link.server.write(head + await reader.readexactly(length - 8))
            if code not in {80_877_103, 80_877_104}:
                return

    async def _answers(self, reader: asyncio.StreamReader, link: Link) -> None:
        with suppress(OSError):
            while data := await reader.read(READ_BYTES):
                if link.stops:
                    if data[-6:-1] == b"Z\0\0\0\5":  # ready for the next statement
                        self.hang()
                        self.stopped.set()
                    continue
                if self._is_last(data, link):
                    return
                if self.is_hung:
                    continue
                await self._delay()
                link.client.write(data)
                await link.client.drain()
        self._links.discard(link)
        link.client.close()

    def _is_last(self, data: bytes, link: Link) -> bool:
        """Drop every connection, if this answer is the one to be lost; return whether it was."""
        if self.loses_commits and COMMITTED in data and _has(link.transaction, self.loses_commits_of):
            self.loses_commits -= 1
            self.cut()
            return True
        if self.answers_left is not None:
            self.answers_left -= 1
            if self.answers_left < 0:
                self.answers_left = None
                self.cut()
                return True
        if self.cuts_inside is not None and len(data) >= self.cuts_inside:
            self.cuts_inside = None
            link.client.write(data[: len(data) // 2])
            with suppress(OSError):
                link.client.close()  # what was written still goes out
            self._links.discard(link)
            self.cut()
            return True
        return False

    async def _delay(self) -> None:
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)

    def cut(self) -> None:
        """Drop every connection, and refuse new ones until `open`."""
        self.is_open = False
        for link in self._links:
            link.client.transport.abort()
            link.server.transport.abort()
        self._links.clear()

    def hang(self) -> None:
        """Keep every connection, and forward nothing any more."""
        self.is_hung = True

    def open(self) -> None:
        """Forward again; connections that hung are dropped."""
        if self.is_hung:
            self.cut()
        self.is_hung = False
        self.is_open = True
        self.stopped.clear()


def _has(transaction: list[str], text: str) -> bool:
    return any(text in each for each in transaction)


def _follow(transaction: list[str], text: str) -> None:
    if text.startswith("BEGIN"):
        transaction.clear()
    transaction.append(text)


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Return the next message of a started connection, empty where that has ended."""
    try:
        head = await reader.readexactly(5)
        (length,) = _LENGTH.unpack(head[1:])
        return head + await reader.readexactly(length - 4)
    except asyncio.IncompleteReadError:
        return b""


def _statement(message: bytes, texts: dict[bytes, str]) -> str | None:
    """Return the text of the statement that a message runs; None for a message that runs none."""
    kind, body = message[:1], message[5:]
    if kind == b"P":
        name, text, _ = body.split(b"\0", 2)
        texts[name] = " ".join(text.decode(errors="replace").split())
    elif kind == b"B":
        _, name, _ = body.split(b"\0", 2)
        return texts.get(name, "?")
    elif kind == b"Q":
        return " ".join(body.rstrip(b"\0").decode(errors="replace").split())
    return None


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
