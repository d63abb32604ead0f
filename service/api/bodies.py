"""Read a request's body: bounded in size, in time, and in how much is held at once."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastapi import HTTPException

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive

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
    def room(self, length: str) -> Iterator[None]:
        """Hold room for a request's body while the context lasts; `length` is its header Content-Length.

        Raises HTTPException: 413 where the body is too large, 429 where too much is held already.
        """
        size = self._declared(length)
        if self._held + size > self._held_limit:
            raise HTTPException(429, "too many rows are being read at once", {"retry-after": "1"})
        self._held += size
        try:
            yield
        finally:
            self._held -= size

    async def read(self, receive: Receive) -> bytes | None:
        """Return the body, None where the sender has gone.

        Raises HTTPException: 413 where it is too large, 408 where it does not come.
        """
        parts, size = list[bytes](), 0
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    part: bytes = message.get("body", b"")
                    size += len(part)
                    self._check(size)
                    parts.append(part)
                    if not message.get("more_body", False):
                        break
        except TimeoutError as error:
            raise HTTPException(408, f"the body did not come within {BODY_SECONDS:.0f} s") from error
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _declared(self, length: str) -> int:
        if not length.isdigit():
            return self._limit  # it comes in chunks, and may be as large as is taken
        self._check(int(length))
        return int(length)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise HTTPException(
                413, f"the body is larger than {self._limit >> 20} MB; send the rows in several requests"
            )
