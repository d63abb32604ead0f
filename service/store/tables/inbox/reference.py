"""The table `inbox_reference`: rows that came to a live monitor, kept as its reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from service.core.inbox import SentReference
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated
from service.store.encoding import instant
from service.store.leases.fence import held_transaction

if TYPE_CHECKING:
    import asyncpg

    from service.store.leases.fence import Fences

_READ = "SELECT rows, payload, first_rows, stretch FROM tidegauge.inbox_reference WHERE monitor = $1"

_KEEP = """
INSERT INTO tidegauge.inbox_reference (monitor, rows, payload, first_rows, stretch)
VALUES ($1, $2, $3, $4, CASE WHEN $4::bigint IS NULL THEN tstzrange($5, $6) END)
ON CONFLICT (monitor) DO NOTHING
"""

_PROGRESS = "SELECT position, rows FROM tidegauge.checkpoint WHERE monitor = $1"


class KeptReference(NamedTuple):
    """A reference that was kept: how many rows, their bytes, and which of those that were sent they are."""

    rows: int
    payload: bytes
    made_of: SentReference


class Progress(NamedTuple):
    """How far a monitor was measured: its source's position, and how many rows."""

    position: dict[str, Any] | None = None
    rows: int = 0


async def read(pool: asyncpg.Pool, monitor: str) -> KeptReference | None:
    """Return the reference that is kept; None where there is none yet. Raises StoreError."""
    with translated(f"{monitor}: read its reference"):
        row = await pool.fetchrow(_READ, monitor)
    if row is None:
        return None
    stretch = row["stretch"]
    if stretch is None:
        made_of = SentReference(row["first_rows"])
    else:
        made_of = SentReference(None, to_microseconds(stretch.lower), to_microseconds(stretch.upper))
    return KeptReference(row["rows"], row["payload"], made_of)


async def progress(pool: asyncpg.Pool, monitor: str) -> Progress:
    """Return how far a monitor was measured. Raises StoreError."""
    with translated(f"{monitor}: look how far it was measured"):
        row = await pool.fetchrow(_PROGRESS, monitor)
    return Progress() if row is None else Progress(row["position"], row["rows"])


async def keep(pool: asyncpg.Pool, monitor: str, kept: KeptReference, fences: Fences | None = None) -> None:
    """Keep a reference unless there is one. Raises StoreError."""
    made_of = kept.made_of
    stretch = (None, None) if made_of.rows is not None else (instant(made_of.start), instant(made_of.end))
    with translated(f"{monitor}: keep its reference"):
        async with held_transaction(pool, monitor, fences) as connection:
            await connection.execute(_KEEP, monitor, kept.rows, kept.payload, made_of.rows, *stretch)
