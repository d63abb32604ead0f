"""Replicas join, leave, die and differ: who holds what then, with cycles that only keep count."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import asyncpg
import pytest
from structlog.testing import capture_logs

from service.core.time_units import SECOND, to_microseconds
from service.runtime.clock import now
from service.store.embedded.server import EmbeddedServer
from service.store.leases import leases
from service.store.leases.elsewhere import progress
from service.store.leases.fence import OneFence
from service.store.pool import open_pool
from service.store.postgres import PostgresStore
from service.wiring.leases.elsewhere import refusals
from service.wiring.leases.keeper import LeaseKeeper
from tests.conftest import as_admin
from tests.integration.store.test_store_commit import START, record

HOUR = 3_600 * SECOND
SIX = {f"m{number}": "a" for number in range(6)}


@dataclass
class Cycles:
    """What a replica runs; a monitor ends once `may_end` is set."""

    files: dict[str, str] = field(default_factory=lambda: dict(SIX))
    running: dict[str, int | None] = field(default_factory=dict)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    def file_hashes(self) -> Mapping[str, str]:
        return self.files

    async def begin(self, name: str, *, after: int | None) -> None:
        self.running[name] = after

    async def end(self, name: str) -> None:
        await self.may_end.wait()
        self.running.pop(name, None)


class Replica:
    """A keeper, by name, with its cycles."""

    def __init__(
        self, pool: asyncpg.Pool, name: str, files: Mapping[str, str] = SIX, *, ahead_us: int = 0
    ) -> None:
        self.pool = pool
        self.cycles = Cycles(dict(files))
        self.cycles.may_end.set()
        self.keeper = LeaseKeeper(
            pool,
            leases.Identity(name, f"{name}:1", ""),
            lease_seconds=60.0,
            duties=["webhook"],
            wall=lambda: now() + ahead_us,
        )

    async def beat(self) -> set[str]:
        """Beat once, let what began or ended do so, and return what runs."""
        await self.keeper.beat(self.cycles)
        if self.cycles.may_end.is_set():
            await self.keeper.settled()
        return set(self.cycles.running)

    async def dies(self) -> None:
        await self.pool.execute(
            "UPDATE tidegauge.replica SET expires_at = clock_timestamp() WHERE id = $1", self.keeper.own.id
        )


async def test_one_alone_holds_all_at_its_first_beat(pool: asyncpg.Pool) -> None:
    """Nothing is waited for, and each grid is its own, whatever ran before."""
    await PostgresStore(pool).record_skipped("m0", START, 1, first=START)
    one = Replica(pool, "one")
    assert await one.beat() == set(SIX)
    assert one.cycles.running == dict.fromkeys(SIX)
    assert one.keeper.duty("webhook") is not None


async def test_a_second_one_gets_half_once_running_cycles_ended(pool: asyncpg.Pool) -> None:
    """It waits for the cycles of the first; the monitors that change hands are no more than needed."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    await one.beat()
    assert await two.beat() == set()
    one.cycles.may_end.clear()
    await one.beat()
    assert await two.beat() == set()  # its leases are held until then
    assert len(one.cycles.running) == 6
    one.cycles.may_end.set()
    await one.keeper.settled()
    assert len(await one.beat()) == 3
    assert len(await two.beat()) == 3
    assert not one.cycles.running.keys() & two.cycles.running.keys()
    assert two.keeper.duty("webhook") is None
    for replica in (one, two):  # nothing moves any more
        assert len(await replica.beat()) == 3


