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


class BodyReader:
    """Reads bodies; what of them is held at once is bounded."""

    def __init__(self, *, limit: int = MAX_BODY_BYTES, held_limit: int = MAX_HELD_BYTES) -> None:
        self._limit = limit
        self._held_limit = held_limit
        self._held = 0

    @contextmanager
    def room(self, request: Request) -> Iterator[None]:
        """Hold room for a request's body while the context lasts.

        Raises HTTPException: 413 where the body is too large, 429 where too much is held already.
        """
        size = self._declared(request)
        if self._held + size > self._held_limit:
            raise HTTPException(429, "too many rows are being read at once", {"retry-after": "1"})
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    async def read(self, request: Request) -> bytes:
        """Return the body.

        Raises HTTPException: 413 where it is too large, 408 where it does not come, 400 where it ends early.
        """
        parts, size = [], 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for part in request.stream():
                    size += len(part)
                    self._check(size)
                    parts.append(part)
        except (
            ClientDisconnect
        ) as error:  # nobody reads the answer; for the log it is no error of the service
            raise HTTPException(400, "the connection was closed within the body") from error
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come within {BODY_SECONDS:.0f} s") from error
        return b"".join(parts)

    def _declared(self, request: Request) -> int:
        text = request.headers.get("content-length", "")
        if not text.isdigit():
            return self._limit  # it comes in chunks, and may be as large as is taken
        self._check(int(text))
        return int(text)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise HTTPException(
                413, f"the body is larger than {self._limit >> 20} MB; send the rows in several requests"
            )
