"""Several processes of one program: restarted when they die, stopped together, ended with their parent."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from service.runtime import worker_group
from service.runtime.worker_group import WorkerGroup

# Notes its start in a file, then waits for its input to end or for a signal.
STEADY = "import pathlib, sys; pathlib.Path(sys.argv[1]).open('a').write('.'); sys.stdin.read()"
CLEAN = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); " + STEADY


async def _until_starts(path: Path, count: int) -> None:
    def wait() -> None:
        deadline = time.monotonic() + 60
        while not path.exists() or len(path.read_text()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)

    await asyncio.to_thread(wait)


@pytest.mark.slow
async def test_one_that_dies_is_restarted_and_all_stop_cleanly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed process comes back by itself; after a stop each has had the chance to end as it wants."""
    monkeypatch.setattr(worker_group, "FIRST_RETRY_SECONDS", 0.05)
    group = WorkerGroup(lambda number: [sys.executable, "-c", CLEAN, str(tmp_path / f"{number}")], 2)
    stop = asyncio.Event()
    running = asyncio.create_task(group.run(stop))
    for number in (1, 2):
        await _until_starts(tmp_path / str(number), 1)
    group._running[1].send_signal(signal.SIGKILL)
    await _until_starts(tmp_path / "1", 2)
    await _until_starts(tmp_path / "2", 1)
    stop.set()
    async with asyncio.timeout(30):
        assert await running == 0


@pytest.mark.slow
@pytest.mark.parametrize("other", [CLEAN, STEADY], ids=["listens", "ended by the signal"])
async def test_a_fatal_status_ends_them_all(tmp_path: Path, other: str) -> None:
    """What another start would not change is not tried again; the others are stopped."""

    def command(number: int) -> list[str]:
        program = "raise SystemExit(2)" if number == 1 else other
        return [sys.executable, "-c", program, str(tmp_path / "other")]

    async with asyncio.timeout(30):
        assert await WorkerGroup(command, 2, fatal=(2,)).run(asyncio.Event()) == 2