async def test_the_grid_of_a_monitor_goes_on_where_it_changes_hands(pool: asyncpg.Pool) -> None:
    """The last slot in the log of cycles is handed to the one who takes over."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    await one.beat()
    for monitor in SIX:
        await PostgresStore(pool, fences=one.keeper).record_skipped(monitor, START, 1, first=START)
    await two.beat()
    await one.beat()
    await two.beat()
    assert len(two.cycles.running) == 3
    assert set(two.cycles.running.values()) == {START}


async def test_one_that_died_is_taken_over_and_fenced_off(pool: asyncpg.Pool) -> None:
    """Its monitors and its duty go to the other; when it wakes up it drops them, and gets its share again."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    stale = {monitor: one.keeper.fence(monitor) for monitor in one.cycles.running}
    await one.dies()
    assert await two.beat() == set(SIX)
    assert two.keeper.duty("webhook") is not None
    assert await one.beat() == set()
    assert one.keeper.duty("webhook") is None
    for monitor, fence in stale.items():
        assert fence is not None
        taken = two.keeper.fence(monitor)
        assert taken is not None
        assert taken.number > fence.number
    for replica in (two, one):
        await replica.beat()
    assert len(one.cycles.running) == len(two.cycles.running) == 3


async def test_after_an_outage_each_goes_on_with_what_it_had(pool: asyncpg.Pool) -> None:
    """All leases have run out; the first that is back leaves the others the time to renew theirs."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    before = dict(one.cycles.running), dict(two.cycles.running)
    for replica in (one, two):
        await replica.dies()
    for replica in (one, two, one, two):
        await replica.beat()
    assert (one.cycles.running, two.cycles.running) == before


async def test_one_that_leaves_gives_everything_back(pool: asyncpg.Pool) -> None:
    """The others need not wait for its leases to run out, and it is listed no more."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    await one.keeper.leave()
    assert await two.beat() == set(SIX)
    assert await leases.holders(pool) == dict.fromkeys(SIX, "two:1")


async def test_a_replica_with_another_file_is_refused_until_it_is_alone(pool: asyncpg.Pool) -> None:
    """The holder's file counts while it lives; who is refused, and for whose file, is said."""
    one, two = Replica(pool, "one"), Replica(pool, "two", {**SIX, "m0": "b"})
    for replica in (one, two, one, two):
        await replica.beat()
    assert "m0" in one.cycles.running
    assert two.keeper.part.refused == ("m0",)
    assert await leases.refused_files(pool) == [leases.RefusedFile("m0", "two:1", "one:1")]
    assert two.keeper.seen is not None
    said = refusals(two.keeper.seen, two.keeper.part)["m0"]
    assert said.startswith("m0: its file here is not the one that one:1, which measures it, has; give all")
    await one.keeper.leave()
    assert await two.beat() == set(SIX)
    assert two.keeper.part.refused == ()


async def test_an_edit_of_the_holders_file_makes_its_new_content_count(pool: asyncpg.Pool) -> None:
    """The other replica is refused until it has the edit as well; nothing changes hands."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    (own, *_) = sorted(one.cycles.running)
    one.cycles.files[own] = "edited"
    await one.beat()
    await two.beat()
    assert two.keeper.part.refused == (own,)
    two.cycles.files[own] = "edited"
    await two.beat()
    assert two.keeper.part.refused == ()
    assert own in one.cycles.running


async def test_a_monitor_without_a_file_is_dropped(pool: asyncpg.Pool) -> None:
    """Its lease goes with it, and one that comes back later starts a grid of its own."""
    one = Replica(pool, "one")
    await one.beat()
    await PostgresStore(pool, fences=one.keeper).record_skipped("m0", START, 1, first=START)
    del one.cycles.files["m0"], one.cycles.running["m0"]  # as the wiring does it
    await one.beat()
    assert one.keeper.fence("m0") is None
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.lease WHERE monitor = 'm0'") == 0
    one.cycles.files["m0"] = "a"
    await one.beat()
    assert one.cycles.running["m0"] is None


async def test_how_the_cycles_of_others_go_is_read_from_their_log(pool: asyncpg.Pool) -> None:
    """The last good cycle, the failures since and their error; another row after every cycle."""
    one = Replica(pool, "one", {"flights": "a"})
    await one.beat()
    store = PostgresStore(pool, fences=OneFence(one.keeper.fence("flights")))
    assert await store.commit(record(1))
    (good,) = await progress(pool, ["flights"])
    assert (good.cycles, good.failures, good.error, good.ended, good.waits) == (1, 0, "", False, "")
    assert good.last_good is not None
    assert to_microseconds(good.last_good) > START
    for _ in range(2):
        await store.record_failed("flights", START, START, "oh", seconds=0.1)
    (failed,) = await progress(pool, ["flights"])
    assert (failed.failures, failed.error, failed.last_good) == (2, "oh", good.last_good)
    assert failed.newest != good.newest
    assert [each.last_good for each in await progress(pool, ["unknown"])] == [None]


async def test_a_clock_that_is_set_wrongly_moves_no_grid(pool: asyncpg.Pool) -> None:
    """Grids go by the database's clock, which all replicas share; that the own differs is said once."""
    one, two = Replica(pool, "one", ahead_us=-HOUR), Replica(pool, "two", ahead_us=HOUR)
    with capture_logs() as logs:
        for replica in (one, two, one, two):
            await replica.beat()
    shown = await leases.clock(pool)
    assert abs(one.keeper.now() - shown) < SECOND
    assert abs(two.keeper.now() - shown) < SECOND
    said = [each["seconds"] for each in logs if each["event"] == "clock differs from the database's"]
    assert said == [pytest.approx(-3_600, abs=1), pytest.approx(3_600, abs=1)]


