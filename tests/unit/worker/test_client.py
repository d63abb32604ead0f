"""The worker process: what it gives back, how it fails, when it starts and ends."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from service.errors import WorkerError
from service.worker.client import Worker, worker
from tests.unit.worker import calls
from tests.unit.worker.calls import Asked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest_asyncio.fixture
async def ours() -> AsyncIterator[Worker]:
    async with worker(calls) as started:
        yield started


async def test_every_call_draws_the_same_in_every_process(ours: Worker) -> None:
    """Random numbers and the order of a set do not depend on what was asked before, nor on the process."""
    first = await ours.run(Asked.DRAWS)
    again = await ours.run(Asked.DRAWS)
    await ours.stop()
    assert first == again == await ours.run(Asked.DRAWS)


async def test_no_process_runs_before_the_first_call_and_after_closing() -> None:
    """A worker that nobody asks never starts, and one that was asked ends with its context."""
    async with worker(calls) as ours:
        assert ours.pid is None
        await ours.run(Asked.DRAWS)
        pid = ours.pid
        assert pid is not None
    assert ours.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_a_function_raises_is_told_and_the_process_stays(ours: Worker) -> None:
    """An exception comes back as its text, and the next call is answered by the same process."""
    with pytest.raises(WorkerError, match="ValueError: no rows"):
        await ours.run(Asked.REFUSE, "rows")
    with pytest.raises(WorkerError, match="KeyError: 'the unknown'"):
        await ours.run(Asked.UNKNOWN)
    pid = ours.pid
    assert await ours.run(Asked.ENVIRONMENT, "DO_NOT_TRACK") == "1"
    assert ours.pid == pid


async def test_a_killed_process_fails_one_call_alone(ours: Worker) -> None:
    """The call whose process dies says so, and the next one has a new process."""
    with pytest.raises(WorkerError, match=r"^die: the worker process died; the next call starts a new one"):
        await ours.run(Asked.DIE)
    assert await ours.run(Asked.ECHO, b"x") == b"x"


async def test_a_call_that_outlasts_its_time_is_given_up(ours: Worker) -> None:
    """The message says which and how long, its process is ended, and the next call has a new one."""
    await ours.run(Asked.ECHO, b"")
    pid = ours.pid
    with pytest.raises(WorkerError, match=r"^never took over 0\.01 s and was stopped; the next"):
        await ours.run(Asked.NEVER, seconds=0.01)
    assert await ours.run(Asked.ECHO, b"x") == b"x"
    assert ours.pid != pid


async def test_an_answer_that_nobody_waits_for_meets_no_other_question(ours: Worker) -> None:
    """After a cancelled call the next one gets its own answer."""
    await ours.run(Asked.ECHO, b"")
    call = asyncio.create_task(ours.run(Asked.NEVER))
    while not ours._turn.locked():  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await ours.run(Asked.ECHO, b"mine") == b"mine"


async def test_calls_at_once_are_answered_each_with_its_own(ours: Worker) -> None:
    """Calls take turns at the one process, large messages and a chatty library included."""
    contents = [bytes([index]) * 300_000 for index in range(4)]
    asked = [ours.run(Asked.ECHO, content) for content in contents]
    answers = await asyncio.gather(*asked, ours.run(Asked.CHATTER))
    assert answers == [*contents, 5_000_000]


async def test_the_process_knows_none_of_the_service_s_secrets(
    ours: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's own variables, the database's password among them, do not reach it."""
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", "postgresql://user:secret@nowhere/db")
    assert await ours.run(Asked.ENVIRONMENT, "TIDEGAUGE_DATABASE_URL") is None


async def test_the_process_ends_when_the_service_is_gone(ours: Worker) -> None:
    """A closed pipe is all it needs, as after a kill of the service."""
    await ours.run(Asked.ECHO, b"")
    process = ours._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0
