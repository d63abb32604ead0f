"""The client for asyncio: what waits is awaited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from tidegauge_client.client import Client

if TYPE_CHECKING:
    from tidegauge_client.client import Monitor
    from tidegauge_client.delivery import Reject
    from tidegauge_client.tally import Stats


class AsyncClient:
    """A client whose `flush` and `close` do not block the event loop; it takes what `Client` takes.

    `log` and `labels` of a monitor never block, so that they are called without `await` here too.
    """

    def __init__(self, url: str, **options: Any) -> None:
        self._client = Client(url, **options)

    def monitor(self, name: str, *, timestamp: str | None = None) -> Monitor:
        """Return the monitor of that name."""
        return self._client.monitor(name, timestamp=timestamp)

    async def flush(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # as the client's own
        """Send what was logged so far; return whether all of it was answered within `timeout` seconds."""
        return await asyncio.to_thread(self._client.flush, timeout)

    async def close(self, timeout: float = 5.0) -> bool:  # noqa: ASYNC109  # as the client's own
        """Flush and stop; what could not be sent stays on the disk. The next logged row starts again."""
        return await asyncio.to_thread(self._client.close, timeout)

    def stats(self) -> Stats:
        """Return what became of the rows so far."""
        return self._client.stats()

    def rejects(self) -> list[Reject]:
        """Return the newest rows that the service refused, with the reasons; at most 100."""
        return self._client.rejects()

    async def __aenter__(self) -> Self:
        self._client.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
