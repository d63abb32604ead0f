"""Monitors are shared out evenly, with the fewest moves, and the same way on every replica."""

from __future__ import annotations

from collections import Counter
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from service.core.sharing import LeaseState, LiveReplica, eligible, part_of, shared_out

REPLICAS = [f"r{number}" for number in range(5)]
MONITORS = [f"m{number:02}" for number in range(14)]
Sharing = tuple[list[LiveReplica], dict[str, LeaseState]]


@st.composite
def sharings(draw: st.DrawFn, *, one_content: bool = False) -> Sharing:
    alive = draw(st.lists(st.sampled_from(REPLICAS), min_size=1, unique=True))
    monitors = draw(st.lists(st.sampled_from(MONITORS), unique=True))
    hashes = ["a"] if one_content else ["a", "b"]
    replicas = []
    for place, name in enumerate(alive):
        own = monitors if one_content else draw(st.lists(st.sampled_from(MONITORS), unique=True))
        files = {monitor: draw(st.sampled_from(hashes)) for monitor in own}
        hindered = frozenset() if one_content else frozenset(draw(st.sets(st.sampled_from(MONITORS))))
        replicas.append(LiveReplica(name, float(place), files, hindered))
    leases = {
        monitor: LeaseState(draw(st.sampled_from([None, *alive])), draw(st.sampled_from(hashes)))
        for monitor in draw(st.lists(st.sampled_from(MONITORS), unique=True))
    }
    return replicas, leases


def _loads(replicas: list[LiveReplica], shares: dict[str, str]) -> list[int]:
    counted = Counter(shares.values())
    return [counted[replica.id] for replica in replicas]


@given(sharings(one_content=True))
def test_equal_replicas_differ_by_one_monitor_at_most(sharing: Sharing) -> None:
    """Each monitor has one holder, and no replica has two more than another."""
    replicas, leases = sharing
    shares = shared_out(replicas, leases)
    assert shares.keys() == replicas[0].files.keys()
    loads = _loads(replicas, shares)
    assert max(loads) - min(loads) <= 1


@given(sharings(one_content=True))
def test_no_more_moves_than_balance_takes(sharing: Sharing) -> None:
    """Only what a replica holds above its quota goes to another; the largest quotas go to the fullest."""
    replicas, leases = sharing
    shares = shared_out(replicas, leases)
    held = {m: lease.holder for m, lease in leases.items() if lease.holder and m in shares}
    before = sorted((list(held.values()).count(replica.id) for replica in replicas), reverse=True)
    low, larger = divmod(len(shares), len(replicas))
    quotas = [low + 1] * larger + [low] * (len(replicas) - larger)
    needed = sum(max(0, has - quota) for has, quota in zip(before, quotas, strict=True))
    assert sum(shares[monitor] != holder for monitor, holder in held.items()) == needed


@given(sharings(), st.randoms(use_true_random=False))
def test_every_replica_computes_the_same(sharing: Sharing, random: Random) -> None:
    """The order in which the database lists replicas and leases plays no part."""
    replicas, leases = sharing
    mixed = random.sample(replicas, len(replicas))
    assert shared_out(mixed, dict(random.sample(list(leases.items()), len(leases)))) == shared_out(
        replicas, leases
    )


@given(sharings())
def test_only_the_content_that_counts_is_held(sharing: Sharing) -> None:
    """The last holder's content counts while a live replica has it; all others are refused."""
    replicas, leases = sharing
    shares, may_hold = shared_out(replicas, leases), eligible(replicas, leases)
    files = {replica.id: replica.files for replica in replicas}
    assert shares.keys() == {monitor for own in files.values() for monitor in own}
    for monitor, holder in shares.items():
        assert holder in may_hold[monitor]
        contents = {files[one][monitor] for one in may_hold[monitor]}
        assert len(contents) == 1
        offered = {own[monitor] for own in files.values() if monitor in own}
        if monitor in leases and leases[monitor].file_hash in offered:
            assert contents == {leases[monitor].file_hash}
    for replica in replicas:
        refused = set(part_of(replica.id, replicas, leases).refused)
        counts = {monitor: files[min(holders)][monitor] for monitor, holders in may_hold.items()}
        assert refused == {m for m, content in replica.files.items() if content != counts[m]}


@given(sharings())
def test_one_that_is_hindered_leaves_its_monitors_to_the_able(sharing: Sharing) -> None:
    """It holds one only where every replica with that content is hindered; else it says that it leaves it."""
    replicas, leases = sharing
    may_hold = eligible(replicas, leases)
    for monitor, holders in may_hold.items():
        content = next(each.files[monitor] for each in replicas if each.id in holders)
        offering = [each for each in replicas if each.files.get(monitor) == content]
        able = {each.id for each in offering if monitor not in each.hindered}
        assert holders == (able or {each.id for each in offering})
        for each in offering:
            leaves = monitor in part_of(each.id, replicas, leases).hindered
            assert leaves == (each.id not in holders)


@given(sharings())
def test_acting_on_ones_own_part_arrives_there_and_stays(sharing: Sharing) -> None:
    """Giving up and then taking brings every monitor to its holder, and then nobody does anything more."""
    replicas, leases = sharing
    for _ in range(3):
        for replica in replicas:
            part = part_of(replica.id, replicas, leases)
            for monitor in part.give_up:
                leases[monitor] = LeaseState(None, leases[monitor].file_hash)
            for monitor in part_of(replica.id, replicas, leases).take:
                leases[monitor] = LeaseState(replica.id, replica.files[monitor])
    parts = [part_of(replica.id, replicas, leases) for replica in replicas]
    assert all(not part.give_up and not part.take for part in parts)
    shares = shared_out(replicas, leases)
    assert all(leases[monitor].holder == holder for monitor, holder in shares.items())
