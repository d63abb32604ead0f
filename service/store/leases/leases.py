"""The tables `replica`, `lease` and `duty`. Time is the database's clock alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.sharing import Fence, LeaseState, LiveReplica
from service.core.time_units import to_microseconds
from service.store.driver_errors import translated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

    import asyncpg

FORGET_HOURS = 1  # after which a replica that died is no longer listed

# Its own leases follow its files' contents: the holder's file is the one that counts.
_REGISTER = """
WITH followed AS (
    UPDATE tidegauge.lease l SET file_hash = own.file_hash
    FROM jsonb_each_text($5::jsonb) AS own (monitor, file_hash)
    WHERE l.monitor = own.monitor AND l.holder = $1 AND l.file_hash <> own.file_hash
)
INSERT INTO tidegauge.replica (id, name, address, machine, files, hindered, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, clock_timestamp() + make_interval(secs => $7))
ON CONFLICT (id) DO UPDATE
SET address = excluded.address, files = excluded.files, hindered = excluded.hindered,
    expires_at = excluded.expires_at
"""

_RENEW = """
WITH before AS (
    SELECT expires_at > clock_timestamp() AS alive FROM tidegauge.replica WHERE id = $1 FOR UPDATE
)
UPDATE tidegauge.replica SET expires_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1
RETURNING (SELECT alive FROM before)
"""

_ALIVE = """
SELECT id, name, address, extract(epoch FROM started_at)::float8 AS started, files, hindered
FROM tidegauge.replica
WHERE expires_at > clock_timestamp()
"""

_LEASES = """
SELECT l.monitor, l.holder, l.fence, l.file_hash, r.id IS NOT NULL AS is_alive,
    l.holder IS NOT NULL AND r.id IS NULL AS is_abandoned
