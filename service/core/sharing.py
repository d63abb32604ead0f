"""Share monitors out among replicas: balanced, with as few moves as that takes, the same on every replica.

Every replica computes this from what the database holds, and acts on its own part alone: it gives up what is
another's, and takes what is free and its own. Until all have done so, what they compute stays the same.

- Only a replica whose file of a monitor has the content that counts may hold it. That is the content of the
  last holder, as long as a live replica has it; else that of most replicas, then that of the newest.
- Of these, one that is hindered may hold it only where all are: it lacks what the monitor's rows are read by.
- Where all may hold all, their loads differ by one monitor at most. Otherwise no single move would balance
  them better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class Fence:
    """What a writer shows of its lease: who holds it, and the number that grows with every take-over."""

    holder: str
    number: int


@dataclass(frozen=True, slots=True)
class LiveReplica:
    """A replica that is alive.

    - `id`: of this start of its process
    - `started`: by the database's clock; the newer one is the larger
    - `files`: by monitor, the hash of its file's content
    - `hindered`: monitors whose rows its machine cannot read
    """

    id: str
    started: float
    files: Mapping[str, str]
    hindered: AbstractSet[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LeaseState:
    """A monitor's lease: the live replica that holds it, None where none does, and the content it went by."""

    holder: str | None
    file_hash: str


@dataclass(frozen=True, slots=True)
class Part:
    """What one replica has to do.

    - `give_up`: monitors that it holds and another is to hold
    - `take`: monitors that nobody holds and it is to hold
    - `refused`: monitors that it may not hold, since its file has another content than the one that counts
    - `hindered`: monitors that it leaves to others, as its machine cannot read their rows
    """

    give_up: tuple[str, ...]
    take: tuple[str, ...]
    refused: tuple[str, ...]
    hindered: tuple[str, ...] = ()


def part_of(me: str, replicas: Sequence[LiveReplica], leases: Mapping[str, LeaseState]) -> Part:
    """Return what replica `me`, one of `replicas`, has to do."""
    counts, may_hold = _counting(replicas, leases), eligible(replicas, leases)
    shares = shared_out(replicas, leases)
    own = next(replica for replica in replicas if replica.id == me)
    holders = {monitor: lease.holder for monitor, lease in leases.items()}
    return Part(
        give_up=tuple(
            monitor
            for monitor in sorted(leases)
            if holders[monitor] == me and shares.get(monitor) not in {None, me}
        ),
        take=tuple(
            monitor for monitor in sorted(shares) if shares[monitor] == me and holders.get(monitor) is None
        ),
        refused=tuple(
            monitor for monitor in sorted(own.files) if me not in {each.id for each in counts[monitor]}
        ),
        hindered=tuple(
            monitor
            for monitor in sorted(own.hindered & own.files.keys())
            if me not in may_hold[monitor] and me in {each.id for each in counts[monitor]}
        ),
    )


def shared_out(replicas: Sequence[LiveReplica], leases: Mapping[str, LeaseState]) -> dict[str, str]:
    """Return by monitor the id of the replica that is to hold it."""
    may_hold = eligible(replicas, leases)
    held: dict[str, set[str]] = {replica.id: set() for replica in replicas}
    free = []
    for monitor in sorted(may_hold):
        lease = leases.get(monitor)
        if lease is not None and lease.holder in may_hold[monitor]:
            held[lease.holder or ""].add(monitor)
        else:
            free.append(monitor)
    for monitor in free:
        taker = min(may_hold[monitor], key=lambda replica: (len(held[replica]), replica))
        held[taker].add(monitor)
    while _move(held, may_hold):
        pass
    return {monitor: replica for replica, monitors in held.items() for monitor in monitors}


def eligible(replicas: Sequence[LiveReplica], leases: Mapping[str, LeaseState]) -> dict[str, set[str]]:
    """Return by monitor the replicas that may hold it, one at least."""
    found = {}
    for monitor, counts in _counting(replicas, leases).items():
        able = [replica for replica in counts if monitor not in replica.hindered]
        found[monitor] = {replica.id for replica in able or counts}
    return found


def _counting(
    replicas: Sequence[LiveReplica], leases: Mapping[str, LeaseState]
) -> dict[str, Sequence[LiveReplica]]:
    """Return by monitor the replicas whose file has the content that counts, one at least."""
    contents: dict[str, dict[str, list[LiveReplica]]] = {}
    for replica in replicas:
        for monitor, file_hash in replica.files.items():
            contents.setdefault(monitor, {}).setdefault(file_hash, []).append(replica)
    found: dict[str, Sequence[LiveReplica]] = {}
    for monitor, by_content in contents.items():
        lease = leases.get(monitor)
        if lease is not None and lease.file_hash in by_content:
            found[monitor] = by_content[lease.file_hash]
        else:
            found[monitor] = max(by_content.values(), key=_weight)
    return found


def _weight(replicas: Sequence[LiveReplica]) -> tuple[int, float, str]:
    return len(replicas), max(one.started for one in replicas), max(one.id for one in replicas)


def _move(held: dict[str, set[str]], may_hold: Mapping[str, set[str]]) -> bool:
    """Move one monitor from a replica to one with at least two fewer; False where there is no such move."""
    order = sorted(held, key=lambda replica: (len(held[replica]), replica))
    for giver in reversed(order):
        for taker in order:
            if len(held[giver]) - len(held[taker]) < 2:  # noqa: PLR2004  # with less nothing is gained
                break
            movable = [monitor for monitor in held[giver] if taker in may_hold[monitor]]
            if movable:
                moved = max(movable)
                held[giver].remove(moved)
                held[taker].add(moved)
                return True
    return False
