"""The tables `inbox_batch` and `inbox_key`: what was accepted and waits for a cycle, and under which keys."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncpg

from service.core.inbox import ANSWERED_REJECTS, Backlog, Receipt
from service.core.rows.take import Reject
from service.core.time_units import to_microseconds
from service.errors import StoreError, StoreUnavailableError
from service.store.connection_errors import NOT_YET
from service.store.driver_errors import DRIVER_ERRORS, reason, translated
from service.store.encoding import instant, text
from service.store.tables.inbox import audit, files, halves, labels
from service.store.tables.monitors import rename as monitor_rename

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence

    from service.core.inbox import Sent
    from service.core.rows.inbox_change import InboxChange

APPEND_SECONDS = 5.0  # a sender waits no longer for the database
DRAIN_SECONDS = 60.0  # nobody waits for a file of the spool, which holds many requests

# What says that the database is away, or cannot write now, and not that it refuses these rows.
_AWAY = (
    *NOT_YET,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidTransactionStateError,  # it is read-only
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,  # a table is locked
    asyncpg.InvalidAuthorizationSpecificationError,  # the password was changed
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.SyntaxOrAccessError,  # a right or a table is gone: no statement here depends on what is kept
)

# In the order of the keys: of two services that write the same keys at once, one waits for the other.
_KEYS = """
INSERT INTO tidegauge.inbox_key (monitor, kind, key, digest, answer)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::jsonb[])
    AS k (monitor, kind, key, digest, answer)