FROM tidegauge.lease l
LEFT JOIN tidegauge.replica r ON r.id = l.holder AND r.expires_at > clock_timestamp()
"""

# FOR UPDATE waits for, or here skips, a holder that is writing under its lease: see `fence.py`.
_TAKE = """
WITH wanted AS (
    SELECT * FROM unnest($2::text[], $3::text[]) AS w (monitor, file_hash)
), made AS (
    INSERT INTO tidegauge.lease (monitor, holder, fence, file_hash)
    SELECT w.monitor, $1, nextval('tidegauge.fence'), w.file_hash FROM wanted w ORDER BY w.monitor
    ON CONFLICT (monitor) DO NOTHING
    RETURNING monitor, fence
), free AS (
    SELECT l.monitor, w.file_hash FROM tidegauge.lease l JOIN wanted w ON w.monitor = l.monitor
    WHERE NOT EXISTS (
        SELECT FROM tidegauge.replica r WHERE r.id = l.holder AND r.expires_at > clock_timestamp()
    )
    FOR UPDATE OF l SKIP LOCKED
), taken AS (
    UPDATE tidegauge.lease l
    SET holder = $1, fence = nextval('tidegauge.fence'), file_hash = free.file_hash,
        taken_at = clock_timestamp()
    FROM free WHERE l.monitor = free.monitor
    RETURNING l.monitor, l.fence
)
SELECT monitor, fence FROM made UNION ALL SELECT monitor, fence FROM taken
"""

_GIVE_BACK = """
UPDATE tidegauge.lease SET holder = NULL WHERE holder = $1 AND monitor = ANY($2::text[])
"""

_DROP = "DELETE FROM tidegauge.lease WHERE holder = $1 AND monitor = ANY($2::text[])"

_BURY = """
WITH dead AS (
    DELETE FROM tidegauge.lease l WHERE l.monitor = ANY($1::text[]) AND NOT EXISTS (
        SELECT FROM tidegauge.replica r
        WHERE r.expires_at > clock_timestamp() AND (r.id = l.holder OR r.files ? l.monitor)
    )
    RETURNING l.monitor
)
INSERT INTO tidegauge.monitor (monitor, file_gone_at) SELECT monitor, now() FROM dead
ON CONFLICT (monitor) DO UPDATE SET file_gone_at = coalesce(monitor.file_gone_at, now())
"""

_TAKE_DUTY = """
WITH made AS (
    INSERT INTO tidegauge.duty (duty, holder, fence) VALUES ($2, $1, nextval('tidegauge.fence'))
    ON CONFLICT (duty) DO NOTHING
    RETURNING fence
), free AS (
    SELECT d.duty FROM tidegauge.duty d
    WHERE d.duty = $2 AND NOT EXISTS (
        SELECT FROM tidegauge.replica r WHERE r.id = d.holder AND r.expires_at > clock_timestamp()
    )
    FOR UPDATE OF d SKIP LOCKED
), taken AS (
    UPDATE tidegauge.duty d
    SET holder = $1, fence = nextval('tidegauge.fence'), taken_at = clock_timestamp()
    FROM free WHERE d.duty = free.duty
    RETURNING d.fence
)
SELECT fence FROM made UNION ALL SELECT fence FROM taken
UNION ALL SELECT fence FROM tidegauge.duty WHERE duty = $2 AND holder = $1
LIMIT 1
"""

_LEAVE = """
WITH leases AS (
    UPDATE tidegauge.lease SET holder = NULL WHERE holder = ANY($1::text[])
), duties AS (
    UPDATE tidegauge.duty SET holder = NULL WHERE holder = ANY($1::text[])
)
DELETE FROM tidegauge.replica WHERE id = ANY($1::text[])
"""

_FORGET = "DELETE FROM tidegauge.replica WHERE expires_at < clock_timestamp() - make_interval(hours => $1)"

_ON_MACHINE = "SELECT id FROM tidegauge.replica WHERE machine = $1"

_HOLDERS = "SELECT monitor, replica FROM tidegauge.holders WHERE replica IS NOT NULL"

_FILES = """
SELECT jsonb_object_keys(files) AS monitor FROM tidegauge.replica WHERE expires_at > clock_timestamp()
"""

_REFUSED = "SELECT monitor, replica, holder FROM tidegauge.refused_files ORDER BY monitor, replica"

_WITH_FILE = """
SELECT name FROM tidegauge.replica WHERE expires_at > clock_timestamp() AND files ? $1 ORDER BY name
"""

_HINDERED = "SELECT monitor, replica, reason FROM tidegauge.hindered_replicas ORDER BY monitor, replica"

_LAST_SLOT = """
SELECT w.monitor, s.slot FROM unnest($1::text[]) AS w (monitor)
CROSS JOIN LATERAL (
    SELECT c.slot FROM tidegauge.cycle_log c WHERE c.monitor = w.monitor ORDER BY c.slot DESC LIMIT 1
) s
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """A replica as it registers itself.

    - `id`: of this start of its process
    - `name`: for people
    - `machine`: which start of which machine it runs on
    """

    id: str
    name: str
    machine: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A replica whose file of a monitor has another content than that of `holder`, which measures it."""

    monitor: str
    replica: str
    holder: str


@dataclass(frozen=True, slots=True)
class HinderedReplica:
    """A replica whose machine cannot read the rows of a monitor that another one measures."""

    monitor: str
    replica: str
    reason: str


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who is alive and who holds what, as of one instant.

    - `replicas`: those that are alive
    - `names`: of these, by id
    - `addresses`: where their pages are, by id
    - `leases`: by monitor; a holder that is not alive is None
    - `fences`: of the leases that the asking replica holds, by monitor
    - `abandoned`: monitors whose holder let its lease run out
    """

    replicas: Sequence[LiveReplica]
    names: Mapping[str, str]
    addresses: Mapping[str, str]
    leases: Mapping[str, LeaseState]
    fences: Mapping[str, Fence]
    abandoned: AbstractSet[str] = frozenset()


async def register(
    pool: asyncpg.Pool,
    own: Identity,
    address: str,
    files: Mapping[str, str],
    lease_seconds: float,
    *,
    hindered: Mapping[str, str] | None = None,
) -> None:
    """Say that a replica lives, where its page is, and which files it has.

    `hindered` are, by monitor, the reasons why its machine cannot read the rows. Raises StoreError.
    """
    with translated("register this replica"):
        await pool.execute(
            _REGISTER,
            own.id,
            own.name,
            address,
            own.machine,
            dict(files),
            dict(hindered or {}),
            lease_seconds,
        )


async def renew(pool: asyncpg.Pool, replica: str, lease_seconds: float) -> bool | None:
    """Renew all leases of a replica; return whether they had not run out before.

    None where it is not registered (any more). Raises StoreError.
    """
    with translated("renew the leases"):
        alive: bool | None = await pool.fetchval(_RENEW, replica, lease_seconds, timeout=lease_seconds)
        return alive


async def clock(pool: asyncpg.Pool) -> int:
    """Return what the database's clock shows, in UTC microseconds. Raises StoreError."""
    with translated("read the database's clock"):
        return to_microseconds(await pool.fetchval("SELECT clock_timestamp()"))


