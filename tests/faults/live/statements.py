"""`kill -9` between any two statements that the service sends: every statement of a run, one run for each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from tests.faults.live.scenario import AWAY, FIRST, LAST
from tests.integration.inbox.proxy import Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.live.scene import Outcome, Scene

APPENDS = "INSERT INTO tidegauge.inbox_batch"
READS = "SELECT id, kind, received_at"  # a cycle reads the inbox
CYCLE_PATIENCE_SECONDS = 30  # for a life that is not killed to measure what waits
SHOWN = 80  # characters of a statement


@dataclass(frozen=True)
class Aim:
    """A statement of one life of the service, at which it is killed.

    - `stop`: before it, or behind it
    - `number`: the how-manieth one that has `text`
    - `since`: counted from the first one that has this text
    """

    stop: Stop
    number: int = 1
    text: str = ""
    since: str = ""


@dataclass
class Killer:
    """Stops once in each life of the service, where the next aim of the phase says so.

    - `aims`: the aims of a phase, one for each life
    - `met`: where it has stopped
    """

    running: Scene
    aims: Callable[[str], Iterator[Aim]]
    met: list[str] = field(default_factory=list)
    _phase: str = ""
    _left: Iterator[Aim] = field(default_factory=lambda: iter(()))
    _aim: Aim | None = None
    _life: int = 0
    _seen: int = 0
    _counts: bool = False

    def __call__(self, text: str) -> Stop | None:
        """Return where to stop, if this is the statement."""
        running = self.running
        if running.phase != self._phase:
            self._phase, self._left, self._life = running.phase, self.aims(running.phase), 0
        if running.service.starts != self._life:
            self._life, self._seen, self._counts = running.service.starts, 0, False
            self._aim = next(self._left, None)
        aim = self._aim
        if aim is None or not self._is_counted(aim, text) or aim.text not in text:
            return None
        self._seen += 1
        if self._seen != aim.number:
            return None
        self._aim = None
        self.met.append(f"{running.phase}: {aim.stop.value} {text[:SHOWN]}")
        return aim.stop

    def _is_counted(self, aim: Aim, text: str) -> bool:
        if not self._counts:
            self._counts = aim.since in text
        return self._counts


def sweep(stop: Stop, since: str = "") -> Iterator[Aim]:
    """Kill the first life at its first statement, the next one at its second, and so on."""
    return (Aim(stop, number, since=since) for number in count(1))


# Each is a run: in one phase the service is killed at every statement from the first one with a text on. The
# first life ends at that statement, the next one at the second, until the phase's work is done all the same.
SWEEPS: dict[str, tuple[str, str]] = {
    "measuring rows and labels": ("measure", READS),
    "measuring what was drained, from the start on": ("measure the drained", ""),
    "measuring labels and late rows": ("measure the last", READS),
    "draining": ("drain", ""),
}


def swept(name: str, stop: Stop) -> Callable[[str], Iterator[Aim]]:
    """Return the aims of a sweep."""
    phase, since = SWEEPS[name]
    return lambda found: sweep(stop, since) if found == phase else iter(())


def at_appends(phase: str) -> Iterator[Aim]:
    """Kill at each statement of the transaction that keeps a request, before it and behind it."""
    if phase.startswith(("send", "lose")):
        for stop in Stop:
            yield Aim(stop, text="INSERT INTO tidegauge.inbox_key")
            yield Aim(stop, text=APPENDS)
            yield Aim(stop, text="COMMIT", since=APPENDS)


# One of each kind, for a run that is short.
KINDS: dict[str, list[Aim]] = {
    "send 0": [
        Aim(Stop.BEFORE, text="INSERT INTO tidegauge.inbox_key"),
        Aim(Stop.AFTER, text=APPENDS),
        Aim(Stop.AFTER, text="COMMIT", since=APPENDS),
    ],
    "measure": [
        Aim(Stop.BEFORE, text="DELETE FROM tidegauge.inbox_batch"),
        Aim(Stop.BEFORE, text="COMMIT", since="INSERT INTO tidegauge.cycle_log"),
        Aim(Stop.AFTER, text="COMMIT", since="DELETE FROM tidegauge.inbox_batch"),
    ],
    "drain": [
        Aim(Stop.AFTER, text="pg_xact_status"),
        Aim(Stop.BEFORE, text="COMMIT", since=APPENDS),
        Aim(Stop.AFTER, text="COMMIT", since=APPENDS),
    ],
}


def kinds(phase: str) -> Iterator[Aim]:
    """Return the aims of a phase, one of each kind."""
    return iter(KINDS.get(phase, ()))


# One cycle at each start: what waits is measured when the run says so, and not sooner.
CYCLES_WHEN_STARTED = {"TIDEGAUGE_CYCLE_SECONDS": "3600"}


async def play(running: Scene) -> Outcome:
    """Send rows and labels with the database there, an answer lost, and the database away.

    Returns what came of it.
    """
    await running.send(FIRST, "send")
    await _measured(running, "measure")
    proxy = running.proxy
    proxy.loses_commits_of, proxy.loses_commits = APPENDS, 1
    await running.send(AWAY[:1], "lose the answer")
    proxy.loses_commits = 0
    proxy.cut()
    await running.send(AWAY[1:], "away")
    running.phase = "drain"
    proxy.open()
    async with asyncio.timeout(running.patience):
        while running.files:  # noqa: ASYNC110  # a folder says so by no event
            await asyncio.sleep(0.02)
    await _measured(running, "measure the drained")
    await running.send(LAST, "send the last")
    await _measured(running, "measure the last")
    return await running.outcome()


async def _measured(running: Scene, phase: str) -> None:
    running.phase = phase
    waiting = asyncio.create_task(running.settled(phase))
    while not waiting.done():
        if not running.proxy.stopped.is_set():
            await running.restart()
        await asyncio.wait([waiting], timeout=CYCLE_PATIENCE_SECONDS)
    await waiting
