"""How far a table was read, and where reading goes on in the table as it is now."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from service.core.event import Event
from service.sources.event_clock import EventClock, of_json

if TYPE_CHECKING:
    from collections.abc import Mapping

Key = tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """Which table of its name is read.

    - `system`: the server's system identifier, empty where it does not say
    - `timeline`: the server's timeline, which a restore to a point in time or a failover changes
    - `database`, `table`: their object ids
    - `files`: by object id, the file of the table or of each of its partitions
    """

    system: str = ""
    timeline: str = ""
    database: int = 0
    table: int = 0
    files: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the server's transactions are when a page is read (64-bit numbers).

    - `oldest`: the oldest that still runs
    - `next`: the first that has not begun
    """

    oldest: int
    next: int


@dataclass(frozen=True, slots=True)
class Settled:
    """Up to when all transactions have ended, in UTC microseconds of the service's clock.

    - `at`: that moment, None where it is not known yet
    - `mark`: a transaction that had not begun at `marked_at`; once all before it have ended, it is that
    """

    at: int | None = None
    mark: int | None = None
    marked_at: int = 0

    def after(self, snapshot: Snapshot, now: int) -> Settled:
        """Return it after a snapshot that was taken at `now`."""
        if snapshot.oldest == snapshot.next:
            return Settled(now)
        if self.mark is None:
            return replace(self, mark=snapshot.next, marked_at=now)
        if snapshot.oldest >= self.mark:
            return Settled(self.marked_at, snapshot.next, now)
        return self


@dataclass(frozen=True, slots=True)
class Position:
    """How far a table was read.

    - `identity`: which table
    - `horizon`: up to which transaction all rounds are done; None before the end of the first round
    - `target`: of the round that is being read, None between rounds
    - `after`: the keys of its last row that was read, by the columns of
    - `order`
    - `start`: the event time when it began, by which its rows are late
    - `clock`: the event time of what was read
    """

    identity: Identity = field(default_factory=Identity)
    horizon: int | None = None
    target: int | None = None
    after: Key | None = None
    order: tuple[str, ...] = ()
    start: EventClock = field(default_factory=EventClock)
    clock: EventClock = field(default_factory=EventClock)

    def as_json(self) -> dict[str, Any]:
        """Return what `position_of` reads."""
        return {
            "identity": asdict(self.identity),
            "horizon": self.horizon,
            "target": self.target,
            "after": None if self.after is None else list(self.after),
            "order": list(self.order),
            "start": self.start.as_json(),
            "clock": self.clock.as_json(),
        }


def position_of(content: dict[str, Any] | None) -> Position:
    """Return the position that a checkpoint holds; None is that before the first take."""
    if content is None:
        return Position()
    return Position(
        Identity(**content["identity"]),
        content["horizon"],
        content["target"],
        None if content["after"] is None else tuple(content["after"]),
        tuple(content["order"]),
        of_json(content["start"]),
        of_json(content["clock"]),
    )


def resumed(
    held: Position, now_is: Identity, snapshot: Snapshot, table: str, at: int, *, tells_ids: bool
) -> tuple[Position, tuple[Event, ...]]:
    """Return where reading goes on, and what may be lost or come again as events of the instant `at`.

    `tells_ids`: rows that come again are told by their ids and count once.
    """
    known = held.identity
    if not known.table:
        return replace(held, identity=now_is), ()
    again = again_of(tells_ids=tells_ids)
    other = _other(known, now_is)
    if other:
        message = (
            f"{table}: {other}; it is read from its start, and what was not read of the earlier one is lost; "
            f"{again}"
        )
        return _from_start(held, now_is), (_event(message, at, known, now_is),)
    reached = held.horizon if held.target is None else held.target
    if reached is not None and snapshot.oldest < reached:
        message = (
            f"{table}: the server's transactions have gone back from {reached} to {snapshot.oldest}: it was "
            f"restored to an earlier state; the table is read from its start; {again}"
        )
        return _from_start(held, now_is), (_event(message, at, known, now_is),)
    events = []
    if known.timeline != now_is.timeline:
        message = (
            f"{table}: the server was restored or another one took over (timeline {known.timeline} became "
            f"{now_is.timeline}): rows that were measured may be gone from it, and rows that were written "
            "around that moment may be missing here"
        )
        events.append(_event(message, at, known, now_is))
    changed = [each for each, file in known.files.items() if now_is.files.get(each, file) != file]
    if changed:
        message = (
            f"{table}: was emptied (TRUNCATE) or written anew (VACUUM FULL, CLUSTER, ALTER TABLE): what was "
            "not read before is lost if it was emptied; if its rows were written anew by ALTER TABLE, "
            f"{again}"
        )
        events.append(_event(message, at, known, now_is))
    return replace(held, identity=now_is), tuple(events)


def ordered(
    held: Position, order: tuple[str, ...], table: str, at: int, *, tells_ids: bool
) -> tuple[Position, tuple[Event, ...]]:
    """Return where reading goes on by the columns of `order`: from the start where these were others."""
    if held.after is None or held.order == order:
        return replace(held, order=order), ()
    message = (
        f"{table}: its rows are ordered by other columns than when they were last read, so that "
        f"what was read of them is not known; they are read from the start; {again_of(tells_ids=tells_ids)}"
    )
    return replace(held, after=None, order=order), (Event("rows_lost", at, message),)


def again_of(*, tells_ids: bool) -> str:
    """Say what becomes of rows that were measured before and are read again."""
    if tells_ids:
        return "rows that were measured before count once, by their ids (deduplicate)"
    return "rows that were measured before and are still in it count again; deduplicate: id prevents that"


def _other(known: Identity, now_is: Identity) -> str:
    if known.system and now_is.system and known.system != now_is.system:
        return "it is on another server than before"
    if known.database != now_is.database:
        return "it is in another database than before"
    return "" if known.table == now_is.table else "it was dropped and made again"


def _from_start(held: Position, now_is: Identity) -> Position:
    return Position(now_is, start=held.clock, clock=held.clock)


def _event(message: str, at: int, known: Identity, now_is: Identity) -> Event:
    details = {
        name: {"earlier": getattr(known, name), "now": getattr(now_is, name)}
        for name in ("system", "timeline", "database", "table")
        if getattr(known, name) != getattr(now_is, name)
    }
    return Event("rows_lost", at, message, details=details)
