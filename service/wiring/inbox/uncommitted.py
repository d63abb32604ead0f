"""A monitor's inbox as takes would leave it that are never committed: its rows are looked at, and stay."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from service.core.time_units import SECOND

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from service.core.inbox import Waiting
    from service.core.rows.inbox_change import HalfEvent, InboxChange, LabelAhead, TakenFile
    from service.store.tables.inbox.monitor_inbox import MonitorInbox

SETTLED_US = 180 * SECOND  # after so long no transaction still brings a batch of a lower id


@dataclass(slots=True)
class Looked:
    """What takes changed that were not committed.

    - `passed`: the id up to which batches were seen
    - `seen`: when each batch of a higher id was seen (UTC microseconds)
    - `halves`, `paired`: the events that wait since, by id, and the stored ones that wait no longer
    - `files`: those that were taken
    - `is_first_look`, `forgets_halves`: nothing holds that was taken before
    """

    passed: int = 0
    seen: dict[int, int] = field(default_factory=dict)
    halves: dict[int, HalfEvent] = field(default_factory=dict)
    paired: set[int] = field(default_factory=set)
    files: dict[str, TakenFile] = field(default_factory=dict)
    is_first_look: bool = False
    forgets_halves: bool = False
    last: int = 0  # the number of the last half, counted downwards: stored ones have positive ids
    read: tuple[int, ...] = ()  # the batches that the take under way has read

    def add(self, change: InboxChange, now: int) -> None:
        """Add what a take changed that ended at `now`."""
        self._note(now)
        if change.is_first_look:
            self.files, self.is_first_look = {}, True
        if change.forgets_halves:
            self.halves, self.forgets_halves = {}, True
        self.files |= {each.name: each for each in change.files}
        for number in change.paired:
            if self.halves.pop(number, None) is None:
                self.paired.add(number)
        for half in change.halves:
            self.last -= 1
            self.halves[self.last] = replace(half, id=self.last)

    def _note(self, now: int) -> None:
        # Batches that were seen long ago are known by their order.
        self.passed = max(
            (each for each, at in self.seen.items() if at < now - SETTLED_US), default=self.passed
        )
        self.seen = {each: at for each, at in self.seen.items() if each > self.passed}
        self.seen |= dict.fromkeys(self.read, now)
        self.read = ()


class LentInbox:
    """A monitor's inbox for its source; while it is looked at, with what was looked at before left out."""

    def __init__(self, inbox: MonitorInbox) -> None:
        self._inbox = inbox
        self._looked: Looked | None = None

    @contextmanager
    def looking(self, looked: Looked) -> Iterator[None]:
        """Show the inbox as takes left it that are never committed; `looked` holds what they changed."""
        self._looked = looked
        try:
            yield
        finally:
            self._looked = None

    async def read(self, max_rows: int) -> Waiting:
        """Return the batches that wait, in order, with about `max_rows` rows."""
        looked = self._looked
        if looked is None:
            return await self._inbox.read(max_rows)
        waiting = await self._inbox.read_beyond(max_rows, looked.passed, looked.seen)
        looked.read = tuple(batch.id for batch in waiting.batches)
        return waiting

    async def labels_for(self, identity: Sequence[int]) -> Sequence[LabelAhead]:
        """Return the labels that wait for rows of these ids."""
        return await self._inbox.labels_for(identity)

    async def labels_before(self, instant: int) -> Sequence[LabelAhead]:
        """Return labels that came before an instant (UTC microseconds) and still wait for their rows."""
        return await self._inbox.labels_before(instant)

    async def rows_expecting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label, or has it."""
        return await self._inbox.rows_expecting(identity)

    async def rows_waiting(self, identity: Sequence[int]) -> set[int]:
        """Return which of these ids have a measured row that waits for its label."""
        return await self._inbox.rows_waiting(identity)

    async def halves_of(self, pairs: Sequence[str]) -> Sequence[HalfEvent]:
        """Return the events with these ids that wait for their other halves."""
        found, named = await self._inbox.halves_of(pairs), set(pairs)
        return self._changed(found, lambda half: half.pair in named)

    async def halves_before(self, instant: int) -> Sequence[HalfEvent]:
        """Return events that came before an instant (UTC microseconds) and still wait."""
        found = await self._inbox.halves_before(instant)
        return self._changed(found, lambda half: half.received < instant)

    async def count_halves(self) -> int:
        """Return how many events wait for their other halves."""
        looked, stored = self._looked, await self._inbox.count_halves()
        if looked is None:
            return stored
        return len(looked.halves) + (0 if looked.forgets_halves else stored - len(looked.paired))

    async def files(self) -> Sequence[TakenFile]:
        """Return the files that takes took."""
        looked = self._looked
        if looked is None:
            return await self._inbox.files()
        stored = [] if looked.is_first_look else await self._inbox.files()
        return [*({each.name: each for each in stored} | looked.files).values()]

    def _changed(
        self, stored: Sequence[HalfEvent], is_meant: Callable[[HalfEvent], bool]
    ) -> Sequence[HalfEvent]:
        looked = self._looked
        if looked is None:
            return stored
        kept = [] if looked.forgets_halves else [each for each in stored if each.id not in looked.paired]
        return [*kept, *(each for each in looked.halves.values() if is_meant(each))]
