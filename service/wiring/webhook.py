"""Deliver events to the webhook of the settings, in the background."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from service.runtime.background_task import background
from service.runtime.clock import now
from service.webhook.delivery import WebhookSender

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import asyncpg

    from service.config.settings import Settings
    from service.core.cycle_record import CycleRecord
    from service.core.sharing import Fence

    Listener = Callable[[CycleRecord], None]  # is called with every committed cycle


@asynccontextmanager
async def webhook(
    settings: Settings, pool: asyncpg.Pool, duty: Callable[[], Fence | None] | None = None
) -> AsyncIterator[Listener]:
    """Deliver while the context lasts; yields what wakes the delivery after a cycle with events.

    Delivers only while `duty` returns a fence, where it is given.
    """
    url, secret = settings.webhook_url, settings.webhook_secret
    if url is None or secret is None:
        yield lambda _: None
        return
    async with delivering(pool, url.get_secret_value(), secret.get_secret_value(), duty) as sender:
        yield lambda record: sender.wake() if record.events else None


@asynccontextmanager
async def delivering(
    pool: asyncpg.Pool, url: str, secret: str, duty: Callable[[], Fence | None] | None = None
) -> AsyncIterator[WebhookSender]:
    """Deliver while the context lasts; what is not delivered by then stays in the outbox."""
    sender = WebhookSender(pool, url, secret, now=now, duty=duty)
    async with background(sender.deliver(), name="webhook"):
        yield sender
