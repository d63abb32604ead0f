"""Watch how many accepted rows wait, and ask senders to wait where cycles cannot keep up."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING

import structlog

from service.core.inbox import Backlog
from service.errors import BacklogError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.inbox.ports import InboxStore

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0
FORGET_SECONDS = 3_600.0
KEY_DAYS = 7
RESUME_SHARE = 0.9  # of the limit, to which the backlog has to shrink
DEFAULT_RETRY_SECONDS = 10
LONGEST_RETRY_SECONDS = 300


class BacklogWatch:
    """The backlog of every monitor, as of a moment ago; `limit` rows of a monitor may wait."""

    def __init__(
        self,
        store: InboxStore,
        *,
        limit: int,
        clock: Callable[[], float],
        may_forget_keys: Callable[[], bool] = lambda: True,
    ) -> None:
        self._store = store
        self._limit = limit
        self._clock = clock
        self._may_forget_keys = may_forget_keys  # not before what was sent under them is out of the spool
        self._known: Mapping[str, Backlog] = {}
        self._added: dict[str, int] = {}  # rows that were accepted since
        self._rates: dict[str, float] = {}  # rows per second that cycles took
        self._looked: float | None = None

    @property
    def seconds_since_look(self) -> float | None:
        """How long ago the database last said what waits; None where it never did."""
        return None if self._looked is None else self._clock() - self._looked

    def rows(self, monitor: str) -> int:
        """Return how many rows of a monitor wait."""
        return self._known.get(monitor, Backlog()).rows + self._added.get(monitor, 0)

    def add(self, monitor: str, rows: int) -> None:
        """Count rows that were accepted."""
        self._added[monitor] = self._added.get(monitor, 0) + rows

    def check(self, monitor: str) -> None:
        """Raise BacklogError, with the seconds after which to try again, where too many rows wait."""
        rows = self.rows(monitor)
        if rows < self._limit:
            return
        raise BacklogError(
            f"{rows:,} rows of {monitor} wait to be measured; expected {self._limit:,} at most: send again "
            "later, or more slowly",
            retry_seconds=self._retry_seconds(monitor, rows),
        )

    async def work(self) -> None:
        """Look again and again, and forget old keys, until the task is cancelled."""
        forgot = -math.inf
        while True:
            try:
                await self.look()
                if self._clock() - forgot >= FORGET_SECONDS and self._may_forget_keys():
                    await self._store.forget_keys(KEY_DAYS)
                    forgot = self._clock()
            except StoreError as error:
                log.debug("backlog not read", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Read the backlog now. Raises StoreError."""
        before, added = self._known, self._added
        self._added = {}
        try:
            known = await self._store.backlog()
        except StoreError:
            for monitor, rows in added.items():
                self.add(monitor, rows)
            raise
        now = self._clock()
        if self._looked is not None and now > self._looked:
            for monitor in before.keys() | added.keys():
                came = before.get(monitor, Backlog()).rows + added.get(monitor, 0)
                taken = max(0, came - known.get(monitor, Backlog()).rows)
                rate = taken / (now - self._looked)
                self._rates[monitor] = 0.9 * self._rates.get(monitor, rate) + 0.1 * rate
        self._known, self._looked = known, now

    def _retry_seconds(self, monitor: str, rows: int) -> int:
        rate = self._rates.get(monitor, 0.0)
        if rate < 1.0:
            return DEFAULT_RETRY_SECONDS
        seconds = math.ceil((rows - RESUME_SHARE * self._limit) / rate)
        return min(max(seconds, 1), LONGEST_RETRY_SECONDS)