async def read(pool: asyncpg.Pool, replica: str) -> Sharing:
    """Return who is alive and who holds what. Raises StoreError."""
    with translated("read the leases"):
        async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read"):
            alive = await connection.fetch(_ALIVE)
            leases = await connection.fetch(_LEASES)
    return Sharing(
        replicas=[
            LiveReplica(row["id"], row["started"], row["files"], frozenset(row["hindered"])) for row in alive
        ],
        names={row["id"]: row["name"] for row in alive},
        addresses={row["id"]: row["address"] for row in alive},
        leases={row["monitor"]: _lease(row) for row in leases},
        fences={row["monitor"]: Fence(replica, row["fence"]) for row in leases if row["holder"] == replica},
        abandoned={row["monitor"] for row in leases if row["is_abandoned"]},
    )


async def take(pool: asyncpg.Pool, replica: str, wanted: Mapping[str, str]) -> dict[str, Fence]:
    """Take the leases of monitors, with the hashes of their files, that no live replica holds.

    Returns those that were taken. Raises StoreError.
    """
    with translated("take leases"):
        rows = await pool.fetch(_TAKE, replica, list(wanted), list(wanted.values()))
    return {row["monitor"]: Fence(replica, row["fence"]) for row in rows}


async def give_back(pool: asyncpg.Pool, replica: str, monitors: Sequence[str]) -> None:
    """Give back leases that a replica holds. Raises StoreError."""
    with translated("give leases back"):
        await pool.execute(_GIVE_BACK, replica, list(monitors))


async def drop(pool: asyncpg.Pool, replica: str, monitors: Sequence[str]) -> None:
    """Forget leases of monitors that have no file any more where the replica ran them. Raises StoreError."""
    with translated("give leases back"):
        await pool.execute(_DROP, replica, list(monitors))


async def bury(pool: asyncpg.Pool, monitors: Sequence[str]) -> None:
    """Note that the files of monitors are gone, where no live replica holds or defines them.

    Raises StoreError.
    """
    with translated("note which monitors have no file"):
        await pool.execute(_BURY, list(monitors))


async def take_duty(pool: asyncpg.Pool, replica: str, duty: str) -> Fence | None:
    """Return the fence of a duty that the replica has, taken where no live one has it. Raises StoreError."""
    with translated(f"take the duty {duty}"):
        fence: int | None = await pool.fetchval(_TAKE_DUTY, replica, duty)
    return None if fence is None else Fence(replica, fence)


async def leave(pool: asyncpg.Pool, replicas: Sequence[str]) -> None:
    """Give back all that replicas hold, and forget them. Raises StoreError."""
    with translated("give the leases back"):
        await pool.execute(_LEAVE, list(replicas))


async def forget_dead(pool: asyncpg.Pool) -> None:
    """Forget replicas that died long ago. Raises StoreError."""
    with translated("forget replicas that died"):
        await pool.execute(_FORGET, FORGET_HOURS)


async def on_machine(pool: asyncpg.Pool, machine: str) -> list[str]:
    """Return the replicas that said they run on a machine, alive or not. Raises StoreError."""
    with translated("read the replicas"):
        return [row["id"] for row in await pool.fetch(_ON_MACHINE, machine)]


async def holders(pool: asyncpg.Pool) -> dict[str, str]:
    """Return by monitor the name of the live replica that measures it. Raises StoreError."""
    with translated("read the leases"):
        return {row["monitor"]: row["replica"] for row in await pool.fetch(_HOLDERS)}


async def files(pool: asyncpg.Pool) -> frozenset[str]:
    """Return the monitors whose files a live replica has; none where none lives. Raises StoreError."""
    with translated("read the replicas' files"):
        return frozenset(row["monitor"] for row in await pool.fetch(_FILES))


async def refused_files(pool: asyncpg.Pool) -> list[RefusedFile]:
    """Return which replicas may not measure a monitor because of their file. Raises StoreError."""
    with translated("read the replicas' files"):
        return [RefusedFile(**row) for row in await pool.fetch(_REFUSED)]


async def with_file(pool: asyncpg.Pool, monitor: str) -> list[str]:
    """Return the names of the live replicas that have a file of a monitor. Raises StoreError."""
    with translated("read the replicas"):
        return [row["name"] for row in await pool.fetch(_WITH_FILE, monitor)]


async def hindered(pool: asyncpg.Pool) -> list[HinderedReplica]:
    """Return which replicas leave a monitor to others, and why. Raises StoreError."""
    with translated("read what hinders replicas"):
        return [HinderedReplica(**row) for row in await pool.fetch(_HINDERED)]


async def last_slots(pool: asyncpg.Pool, monitors: Sequence[str]) -> dict[str, datetime]:
    """Return the last grid point of monitors that is in the log of cycles. Raises StoreError."""
    with translated("read the last cycles"):
        return {row["monitor"]: row["slot"] for row in await pool.fetch(_LAST_SLOT, list(monitors))}


def _lease(row: Mapping[str, Any]) -> LeaseState:
    return LeaseState(row["holder"] if row["is_alive"] else None, row["file_hash"])
