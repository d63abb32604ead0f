"""Group commit: the requests that wait share one transaction, and each is answered when it is durable.

While the database is away they go to the spool, and so does all that comes before that is drained: rows stay
in the order in which they were accepted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import structlog

from service.core.inbox import ANSWERED_REJECTS, BatchKind, Receipt
from service.errors import InboxUnavailableError, StoreUnavailableError, TidegaugeError
from service.inbox.spool_record import SpoolRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.core.inbox import Sent
    from service.inbox.ports import InboxStore
    from service.inbox.spooling import Spooling

log = structlog.get_logger(__name__)

MAX_WAITING = 2_000  # requests
MAX_GROUP = 500  # requests of a transaction
MAX_GROUP_BYTES = 16 << 20
HASTY_SECONDS = 0.5  # of the database, before events go to the spool: their senders drop what waits longer
BUSY_RETRY_SECONDS = 1
AWAY_RETRY_SECONDS = 5
AWAY = "nothing was kept: the database is away; send the rows again"
REFUSED = "nothing was kept: the rows could not be written, and the service's log says why; send them again"


class _Waiting(NamedTuple):
    sent: Sent
    receipt: asyncio.Future[Receipt]


class Writer:
    """Writes what is sent, as long as `work` runs. Nobody gets a receipt for rows that are not durable."""

    def __init__(self, store: InboxStore, spooling: Spooling | None = None) -> None:
        self._store = store
        self._spooling = spooling
        self._waiting: asyncio.Queue[_Waiting] = asyncio.Queue(MAX_WAITING)
        self._is_open = True

    async def keep(self, sent: Sent) -> Receipt:
        """Return the receipt of a request once it is durable; raises InboxUnavailableError otherwise."""
        if not self._is_open:
            raise InboxUnavailableError("the service is stopping", retry_seconds=AWAY_RETRY_SECONDS)
        receipt: asyncio.Future[Receipt] = asyncio.get_running_loop().create_future()
        try:
            self._waiting.put_nowait(_Waiting(sent, receipt))
        except asyncio.QueueFull:
            raise InboxUnavailableError(
                f"{MAX_WAITING:,} requests wait to be written", retry_seconds=BUSY_RETRY_SECONDS
            ) from None
        return await receipt

    async def work(self) -> None:
        """Write what waits until the task is cancelled; what waits then is refused."""
        group: list[_Waiting] = []
        try:
            while True:
                group = await self._next_group()
                await self._write(group)
        finally:
            self._is_open = False
            left = [self._waiting.get_nowait() for _ in range(self._waiting.qsize())]
            stopping = InboxUnavailableError("the service is stopping", retry_seconds=AWAY_RETRY_SECONDS)
            _refuse([*group, *left], stopping)

    async def _next_group(self) -> list[_Waiting]:
        group = [await self._waiting.get()]
        size = len(group[0].sent.payload)
        while len(group) < MAX_GROUP and size < MAX_GROUP_BYTES and not self._waiting.empty():
            group.append(self._waiting.get_nowait())
            size += len(group[-1].sent.payload)
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        if self._spooling is not None and not self._spooling.is_empty:
            await self._spool(group, self._spooling)
            return
        try:
            receipts = await self._store.append([each.sent for each in group], seconds=self._patience(group))
        except StoreUnavailableError as error:
            log.warning("database away", requests=len(group), error=str(error))
            if self._spooling is not None:
                await self._spool(group, self._spooling, error.transaction)
                return
            _refuse(group, InboxUnavailableError(AWAY, retry_seconds=AWAY_RETRY_SECONDS))
        except Exception:  # each request fails for itself, and the writer goes on
            if len(group) > 1:  # one of them may have kept the others from being written
                for each in group:
                    await self._write([each])
                return
            log.exception("rows not kept", monitor=group[0].sent.monitor)
            _refuse(group, InboxUnavailableError(REFUSED, retry_seconds=AWAY_RETRY_SECONDS))
        else:
            _answer(group, receipts)

    def _patience(self, group: Sequence[_Waiting]) -> float | None:
        is_hasty = any(each.sent.kind is BatchKind.EVENTS for each in group)
        return HASTY_SECONDS if is_hasty and self._spooling is not None else None

    async def _spool(
        self, group: Sequence[_Waiting], spooling: Spooling, transaction: str | None = None
    ) -> None:
        try:
            await spooling.append(SpoolRecord(tuple(each.sent for each in group), transaction))
        except InboxUnavailableError as error:
            _refuse(group, error)
        except OSError as error:
            hint = (
                "senders are asked to send again: free space in TIDEGAUGE_DATA_DIR, or let it be written to"
            )
            log.error("rows not spooled", requests=len(group), error=str(error), hint=hint)  # noqa: TRY400
            _refuse(group, _not_kept(error.strerror or str(error)))
        except Exception:  # no request is acknowledged, and the writer goes on
            log.exception("rows not spooled", requests=len(group))
            _refuse(group, _not_kept("the service's log says why"))
        else:
            _answer(group, [_receipt(each.sent) for each in group])


def _not_kept(why: str) -> InboxUnavailableError:
    return InboxUnavailableError(
        f"nothing was kept: the database takes no rows now, and neither does the service's disk: {why}",
        retry_seconds=AWAY_RETRY_SECONDS,
    )


def _answer(group: Sequence[_Waiting], receipts: Sequence[Receipt]) -> None:
    for each, receipt in zip(group, receipts, strict=True):
        if not each.receipt.done():  # its sender may have gone
            each.receipt.set_result(receipt)


def _receipt(sent: Sent) -> Receipt:
    return Receipt(sent.rows, sent.rejected, sent.rejects[:ANSWERED_REJECTS])


def _refuse(group: Sequence[_Waiting], error: TidegaugeError) -> None:
    for each in group:
        if not each.receipt.done():
            each.receipt.set_exception(error)
