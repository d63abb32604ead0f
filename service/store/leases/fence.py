"""The fence: a write of a monitor's cycle is done in a transaction that holds the monitor's lease.

The lease's row is locked FOR KEY SHARE until the transaction ends. A renewal does not wait for that, a
take-over does, so that nothing of an earlier holder is written after it. A holder that is paused inside a
transaction keeps nobody waiting: the server ends its session after one lease time without a statement.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from service.errors import LeaseLostError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import asyncpg

    from service.core.sharing import Fence

_HOLD = """
SELECT set_config('idle_in_transaction_session_timeout', $4, true) FROM tidegauge.lease
WHERE monitor = $1 AND holder = $2 AND fence = $3 FOR KEY SHARE
"""

_HOLD_DUTY = """
SELECT set_config('idle_in_transaction_session_timeout', $4, true) FROM tidegauge.duty
WHERE duty = $1 AND holder = $2 AND fence = $3 FOR KEY SHARE
"""

DUTY_SECONDS = 10.0  # without a statement, after which a holder's transaction is ended


class Fences(Protocol):
    """The leases that this process holds."""

    @property
    def lease_seconds(self) -> float:
        """For how long a lease holds without a renewal."""
        ...

    def fence(self, monitor: str) -> Fence | None:
        """Return what to show for a monitor's lease; None where this process does not hold it."""
        ...


@dataclass(frozen=True, slots=True)
class OneFence:
    """The fence of everything, for a process that holds just one lease; None: it holds none."""

    held: Fence | None
    lease_seconds: float = 10.0

    def fence(self, monitor: str) -> Fence | None:  # noqa: ARG002  # it is the same for all
        """Return the fence."""
        return self.held


async def hold(connection: asyncpg.Connection, monitor: str, fences: Fences | None) -> None:
    """Hold a monitor's lease until the transaction of `connection` ends; without `fences` none is needed.

    Raises LeaseLostError where this process does not hold it (any more).
    """
    if fences is None:
        return
    fence = fences.fence(monitor)
    limit = str(max(1, round(fences.lease_seconds * 1_000)))
    if fence is None or await connection.fetchval(_HOLD, monitor, fence.holder, fence.number, limit) is None:
        raise LeaseLostError(f"{monitor}: another replica measures it now; nothing of this cycle was written")


async def hold_duty(connection: asyncpg.Connection, duty: str, fence: Fence) -> None:
    """Hold a duty until the transaction of `connection` ends. Raises LeaseLostError where it was lost."""
    limit = str(round(DUTY_SECONDS * 1_000))
    if await connection.fetchval(_HOLD_DUTY, duty, fence.holder, fence.number, limit) is None:
        raise LeaseLostError(f"{duty}: another replica does it now")


@asynccontextmanager
async def held_transaction(
    pool: asyncpg.Pool, monitor: str, fences: Fences | None
) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection with a transaction that holds a monitor's lease. Raises LeaseLostError."""
    async with pool.acquire() as connection, connection.transaction():
        await hold(connection, monitor, fences)
        yield connection
