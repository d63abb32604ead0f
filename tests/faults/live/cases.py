"""The fault runs by name: each sends rows and labels through a fault, and gives what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.faults.live import faults
from tests.faults.live.scenario import stream
from tests.faults.live.statements import CYCLES_WHEN_STARTED, SWEEPS, Killer, at_appends, kinds, play, swept
from tests.integration.inbox.proxy import Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from tests.faults.live.faults import Fault
    from tests.faults.live.ground import Ground
    from tests.faults.live.scenario import Request
    from tests.faults.live.scene import Outcome
    from tests.faults.live.statements import Aim

REQUESTS = 24
RANDOM_KILLS = 25  # of a run, five of them of Postgres
RANDOM_RUNS = 10
SWEEP_PATIENCE = 900.0


@dataclass
class Told:
    """What is told of a run as well as its outcome."""

    kills: int = 0
    places: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Case:
    """A fault run: its name, how it runs, and the run in peace that it is compared with, by name."""

    name: str
    run: Callable[[Ground, Told], Awaitable[Outcome]]
    peace: str


def at_statements(name: str, aims: Callable[[str], Iterator[Aim]]) -> Case:
    """Return the run in which the service is killed at statements."""

    async def run(ground: Ground, told: Told) -> Outcome:
        async with ground.scene(**CYCLES_WHEN_STARTED) as running:
            killer = Killer(running, aims)
            running.proxy.watch, running.patience = killer, SWEEP_PATIENCE
            try:
                return await play(running)
            finally:
                told.kills, told.places = running.kills, killer.met

    return Case(f"kill -9 at statements: {name}", run, "play")


def in_stream(name: str, *steps: Fault) -> Case:
    """Return the run in which faults come between parts of a stream."""

    async def run(ground: Ground, _: Told) -> Outcome:
        async with ground.scene() as running:
            return await faults.played(running, stream(REQUESTS, 1), *steps)

    return Case(name, run, f"stream {REQUESTS} 1")


def at_random(seed: int, kills: int = RANDOM_KILLS) -> Case:
    """Return the run in which the service and Postgres are killed at random moments."""
    count = kills * 5

    async def run(ground: Ground, told: Told) -> Outcome:
        async with ground.scene() as running:
            requests = stream(count, seed)
            killed = faults.killed_at_random(running, requests, kills=kills, seed=seed, server=ground.server)
            try:
                return await killed
            finally:
                told.kills = kills

    return Case(f"kill -9 at random, seed {seed}", run, f"stream {count} {seed}")


async def _full_disk(ground: Ground, _: Told) -> Outcome:
    async with ground.scene() as running:
        return await faults.full_disk(running, stream(2 * REQUESTS, 2))


async def _slow_disk(ground: Ground, _: Told) -> Outcome:
    return await faults.slow_disk(ground, stream(REQUESTS, 1))


async def _jumping_clock(ground: Ground, _: Told) -> Outcome:
    return await faults.jumping_clock(ground, stream(REQUESTS, 1))


LATENCY = in_stream("latency", faults.slow)
HANG = in_stream("hang", faults.hanging)
CUT = in_stream("cut inside a message", faults.cut_inside, faults.cut_inside, faults.cut_inside)
LOST_APPEND = in_stream("the answer to a commit of rows lost", faults.losing_appends, faults.losing_appends)
LOST_CYCLE = in_stream("the answer to a cycle's commit lost", faults.losing_cycles, faults.losing_cycles)
AWAY = in_stream("away", faults.gone, faults.gone)
FULL_DISK = Case("full disk", _full_disk, f"stream {2 * REQUESTS} 2")
SLOW_DISK = Case("slow disk", _slow_disk, f"stream {REQUESTS} 1")
JUMPING_CLOCK = Case("jumping clock", _jumping_clock, f"stream {REQUESTS} 1")
ONE_OF_EACH_KIND = at_statements("one of each kind", kinds)

ALL: Sequence[Case] = (
    ONE_OF_EACH_KIND,
    LATENCY,
    HANG,
    CUT,
    LOST_APPEND,
    LOST_CYCLE,
    AWAY,
    FULL_DISK,
    SLOW_DISK,
    JUMPING_CLOCK,
    at_statements("taking rows and labels in", at_appends),
    *(at_statements(f"{name}, {stop.value}", swept(name, stop)) for stop in Stop for name in SWEEPS),
    *(at_random(seed) for seed in range(1, RANDOM_RUNS + 1)),
)


async def in_peace(ground: Ground, name: str) -> Outcome:
    """Return the outcome of an undisturbed run."""
    async with ground.scene(**(CYCLES_WHEN_STARTED if name == "play" else {})) as running:
        if name == "play":
            return await play(running)
        return await faults.undisturbed(running, _stream_of(name))


def _stream_of(name: str) -> list[Request]:
    _, count, seed = name.split()
    return stream(int(count), int(seed))
