"""Take in rows and labels that are sent, in the background of the cycles."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from service.inbox.backlog import BacklogWatch
from service.inbox.drain import Drain
from service.inbox.events import EventIntake
from service.inbox.intake import Intake
from service.inbox.spooling import spooling
from service.inbox.writer import Writer
from service.runtime.background_task import background
from service.runtime.clock import now
from service.runtime.compute_threads import workers
from service.sources.kserve import events as kserve
from service.sources.otlp import events as otlp
from service.sources.otlp.records import FORM as OTLP
from service.store.tables.inbox.batches import Inbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import asyncpg

    from service.config.settings import Settings
    from service.inbox.ports import InboxStore
    from service.sources.protocol import Receiver


FOLDER = "inbox"
DECODERS = {kserve.FORM: kserve.decoded, OTLP: otlp.decoded}  # what reads the events of a push, by its kind


@asynccontextmanager
async def intake(
    settings: Settings,
    pool: asyncpg.Pool,
    receivers: Mapping[str, Receiver],
    *,
    now: Callable[[], int] = now,
) -> AsyncIterator[Intake]:
    """Take rows into a database's inbox while the context lasts."""
    async with intake_into(Inbox(pool), settings, receivers, now=now) as taking_in:
        yield taking_in


@asynccontextmanager
async def intake_into(
    store: InboxStore,
    settings: Settings,
    receivers: Mapping[str, Receiver],
    *,
    now: Callable[[], int] = now,
) -> AsyncIterator[Intake]:
    """Write what is taken in while the context lasts; what is not durable by then is refused.

    `receivers` may change meanwhile.
    """
    async with AsyncExitStack() as stack:
        compute = await stack.enter_async_context(workers())  # of its own: a calibration holds up no sender
        folder, limit = settings.data_dir / FOLDER, settings.spool_mb << 20
        spool = await stack.enter_async_context(spooling(folder, limit=limit))
        writer = Writer(store, spool)
        backlog = BacklogWatch(
            store,
            limit=settings.backlog_rows,
            clock=asyncio.get_running_loop().time,
            may_forget_keys=lambda: spool is None or spool.is_empty,
        )
        if spool is not None:
            await stack.enter_async_context(background(Drain(store, spool).work(), name="spool drain"))
        await stack.enter_async_context(background(backlog.work(), name="backlog watch"))
        await stack.enter_async_context(background(writer.work(), name="inbox writer"))
        events = EventIntake(receivers, DECODERS, writer=writer, backlog=backlog, compute=compute, now=now)
        yield Intake(receivers, writer, backlog, spool, compute, now, events)
