"""Count what becomes of rows, and keep examples of those that were refused."""

from __future__ import annotations

import threading
from collections import Counter, deque
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tidegauge_client.delivery import Delivered, Reject

MAX_REASONS = 100
MAX_REJECTS = 100
OTHER = "other reasons"


@dataclass(frozen=True, slots=True)
class Stats:
    """What became of the rows and labels since the client was made.

    Each is a count of rows: `logged + taken_over = accepted + rejected + invalid + dropped + waiting`.

    - `logged`: given to `log` and `labels`
    - `taken_over`: left on the disk by earlier processes, and read by this one
    - `accepted`: durable in the service
    - `rejected`: refused by the service; `reasons` has the counts by reason
    - `invalid`: not to be expressed as JSON; in `reasons` as well
    - `dropped`: given up because neither memory nor disk had room, or the process ends
    - `waiting`: in memory, on the disk or on the way
    - `batches_on_disk`, `bytes_on_disk`: what lies in the spool of this process
    - `broken_files`: files of the spool that could not be read, kept as `*.broken`
    - `unjournaled`: rows that a kill of the process would have lost until they were sent or in the spool
    - `retries`: how often a batch had to be sent again
    - `last_error`: why the newest batch could not be sent; None once one could
    """

    logged: int
    taken_over: int
    accepted: int
    rejected: int
    invalid: int
    dropped: int
    waiting: int
    batches_on_disk: int
    bytes_on_disk: int
    broken_files: int
    retries: int
    unjournaled: int
    last_error: str | None
    reasons: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


class Tally:
    """The counts behind `Stats`; several threads use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self.counts: Counter[str] = Counter()
        self.last_error: str | None = None
        self._reasons: Counter[str] = Counter()
        self._rejects: deque[Reject] = deque(maxlen=MAX_REJECTS)

    def add(self, name: str, count: int = 1) -> None:
        """Add to one of the counts."""
        with self._lock:
            self.counts[name] += count

    def add_invalid(self, reason: str) -> None:
        """Count a row that is no JSON."""
        with self._lock:
            self.counts["invalid"] += 1
            self._add_reason(reason, 1)

    def add_delivered(self, delivered: Delivered) -> None:
        """Count what became of a batch."""
        with self._lock:
            self.last_error = None
            self.counts["accepted"] += delivered.accepted
            self.counts["rejected"] += delivered.rejected
            for reason, count in delivered.reasons.items():
                self._add_reason(reason, count)
            self._rejects += delivered.rejects

    @property
    def rejects(self) -> list[Reject]:
        """The newest refused rows."""
        with self._lock:
            return list(self._rejects)

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many rows could not be used, by reason."""
        with self._lock:
            return MappingProxyType(dict(self._reasons))

    def _add_reason(self, reason: str, count: int) -> None:
        known = reason in self._reasons or len(self._reasons) < MAX_REASONS
        self._reasons[reason if known else OTHER] += count
