"""`python -m tests.benchmarks.loop_holds` runs the demo's monitors and says what held the event loop.

Every callback that the loop runs is timed by the clock, which is what others wait. Beside it stands how much
of that was the callback's own CPU time, and how long threads of this process were ready and waited for a
processor, added up: on a busy machine that is others' doing. The rest is waiting for the interpreter's lock.
Where a callback takes long, a second thread notes what was done meanwhile.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
import threading
import time
import traceback
from asyncio.events import Handle
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_SECONDS = 0.010
SAMPLE_SECONDS = 0.004
MOST = 10


@dataclass(slots=True)
class Hold:
    """What took long: when (seconds since the start), how long, and what that was made of (seconds)."""

    at: float
    seconds: float
    what: str
    cpu_seconds: float = 0.0
    queued_seconds: float = 0.0
    doing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        parts = f"{self.cpu_seconds * 1e3:.1f} CPU, {self.queued_seconds * 1e3:.1f} queued"
        head = f"{self.seconds * 1e3:6.1f} ms ({parts}) at {self.at:.2f} s: {self.what}"
        return "\n".join([head, *(f"          {place}" for place in dict.fromkeys(self.doing))])


@dataclass(slots=True)
class Holds:
    """What was seen: how many callbacks, the long ones, and long collections of garbage in any thread."""

    callbacks: int = 0
    long: list[Hold] = field(default_factory=list)
    collections: list[Hold] = field(default_factory=list)
    running: float | None = None  # since when a callback has run, None between two
    doing: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        ordered = sorted(self.long, key=lambda hold: -hold.seconds)
        lines = [f"{self.callbacks} callbacks, {len(ordered)} of {LONG_SECONDS * 1e3:.0f} ms and more"]
        return "\n".join([*lines, *map(str, ordered[:MOST]), "collections", *map(str, self.collections)])


class Queue:
    """How long this process's threads have been ready and waiting for a processor (Linux; else 0)."""

    def __init__(self) -> None:
        self._files: dict[int, int] = {}

    def seconds(self) -> float:
        if threading.active_count() > len(self._files) and Path("/proc/self/task").exists():
            for thread in (int(path.name) for path in Path("/proc/self/task").iterdir()):
                if thread not in self._files:
                    self._files[thread] = os.open(f"/proc/self/task/{thread}/schedstat", os.O_RDONLY)
        return sum(map(self._of, self._files.values())) / 1e9

    @staticmethod
    def _of(file: int) -> int:
        try:
            return int(os.pread(file, 100, 0).split()[1])
        except OSError:  # the thread has ended
            return 0


@contextmanager
def watched() -> Iterator[Holds]:
    """Time every callback of every loop of this thread while the context lasts."""
    holds, begun, done = Holds(), time.perf_counter(), threading.Event()
    plain = vars(Handle)["_run"]
    sampler = threading.Thread(target=_sample, args=[holds, threading.get_ident(), done], name="sampler")
    collecting = _collecting(holds, begun)
    vars(asyncio.events)["Handle"]._run = _timed(holds, plain, begun)
    gc.callbacks.append(collecting)
    sampler.start()
    try:
        yield holds
    finally:
        done.set()
        sampler.join()
        gc.callbacks.remove(collecting)
        vars(asyncio.events)["Handle"]._run = plain


def _timed(holds: Holds, plain: Any, begun: float) -> Any:
    queue = Queue()

    def run(handle: Any) -> None:
        what, holds.doing = _name(handle), []
        holds.callbacks += 1
        queued, cpu = queue.seconds(), time.thread_time()
        started = holds.running = time.perf_counter()
        plain(handle)
        holds.running, seconds = None, time.perf_counter() - started
        if seconds >= LONG_SECONDS:
            cpu, queued = time.thread_time() - cpu, queue.seconds() - queued
            holds.long.append(Hold(started - begun, seconds, what, cpu, queued, [*holds.doing]))

    return run


def _collecting(holds: Holds, begun: float) -> Any:
    started = cpu = 0.0

    def count(phase: str, details: dict[str, int]) -> None:
        nonlocal started, cpu
        if phase == "start":
            started, cpu = time.perf_counter(), time.thread_time()
            return
        seconds = time.perf_counter() - started
        if seconds >= LONG_SECONDS:
            what = f"generation {details['generation']} in {threading.current_thread().name}"
            holds.collections.append(Hold(started - begun, seconds, what, time.thread_time() - cpu))

    return count


def _sample(holds: Holds, loop: int, done: threading.Event) -> None:
    own = threading.get_ident()
    while not done.wait(SAMPLE_SECONDS):
        since = holds.running
        if since is None or time.perf_counter() - since < LONG_SECONDS / 2:
            continue
        names = {thread.ident: thread.name for thread in threading.enumerate()} | {loop: "loop"}
        for ident, frame in sys._current_frames().items():
            place = _where(frame)
            if ident != own and not place.endswith("_worker"):  # which waits for work
                holds.doing.append(f"{names.get(ident, ident)}: {place}")


def _where(frame: Any) -> str:
    kept = [
        f"{Path(entry.filename).stem}:{entry.lineno} {entry.name}"
        for entry in traceback.extract_stack(frame)
        if "asyncio" not in entry.filename and "loop_holds" not in entry.filename
    ]
    return " > ".join(kept[-4:])


def _name(handle: Any) -> str:
    owner = getattr(handle._callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return f"task {owner.get_name()}"
    return getattr(handle._callback, "__qualname__", repr(handle._callback))


def main() -> None:
    """Run the monitors of the monitors' folder, cycles back to back, and print what held the loop."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--cycles", type=int, default=150)
    cycles = parser.parse_args().cycles
    # As the command does: what is imported before the loop runs holds nothing.
    from service.config import monitor_file  # noqa: PLC0415
    from service.config.settings import Settings  # noqa: PLC0415
    from service.runtime import logs  # noqa: PLC0415
    from service.wiring import app  # noqa: PLC0415

    settings = Settings(cycle_seconds=0, max_cycles=cycles, http_port=0)
    logs.configure(log_format="console", level="error")
    monitors = monitor_file.load_all(settings.monitors_dir, settings.data_dir)
    with watched() as holds:
        status = asyncio.run(app.run(settings, monitors, max_cycles=cycles))
    print(holds)  # noqa: T201 - what it is run for
    raise SystemExit(status)


if __name__ == "__main__":
    main()