ORDER BY k.monitor, k.kind, k.key
ON CONFLICT (monitor, kind, key) DO NOTHING
RETURNING monitor, kind, key
"""

_SEGMENT = """
INSERT INTO tidegauge.inbox_key (monitor, kind, key, digest, answer) VALUES ('', 'spool', $1, '', '{}')
ON CONFLICT (monitor, kind, key) DO NOTHING
RETURNING key
"""

_GONE = """
SELECT w.monitor FROM unnest($1::text[]) AS w (monitor) LEFT JOIN tidegauge.monitor known USING (monitor)
WHERE known.monitor IS NULL OR known.file_gone_at IS NOT NULL OR known.removed_at IS NOT NULL
ORDER BY w.monitor
"""

_ANSWERS = """
SELECT monitor, kind, key, digest, answer FROM tidegauge.inbox_key
WHERE (monitor, kind, key) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::text[]))
"""

_APPEND = """
WITH kept AS (
    INSERT INTO tidegauge.inbox_batch
        (monitor, kind, received_at, rows, rejected, rejects, payload, rejected_ids, rejected_mixed)
    SELECT b.monitor, b.kind, b.received_at, b.rows, b.rejected, b.rejects, b.payload, b.ids, b.mixed
    FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[], $6::jsonb[],
                $7::bytea[], $8::numeric[], $9::numeric[])
        WITH ORDINALITY AS b (monitor, kind, received_at, rows, rejected, rejects, payload, ids, mixed, place)
    ORDER BY b.place
    RETURNING id
)
SELECT pg_current_xact_id()::text FROM (SELECT count(*) FROM kept) counted
"""

_BACKLOG = """
SELECT monitor, sum(rows)::bigint AS rows, min(received_at) AS oldest
FROM tidegauge.inbox_batch GROUP BY monitor
"""

_TAKE = "DELETE FROM tidegauge.inbox_batch WHERE monitor = $1 AND id = ANY($2::bigint[])"

_FORGET_KEYS = """
DELETE FROM tidegauge.inbox_key WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM tidegauge.inbox_key WHERE received_at < now() - make_interval(days => $1) LIMIT 10000
))
"""

_COMMITTED = "SELECT pg_xact_status($1::text::xid8)"


@dataclass(slots=True)
class _Began:
    """A write; the `transaction` in which it may have been committed, once there is something to commit."""

    transaction: str | None = None


class Inbox:
    """The inbox of all monitors, for those who fill it. Methods raise StoreError."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def append(self, sent: Sequence[Sent], *, seconds: float | None = None) -> list[Receipt]:
        """Keep requests in one transaction; what was kept under its key before is not kept again.

        Raises StoreUnavailableError where the database is away or does not answer in `seconds`. It may have
        kept them all the same: its `transaction` says which transaction to ask for.
        """
        began = _Began()
        async with self._writing(began, seconds) as connection:
            sent, receipts = await _settled(connection, sent)
            fresh = [each for each, found in zip(sent, receipts, strict=True) if not _is_known(found)]
            if fresh:
                began.transaction = await _append(connection, fresh)
        return receipts

    async def append_segment(self, name: str, sent: Sequence[Sent]) -> Mapping[str, int]:
        """Keep the requests of a spool file in one transaction, once: its name is a key.

        Returns how many rows were kept of monitors that have no file any more: nobody measures them.

        They were acknowledged: where other content was kept under a request's key, it is kept without one,
        and where its monitor was renamed since, under the new name.
        Raises StoreUnavailableError where the database is away.
        """
        async with self._writing(_Began(), DRAIN_SECONDS) as connection:
            if await connection.fetchval(_SEGMENT, name) is None:
                return {}  # it was kept, and its file not removed
            named = await monitor_rename.under_current_names(connection, sent)
            sent, receipts = await _settled(connection, named)
            fresh = [each for each, found in zip(sent, receipts, strict=True) if not found.is_repeat]
            if not fresh:
                return {}
            await _append(connection, fresh)
            gone = await connection.fetch(_GONE, list({each.monitor for each in fresh}))
        names = [row["monitor"] for row in gone]
        return {name: sum(each.rows for each in fresh if each.monitor == name) for name in names}

    @asynccontextmanager
    async def _writing(
        self, began: _Began, seconds: float | None = None
    ) -> AsyncIterator[asyncpg.Connection]:
        limit = APPEND_SECONDS if seconds is None else seconds
        try:
            async with self._pool.acquire(timeout=limit) as connection:
                # A statement that is given up is rolled back first, and a database that hangs never answers.
                hung = asyncio.get_running_loop().call_later(limit, connection.terminate)
                try:
                    async with connection.transaction():
                        yield connection
                finally:
                    hung.cancel()
        except DRIVER_ERRORS as error:
            message = f"keep rows that were sent: {reason(error)}"
            raise _store_error(message, error, began.transaction) from error

    async def ping(self) -> None:
        """Ask the database for nothing. Raises StoreUnavailableError where it does not answer."""
        try:
            await self._pool.fetchval("SELECT 1", timeout=APPEND_SECONDS)
        except DRIVER_ERRORS as error:
            raise _store_error(f"ping: {reason(error)}", error) from error

    async def is_committed(self, transaction: str) -> bool | None:
        """Return whether a transaction was committed; None while it runs, False where nothing is known."""
        try:
            state: str | None = await self._pool.fetchval(_COMMITTED, transaction)
        except asyncpg.InvalidParameterValueError:  # still to come: an older database was restored
            return False
        except DRIVER_ERRORS as error:
            raise _store_error(f"look for a transaction: {reason(error)}", error) from error
        return None if state == "in progress" else state == "committed"

    async def backlog(self) -> dict[str, Backlog]:
        """Return what waits, by monitor; one for which nothing waits is not in it."""
        with translated("read the backlog"):
            rows = await self._pool.fetch(_BACKLOG)
        return {row["monitor"]: Backlog(row["rows"], to_microseconds(row["oldest"])) for row in rows}

    async def forget_keys(self, days: int) -> None:
        """Delete keys that are older than `days`."""
        with translated("delete old idempotency keys"):
            while await self._pool.execute(_FORGET_KEYS, days) == "DELETE 10000":
                pass


def _store_error(message: str, error: Exception, transaction: str | None = None) -> StoreError:
    if isinstance(error, _AWAY) and not isinstance(error, ValueError):  # no cell that it cannot take
        return StoreUnavailableError(message, transaction)
    return StoreError(message)


