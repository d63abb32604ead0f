"""The worker process: what it gives back, how it fails, when it starts and ends."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from service.errors import WorkerError
from service.worker.client import Worker, worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CALLS = "tests.unit.worker.calls"


@pytest_asyncio.fixture
async def ours() -> AsyncIterator[Worker]:
    async with worker() as started:
        yield started


async def test_every_call_draws_the_same_in_every_process(ours: Worker) -> None:
    """Random numbers and the order of a set do not depend on what was asked before, nor on the process."""
    first = await ours.run(f"{CALLS}:draws")
    again = await ours.run(f"{CALLS}:draws")
    await ours.stop()
    assert first == again == await ours.run(f"{CALLS}:draws")


async def test_no_process_runs_before_the_first_call_and_after_closing() -> None:
    """A worker that nobody asks never starts, and one that was asked ends with its context."""
    async with worker() as ours:
        assert ours.pid is None
        await ours.run(f"{CALLS}:draws")
        pid = ours.pid
        assert pid is not None
    assert ours.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_a_function_raises_is_told_and_the_process_stays(ours: Worker) -> None:
    """An exception comes back as its text, and the next call is answered by the same process."""
    with pytest.raises(WorkerError, match="ValueError: no rows"):
        await ours.run(f"{CALLS}:refuse", "rows")
    with pytest.raises(WorkerError, match="ModuleNotFoundError"):
        await ours.run("no.such:thing")
    pid = ours.pid
    assert await ours.run(f"{CALLS}:environment", "DO_NOT_TRACK") == "1"
    assert ours.pid == pid


async def test_a_killed_process_fails_one_call_alone(ours: Worker) -> None:
    """The call whose process dies says so, and the next one has a new process."""
    with pytest.raises(WorkerError, match="died"):
        await ours.run(f"{CALLS}:die")
    assert await ours.run(f"{CALLS}:echo", b"x") == b"x"


async def test_a_call_that_outlasts_its_time_is_given_up(ours: Worker) -> None:
    """It is told by name, its process is ended, and the next call has a new one."""
    await ours.run(f"{CALLS}:echo", b"")
    pid = ours.pid
    with pytest.raises(WorkerError, match=r"in time: .*calls:never"):
        await ours.run(f"{CALLS}:never", seconds=0.01)
    assert await ours.run(f"{CALLS}:echo", b"x") == b"x"
    assert ours.pid != pid


async def test_an_answer_that_nobody_waits_for_meets_no_other_question(ours: Worker) -> None:
    """After a cancelled call the next one gets its own answer."""
    await ours.run(f"{CALLS}:echo", b"")
    call = asyncio.create_task(ours.run(f"{CALLS}:never"))
    while not ours._turn.locked():  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await ours.run(f"{CALLS}:echo", b"mine") == b"mine"


async def test_calls_at_once_are_answered_each_with_its_own(ours: Worker) -> None:
    """Calls take turns at the one process, large messages and a chatty library included."""
    contents = [bytes([index]) * 300_000 for index in range(4)]
    asked = [ours.run(f"{CALLS}:echo", content) for content in contents]
    answers = await asyncio.gather(*asked, ours.run(f"{CALLS}:chatter"))
    assert answers == [*contents, 5_000_000]


async def test_the_process_knows_none_of_the_service_s_secrets(
    ours: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's own variables, the database's password among them, do not reach it."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", "postgresql://user:secret@nowhere/db")
    assert await ours.run(f"{CALLS}:environment", "TIDEGAUGE_DATABASE_URL") is None


async def test_the_process_ends_when_the_service_is_gone(ours: Worker) -> None:
    """A closed pipe is all it needs, as after a kill of the service."""
    await ours.run(f"{CALLS}:echo", b"")
    process = ours._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0
