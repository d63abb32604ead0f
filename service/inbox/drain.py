"""Move what lies in the spool into the database, as soon as that is back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from service.errors import CodecError, StoreError, StoreUnavailableError
from service.inbox.spool_record import requests_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from service.core.inbox import Sent
    from service.inbox.ports import InboxStore
    from service.inbox.spool_record import SpoolRecord
    from service.inbox.spooling import Spooling

log = structlog.get_logger(__name__)

RETRY_SECONDS = 1.0


class Drain:
    """Drains the spool, as long as `work` runs.

    A file is kept in one transaction, with its name as a key: where the process dies before the file is
    removed, the next one finds that it was kept.
    """

    def __init__(self, store: InboxStore, spooling: Spooling) -> None:
        self._store = store
        self._spooling = spooling

    async def work(self) -> None:
        """Drain until the task is cancelled; what is left stays on the disk."""
        while True:
            await self._spooling.filled.wait()
            try:
                await self._store.ping()  # first: the oldest file is written no more once it is asked for
                await self._drain(await self._spooling.oldest())
            except StoreUnavailableError as error:
                log.debug("spool not drained", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
            except (StoreError, OSError) as error:
                log.warning("spool not drained", error=str(error), retry_seconds=RETRY_SECONDS)
                await asyncio.sleep(RETRY_SECONDS)

    async def _drain(self, path: Path) -> None:
        try:
            records, broken_off = await self._spooling.read(path)
        except CodecError as error:
            await self._set_aside(path, str(error))
            return
        except FileNotFoundError:
            await self._spooling.forget(path)
            hint = "it was removed or moved while the service ran; rows in it were acknowledged and are lost"
            log.error("spool file gone", file=str(path), hint=hint)  # noqa: TRY400 - no fault of this code
            return
        fresh = [record for record in records if not await self._is_kept(record)]
        sent = requests_of(fresh)
        refused = await self._keep(path.name, sent)
        if refused is not None:
            await self._set_aside(path, refused)
            return
        if broken_off:
            kept = await self._spooling.set_aside(path)
            hint = "a write that was broken off; nobody had an answer to it"
            log.warning("spool file broken off", file=str(kept), bytes=broken_off, hint=hint)
        else:
            await self._spooling.remove(path)
        log.info("spool drained", file=path.name, requests=len(sent), rows=sum(each.rows for each in sent))

    async def _keep(self, name: str, sent: Sequence[Sent]) -> str | None:
        """Keep a file's requests; return why some were refused, None where all were kept."""
        try:
            _warn(await self._store.append_segment(name, sent))
        except StoreUnavailableError:
            raise
        except StoreError as error:
            log.warning("spool file refused as a whole", file=name, error=str(error))
        else:
            return None
        reason = None
        for place, each in enumerate(sent):  # one of them may have kept the others from being written
            try:
                _warn(await self._store.append_segment(f"{name}:{place}", [each]))
            except StoreUnavailableError:
                raise
            except StoreError as error:
                reason = str(error)
        return reason

    async def _is_kept(self, record: SpoolRecord) -> bool:
        if record.transaction is None:
            return False
        found = await self._store.is_committed(record.transaction)
        if found is None:
            raise StoreUnavailableError("a transaction of the spool's rows has not ended yet")
        return found

    async def _set_aside(self, path: Path, reason: str) -> None:
        kept = await self._spooling.set_aside(path)
        hint = (
            "rows that were acknowledged are in this file; rename it to .rows to try again at the next start"
        )
        log.error("spool file refused", file=str(kept), error=reason, hint=hint)


def _warn(gone: Mapping[str, int]) -> None:
    for monitor, rows in gone.items():
        hint = (
            f"they wait until a file of that name is there; `tidegauge monitor remove {monitor} --purge` "
            "deletes them"
        )
        log.warning("rows of a monitor without a file", monitor=monitor, rows=rows, hint=hint)