async def change(connection: asyncpg.Connection, monitor: str, changed: InboxChange) -> None:
    """Forget the batches that a cycle took; keep and forget labels and events that wait for others.

    Raises StoreError where one of them is not there any more: another cycle has taken it.
    """
    if changed.taken:
        done: str = await connection.execute(_TAKE, monitor, list(changed.taken))
        found, taken = int(done.removeprefix("DELETE ")), len(changed.taken)
        if found != taken:
            raise StoreError(
                f"{monitor}: {taken} batches of the inbox were taken, and {found} of them are there; the "
                "next cycle reads it again"
            )
    await labels.change(connection, monitor, changed)
    await halves.change(connection, monitor, changed)
    await files.change(connection, monitor, changed)
    await audit.count(connection, monitor, changed)


async def _settled(connection: asyncpg.Connection, sent: Sequence[Sent]) -> tuple[list[Sent], list[Receipt]]:
    """Return what is kept of each request, and what becomes of it; the keys of new ones are kept."""
    kept, receipts = list(sent), await _keep_keys(connection, sent)
    for place, (each, receipt) in enumerate(zip(sent, receipts, strict=True)):
        if receipt.is_conflict and each.instead is not None:
            kept[place] = each.instead
            receipts[place] = Receipt(each.instead.rows, each.instead.rejected, each.instead.rejects)
    return kept, receipts


async def _keep_keys(connection: asyncpg.Connection, sent: Sequence[Sent]) -> list[Receipt]:
    """Return what becomes of each request; the keys of new ones are kept."""
    first: dict[tuple[str, str, str], Sent] = {}
    for each in sent:
        if each.key is not None:
            first.setdefault(_name(each), each)
    kept: set[tuple[str, str, str]] = set()
    if first:
        rows = await connection.fetch(
            _KEYS,
            *zip(*first, strict=True),
            [each.digest for each in first.values()],
            [_stored(each) for each in first.values()],
        )
        kept = {(row["monitor"], row["kind"], row["key"]) for row in rows}
    fresh = [each.key is None or (first[_name(each)] is each and _name(each) in kept) for each in sent]
    known = await _answers(
        connection, {_name(each) for each, new in zip(sent, fresh, strict=True) if not new}
    )
    return [
        Receipt(each.rows, each.rejected, each.rejects[:ANSWERED_REJECTS])
        if new
        else _repeated(known[_name(each)], each)
        for each, new in zip(sent, fresh, strict=True)
    ]


async def _answers(
    connection: asyncpg.Connection, names: Collection[tuple[str, str, str]]
) -> dict[tuple[str, str, str], asyncpg.Record]:
    """Return what was kept under some keys, which are there."""
    if not names:
        return {}
    rows = await connection.fetch(_ANSWERS, *zip(*names, strict=True))
    return {(row["monitor"], row["kind"], row["key"]): row for row in rows}


def _name(sent: Sent) -> tuple[str, str, str]:
    return sent.monitor, sent.kind.value, text(sent.key or "")


def _stored(sent: Sent) -> dict[str, Any]:
    answered = sent.rejects[:ANSWERED_REJECTS]
    return {"accepted": sent.rows, "rejected": sent.rejected, **_rejects(answered)}


def _rejects(rejects: Sequence[Reject]) -> dict[str, Any]:
    # An object, as the driver would take a list for an array of Postgres.
    return {"rejects": [[reject.row, text(reject.reason)] for reject in rejects]}


def _repeated(known: asyncpg.Record, sent: Sent) -> Receipt:
    if known["digest"] != sent.digest:
        return Receipt(0, is_conflict=True)
    answer = known["answer"]
    rejects = tuple(Reject(row, why) for row, why in answer["rejects"])
    return Receipt(answer["accepted"], answer["rejected"], rejects, is_repeat=True)


def _is_known(receipt: Receipt) -> bool:
    return receipt.is_repeat or receipt.is_conflict


async def _append(connection: asyncpg.Connection, sent: Sequence[Sent]) -> str:
    transaction: str = await connection.fetchval(
        _APPEND,
        [each.monitor for each in sent],
        [each.kind.value for each in sent],
        [instant(each.received) for each in sent],
        [each.rows for each in sent],
        [each.rejected for each in sent],
        [_rejects(each.rejects) for each in sent],
        [each.payload for each in sent],
        [each.rejected_ids.ids for each in sent],
        [each.rejected_ids.mixed for each in sent],
    )
    return transaction
