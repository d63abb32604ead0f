"""The leases of this process, from its start to its clean stop."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import structlog

from service.runtime.background_task import background
from service.store.leases import leases
from service.store.retention import RETENTION
from service.store.tables.webhook_outbox import WEBHOOK
from service.wiring.database import LEASE_CONNECTIONS, pool_on
from service.wiring.leases import identity
from service.wiring.leases.keeper import LeaseKeeper

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from service.config.settings import Settings
    from service.wiring.leases.keeper import Cycles

log = structlog.get_logger(__name__)


@asynccontextmanager
async def lease_keeper(settings: Settings, dsn: str) -> AsyncIterator[LeaseKeeper]:
    """Give the keeper of this replica's leases, on connections of its own: no query holds up a renewal.

    What replicas of this folder held that have died is free from here on.
    """
    duties = [
        duty
        for duty, wanted in ((WEBHOOK, settings.webhook_url), (RETENTION, settings.retention_days))
        if wanted is not None
    ]
    async with pool_on(dsn, settings, largest=LEASE_CONNECTIONS) as pool:
        with identity.identity(settings.data_dir) as own:
            known = await leases.on_machine(pool, own.machine) if own.machine else []
            dead = identity.died(settings.data_dir, known)
            if dead:
                await leases.leave(pool, dead)
                identity.forget(settings.data_dir, dead)
                log.info("leases of replicas that died are free", replicas=len(dead))
            await leases.forget_dead(pool)
            yield LeaseKeeper(pool, own, lease_seconds=settings.lease_seconds, duties=duties)


@asynccontextmanager
async def held_leases(keeper: LeaseKeeper, cycles: Cycles) -> AsyncIterator[None]:
    """Hold leases while the context lasts, and give them back once no cycle runs."""
    try:
        await keeper.beat(cycles)
        await keeper.settled()
        async with background(keeper.work(cycles), name="leases"):
            yield
    finally:
        await keeper.leave()
