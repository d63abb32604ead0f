"""Pair the requests and responses that lie in files, by the tables that KServe's own door uses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.core.rows.inbox_change import InboxChange
from service.sources.kserve import half as halves
from service.sources.kserve.pairs import Pairing, stored_halves
from service.sources.kserve.patience import Patience

if TYPE_CHECKING:
    from service.sources.context import SourceContext
    from service.sources.files.reader import Read


@dataclass(slots=True)
class FilePairing:
    """Pairs the halves of takes; it remembers when it was asked last, never a half.

    - `context`: of the monitor
    - `allowed_lateness_us`: how far a request may lie behind the newest one (microseconds)
    - `wait_us`: how long a half waits for its other one, from the moment at which it was read
    - `patience`: notices breaks, after which everything is waited for once more
    """

    context: SourceContext
    allowed_lateness_us: int
    wait_us: int
    patience: Patience = field(default_factory=Patience)

    async def add(self, read: Read, now: int, *, from_start: bool) -> InboxChange:
        """Add the rows of the pairs that are complete now; return what changes of what waits.

        `from_start` says that all files are read again, and with them what waited before.
        """
        inbox, fresh = self.context.tables.inbox, read.halves
        # Nothing is given up while its other half may lie in a file that was not read yet.
        until = self.patience.until(now, self.wait_us, oldest=read.waits_since)
        stored = [] if from_start else await stored_halves(inbox, fresh, until)
        held = 0 if from_start else await inbox.count_halves()
        pairing = Pairing(self.context.monitor, self.context.schema, self.allowed_lateness_us)
        found = await asyncio.to_thread(pairing.of, fresh, stored, read.clock, until)
        read.parts, read.clock = found.parts, found.clock
        read.refuse(found.rejects, halves.event_sums(found.refused))
        return InboxChange(
            measured=halves.event_sums(found.measured),
            halves=found.waiting,
            paired=found.met,
            waiting_events=held + len(found.waiting) - len(found.met),
            unpaired_events=found.unpaired,
            forgets_halves=from_start,
        )
