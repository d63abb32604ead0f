"""How much of the bodies of all requests is held at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import HTTPException, Request

from service.api.bodies import BodyReader

PART = b"x" * 16


class Sender:
    """A sender of a body in parts, each when it is told to."""

    def __init__(self, length: int | None) -> None:
        self.parts: asyncio.Queue[bytes] = asyncio.Queue()
        headers = [] if length is None else [(b"content-length", str(length).encode())]
        self.request = Request({"type": "http", "method": "POST", "headers": headers}, self._receive)

    async def _receive(self) -> dict[str, object]:
        part = await self.parts.get()
        return {"type": "http.request", "body": part, "more_body": bool(part)}


@asynccontextmanager
async def _reading(reader: BodyReader, sender: Sender) -> AsyncIterator[asyncio.Task[bytes]]:
    async def read() -> bytes:
        with reader.room(sender.request):
            return await reader.read(sender.request)

    task = asyncio.create_task(read())
    await asyncio.sleep(0)
    try:
        yield task
    finally:
        task.cancel()


@pytest.mark.parametrize("length", [None, 64])
async def test_slow_senders_keep_nobody_out(length: int | None) -> None:
    """What they announce, or may send in chunks, holds no room before it has come."""
    reader = BodyReader(limit=64, held_limit=64)
    slow = [Sender(length) for _ in range(8)]
    async with _reading(reader, slow[0]), _reading(reader, slow[1]), _reading(reader, slow[2]):
        other = Sender(16)
        async with _reading(reader, other) as task:
            other.parts.put_nowait(PART)
            other.parts.put_nowait(b"")
            assert await task == PART


async def test_what_is_held_is_bounded_and_given_back() -> None:
    """Who goes beyond it is asked to wait, and its part is free for the others."""
    reader = BodyReader(limit=64, held_limit=64)
    first, second, third = Sender(None), Sender(None), Sender(32)
    async with _reading(reader, first) as task, _reading(reader, second) as other:
        for sender in (first, first, first, second):
            sender.parts.put_nowait(PART)
        await asyncio.sleep(0.01)
        second.parts.put_nowait(PART)
        with pytest.raises(HTTPException) as caught:
            await other
        assert caught.value.status_code == 429
        with pytest.raises(HTTPException) as caught, reader.room(third.request):
            pass
        assert caught.value.status_code == 429
        for part in (PART, b""):
            first.parts.put_nowait(part)
        assert await task == PART * 4
        with reader.room(third.request):
            pass


@pytest.mark.parametrize("length", [None, 65])
async def test_a_body_beyond_its_own_limit_is_refused(length: int | None) -> None:
    """At once where its length is announced, else as soon as it is reached."""
    reader = BodyReader(limit=64, held_limit=640)
    sender = Sender(length)
    async with _reading(reader, sender) as task:
        for _ in range(5):
            sender.parts.put_nowait(PART)
        with pytest.raises(HTTPException) as caught:
            await task
        assert caught.value.status_code == 413
