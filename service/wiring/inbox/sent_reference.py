"""A reference that is the first rows that were sent: frozen in the store once they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import structlog

from service.core.rows.concatenation import concatenated
from service.errors import ReferenceDataError
from service.sources.http import stored_batch
from service.sources.http.kind_change import by_kind
from service.store.tables.inbox import reference

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    import asyncpg

    from service.core.rows.batch import Batch
    from service.core.rows.schema import Schema
    from service.runtime.compute_threads import Compute
    from service.store.leases.fence import Fences

log = structlog.get_logger(__name__)


def sent_reference_loader(
    monitor: str,
    schema: Schema,
    rows: int,
    pool: asyncpg.Pool,
    compute: Compute,
    *,
    fences: Fences | None = None,
) -> Callable[[], Awaitable[Batch]]:
    """Return a function that reads the reference, or freezes it from what waits in the inbox.

    Its rows stay in the inbox, and are measured like all that follow. The function raises ReferenceDataError
    with how many are missing where fewer than `rows` have come.
    """

    async def load() -> Batch:
        kept = await reference.read(pool, monitor)
        if kept is None:
            await reference.keep(
                pool, monitor, await _first_rows(monitor, schema, rows, pool, compute), fences
            )
            log.info("reference frozen", monitor=monitor, rows=rows)
            kept = await reference.read(pool, monitor)
        if kept is None or kept.rows != rows:
            held = 0 if kept is None else kept.rows
            raise ReferenceDataError(
                f"{monitor}: its reference was frozen with the first {held:,} rows that were sent, and "
                f"first_rows is {rows:,}; expected first_rows: {held}"
            )
        payload = kept.payload
        return await compute.run_long(lambda: by_kind(stored_batch.decode(payload), schema))

    return load


async def _first_rows(
    monitor: str, schema: Schema, rows: int, pool: asyncpg.Pool, compute: Compute
) -> reference.KeptReference:
    there = await reference.waiting_rows(pool, monitor)
    if there < rows:
        raise ReferenceDataError(
            f"{monitor}: its reference is the first {rows:,} rows that are sent: {there:,} have come, "
            f"{rows - there:,} are missing"
        )
    payloads = await reference.first_payloads(pool, monitor, rows)
    payload = await compute.run_long(lambda: _first(payloads, schema, rows))
    return reference.KeptReference(rows, payload)


def _first(payloads: Sequence[bytes], schema: Schema, rows: int) -> bytes:
    batches = [by_kind(stored_batch.decode(payload), schema) for payload in payloads]
    batch = concatenated(batches, schema).take(slice(0, rows))
    return stored_batch.encode(batch.take(np.argsort(batch.event_time, kind="stable")))
