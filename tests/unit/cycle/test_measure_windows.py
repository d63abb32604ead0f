"""What a cycle leaves to the worker process, and what windows are measured with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from service.core.measurement import Measurement
from service.core.worker_call import Answer
from service.errors import WorkerError
from tests.memory_store import MemoryStore
from tests.unit.cycle.build import MEASURES, in_order, measurements, plan, run

METHOD = "empirical_mmd"
ASKING = replace(MEASURES, drift=replace(MEASURES.drift, methods=("wasserstein", METHOD)))


class Worker:
    """Answers with one answer, or fails; counts what it is asked."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked: list[str] = []

    async def run(self, function: str, *arguments: Any) -> Any:
        """Return the answer, or raise where there is none."""
        assert arguments
        self.asked.append(function)
        if self.answer is None:
            raise WorkerError("the worker process died")
        return {"": self.answer}


async def measured(worker: Worker | None) -> list[Measurement]:
    """Return what was measured by the worker's method in the windows with enough rows."""
    store = MemoryStore()
    await run(plan(in_order(range(4)), measures=ASKING), store, worker=worker)
    found = measurements(store)
    return [m for panes in sorted(found) for m in found[panes] if m.series.metric == METHOD]


async def test_the_workers_answers_are_the_windows_measurements() -> None:
    """Each window's call is made once; value and threshold of its answer are stored."""
    worker = Worker(Answer(value=0.25, threshold=0.5, low=0.125, high=0.75))
    found = await measured(worker)
    assert {(m.value, m.threshold, m.low, m.high, m.question) for m in found} == {
        (0.25, 0.5, 0.125, 0.75, None)
    }
    assert len(worker.asked) == len(found) >= 3


async def test_a_worker_that_fails_leaves_the_reason() -> None:
    """The cycle goes on: everything else is measured, and the gap says what happened."""
    found = await measured(Worker(None))
    assert {(m.value, m.reason, m.breached) for m in found} == {(None, "the worker process died", None)}


async def test_without_a_worker_what_it_would_measure_has_a_reason() -> None:
    """Nothing is asked, nothing is a zero."""
    found = await measured(None)
    assert found
    assert all(m.value is None and m.reason for m in found)


async def test_nobody_is_asked_where_nothing_needs_the_worker() -> None:
    """Methods that the service computes itself never start a call."""
    worker = Worker(Answer(value=0.25))
    await run(plan(in_order(range(4))), MemoryStore(), worker=worker)
    assert worker.asked == []
