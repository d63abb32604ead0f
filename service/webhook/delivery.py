"""Post every event to a webhook: signed, in order, at least once.

An event stays in the outbox from its cycle's transaction until the receiver answers with a 2xx status. A
receiver that gets an id again gets the same event again.
"""

from __future__ import annotations

import asyncio
import importlib
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from service.core.time_units import SECOND
from service.errors import LeaseLostError, StoreError
from service.store.tables import webhook_outbox
from service.webhook.message import body_of
from service.webhook.signature import key_of, signature

if TYPE_CHECKING:
    from collections.abc import Callable

    import asyncpg
    import httpx

    from service.core.sharing import Fence
    from service.store.tables.webhook_outbox import Outgoing

log = structlog.get_logger(__name__)

POST_SECONDS = 10.0
STORE_RETRY_SECONDS = 10.0
LOOK_SECONDS = 2.0  # another replica wakes nobody: its events are looked for
MAX_ATTEMPTS = 40  # a day and a half


class WebhookSender:
    """Delivers the events in the outbox; `wake` announces new ones.

    `duty` returns what to show for the duty of delivering, None while another replica has it. Without it this
    process delivers always.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        url: str,
        secret: str,
        *,
        now: Callable[[], int],
        duty: Callable[[], Fence | None] | None = None,
    ) -> None:
        self._duty = duty
        self._pool = pool
        self._url = url
        self._key = key_of(secret)
        self._now = now
        self._more = asyncio.Event()

    def wake(self) -> None:
        """Look at the outbox now."""
        self._more.set()

    async def deliver(self) -> None:
        """Deliver until cancelled; what fails is logged and tried again."""
        http = await asyncio.to_thread(importlib.import_module, "httpx")
        async with http.AsyncClient(timeout=POST_SECONDS, follow_redirects=False) as client:
            while True:
                self._more.clear()
                try:
                    seconds = await self._deliver_next(client, http.HTTPError)
                except LeaseLostError as error:
                    log.info("webhook handed over", hint=str(error))
                    seconds = LOOK_SECONDS
                except StoreError as error:
                    log.warning("webhook waiting for the database", error=str(error))
                    seconds = STORE_RETRY_SECONDS
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._more.wait(), seconds)

    async def _deliver_next(self, client: httpx.AsyncClient, failure: type[Exception]) -> float | None:
        """Try the oldest event where its time has come; return the seconds until the next look."""
        duty = None if self._duty is None else self._duty()
        if self._duty is not None and duty is None:
            return LOOK_SECONDS
        event = await webhook_outbox.claim(self._pool, duty)
        if event is not None:
            await self._try(client, event, failure, duty)
            return 0.0
        seconds = await webhook_outbox.seconds_to_next(self._pool)
        if self._duty is None:
            return seconds
        return LOOK_SECONDS if seconds is None else min(seconds, LOOK_SECONDS)

    async def _try(
        self, client: httpx.AsyncClient, event: Outgoing, failure: type[Exception], duty: Fence | None
    ) -> None:
        body = body_of(event)
        try:
            answer = await client.post(self._url, content=body, headers=self._headers(event.id, body))
            problem = None if answer.is_success else f"the receiver answered {answer.status_code}"
        except failure as error:
            problem = str(error) or type(error).__name__
        if problem is None:
            await webhook_outbox.remove(self._pool, event.id, duty)
        elif event.attempts >= MAX_ATTEMPTS:
            log.error("webhook event given up", event_id=event.id, attempts=event.attempts, problem=problem)
            await webhook_outbox.remove(self._pool, event.id, duty)
        else:
            log.warning("webhook failed", event_id=event.id, attempts=event.attempts, problem=problem)

    def _headers(self, event: int, body: bytes) -> dict[str, str]:
        name, seconds = f"event_{event}", self._now() // SECOND
        return {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(seconds),
            "webhook-signature": signature(self._key, name, seconds, body),
        }
