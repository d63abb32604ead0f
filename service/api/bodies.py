"""Read a request's body: bounded in size, in time, and in how much is held at once."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import HTTPException
from starlette.requests import ClientDisconnect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import Request

MAX_BODY_BYTES = 16 << 20
MAX_HELD_BYTES = 64 << 20  # of all requests together
BODY_SECONDS = 30.0
HELD = "tidegauge.held"  # in a request's scope: how many bytes of its body are held


class BodyReader:
    """Reads bodies; what of them is held at once is bounded."""

    def __init__(self, *, limit: int = MAX_BODY_BYTES, held_limit: int = MAX_HELD_BYTES) -> None:
        self._limit = limit
        self._held_limit = held_limit
        self._held = 0

    @contextmanager
    def room(self, request: Request) -> Iterator[None]:
        """Hold what comes of a request's body while the context lasts.

        What is announced holds nothing: a few senders that are slow would keep out all others.
        Raises HTTPException: 413 where the body is too large, 429 where too much is held already.
        """
        announced = self._announced(request)
        self._check(announced)
        self._check_held(announced)
        request.scope[HELD] = 0
        try:
            yield
        finally:
            self._held -= request.scope[HELD]

    async def read(self, request: Request) -> bytes:
        """Return the body, within `room`.

        Raises HTTPException: 413 where it is too large, 429 where too much is held, 408 where it does not
        come, 400 where it ends early.
        """
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    self._check(size)
                    self._check_held(len(part))
                    self._held += len(part)
                    request.scope[HELD] += len(part)
                    parts.append(part)
        except ClientDisconnect as error:  # nobody reads the answer, and the log has no error of the service
            raise HTTPException(400, "the connection was closed within the body") from error
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come within {BODY_SECONDS:.0f} s") from error
        return b"".join(parts)

    def _announced(self, request: Request) -> int:
        text = request.headers.get("content-length", "")
        return int(text) if text.isdecimal() else 0  # it comes in chunks

    def _check_held(self, size: int) -> None:
        if self._held + size > self._held_limit:
            raise HTTPException(429, "too many rows are being read at once", {"retry-after": "1"})

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise HTTPException(
                413, f"the body is larger than {self._limit >> 20} MB; send the rows in several requests"
            )