async def test_a_replica_that_cannot_read_a_source_leaves_it_to_another(pool: asyncpg.Pool) -> None:
    """It gives the monitor up, says why, and takes it again where no other replica could."""
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    (lost, *_) = sorted(one.cycles.running)
    one.keeper.hindrances = lambda: {lost: "/data/in is not there"}
    for replica in (one, two, one, two):
        await replica.beat()
    assert lost in two.cycles.running
    assert (one.keeper.part.hindered, one.keeper.part.refused) == ((lost,), ())
    assert await leases.hindered(pool) == [leases.HinderedReplica(lost, "one:1", "/data/in is not there")]
    await two.keeper.leave()
    assert lost in await one.beat()  # its cycles fail, and say why
    assert await leases.hindered(pool) == []


async def test_a_file_that_is_deleted_while_its_holder_is_dead_is_noted(pool: asyncpg.Pool) -> None:
    """By whoever saw it go, once no live replica holds or defines the monitor; else it would seem silent."""
    gone = "SELECT monitor FROM tidegauge.monitor WHERE file_gone_at IS NOT NULL"
    one, two = Replica(pool, "one"), Replica(pool, "two")
    for replica in (one, two, one, two):
        await replica.beat()
    (lost, *_) = sorted(one.cycles.running)
    del two.cycles.files[lost]
    await two.beat()
    assert await pool.fetch(gone) == []  # its holder measures it
    await one.dies()
    for _ in range(2):
        await two.beat()
    assert [row["monitor"] for row in await pool.fetch(gone)] == [lost]
    assert await pool.fetchval("SELECT count(*) FROM tidegauge.lease WHERE monitor = $1", lost) == 0


async def test_connections_that_lead_to_a_standby_are_replaced(
    server: EmbeddedServer, database_url: str, pool: asyncpg.Pool
) -> None:
    """After a failover they would stay as they are for good: old sessions only read here, new ones write."""
    setting = f"ALTER ROLE tidegauge IN DATABASE {urlsplit(database_url).path[1:]} "
    await as_admin(server, f"{setting} SET default_transaction_read_only = on")
    stale, further = [await open_pool(database_url, largest=2) for _ in range(2)]
    await as_admin(server, f"{setting} RESET ALL")
    keeper = LeaseKeeper(stale, leases.Identity("one", "one:1", ""), lease_seconds=0.6)
    keeper.further_pools = (further,)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await further.execute("CREATE TABLE public.made ()")
    working = asyncio.create_task(keeper.work(Cycles()))
    try:
        async with asyncio.timeout(30):
            while len(await leases.holders(pool)) < len(SIX):  # noqa: ASYNC110  # it says so by no event
                await asyncio.sleep(0.02)
        await further.execute("CREATE TABLE public.made ()")
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await stale.close()
        await further.close()
