"""Records of files as events of an inference: each is a half, a request or a response, of one of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.core.rows.id_sums import NO_ROWS, IdSums
from service.core.rows.label_text import clean
from service.core.rows.take import Reject
from service.errors import SourceError, UnreadableRowsError
from service.sources.files.records import objects_of
from service.sources.kserve import half as halves
from service.sources.kserve.half import Half
from service.sources.kserve.reading import TYPES, check_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from service.core.inbox import PushedEvent
    from service.sources.files.folder import Found
    from service.sources.kserve.reading import HalfReader, Watched

MAX_REJECTS = 100
MAX_SHOWN = 100  # characters of an attribute


@dataclass(slots=True)
class Logged:
    """What a part of a file gave.

    - `halves`: those that can be paired; one that cannot be used is kept for its other one
    - `rejects`: the first of the events that cannot be used
    - `rejected_ids`: the sums of all of them
    """

    halves: list[Half] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rejected_ids: IdSums = NO_ROWS

    @property
    def rows(self) -> int:
        """How many rows its halves have."""
        return sum(half.batch.rows for half in self.halves if half.batch is not None)

    def refuse(self, row: dict[str, Any], reason: str, sums: IdSums) -> None:
        """Note an event that cannot be used."""
        self.rejected_ids += sums
        if len(self.rejects) < MAX_REJECTS:
            self.rejects.append(Reject(row, clean(reason)))


@dataclass(frozen=True, slots=True)
class EventReading:
    """How records are read as events.

    - `event_of`: gives the event that a record is
    - `watched`: of which inference service they have to be
    - `reader`: reads them
    """

    event_of: Callable[[Mapping[str, Any]], PushedEvent]
    watched: Watched
    reader: HalfReader

    def of(self, records: Iterable[tuple[int, Any]], found: Found, now: int) -> Logged:
        """Return the halves among numbered records of a file that was read at `now`.

        An event has the time at which its file was changed. Raises ReferenceDataError where sensitive columns
        cannot be masked.
        """
        logged = Logged()
        for number, record in records:
            where = {"file": found.name, "line": number}
            try:
                objects = objects_of(record)
            except SourceError as error:
                logged.refuse(where, str(error), IdSums(1))
                continue
            for each in objects:
                try:
                    event = self.event_of(each)
                    check_id(event.attributes["id"])
                except (SourceError, UnreadableRowsError) as error:
                    logged.refuse(where, str(error), IdSums(1))
                else:
                    self._add(logged, event, found, now)
        return logged

    def _add(self, logged: Logged, event: PushedEvent, found: Found, now: int) -> None:
        given = event.attributes
        name, side = given["id"], TYPES.get(given["type"])
        try:
            self._check(given)
            logged.halves.append(self.reader.half(event, found.changed, now))
        except UnreadableRowsError as error:
            kind = side.value if side else clean(given["type"][:MAX_SHOWN])
            row = {"id": name, "event": kind, "file": found.name}
            logged.refuse(row, str(error), halves.event_sums([(name, side or given["type"])]))
            if side is not None and self.watched.takes(given):
                logged.halves.append(Half(name, side, found.changed, None, str(error), received=now))

    def _check(self, given: Mapping[str, str]) -> None:
        if not self.watched.takes(given):
            of = ("component", "inferenceservicename", "namespace")
            names = [given.get(each, "?")[:MAX_SHOWN] for each in of]
            raise UnreadableRowsError(
                f"the event is of the {names[0]} of {names[1]} in {names[2]}; expected {self.watched}: "
                "give a narrower path"
            )
