"""Readiness says what is wrong with a monitor's cycles."""

from __future__ import annotations

from service.core.cycle_record import Outcome
from service.runtime.scheduler import CycleResult, Job
from service.status.readiness import freshness


async def _nothing(_: int) -> CycleResult:
    return CycleResult(Outcome.IDLE)


def test_a_monitor_whose_cycles_fail_says_why() -> None:
    """The last error's own words are in the state, so that a page says what to do."""
    job = Job("churn", 10.0, _nothing, failures=1, error="a.csv: the file is empty")
    assert freshness(job, 0) == "its last cycle failed: a.csv: the file is empty"
    job.failures = 3
    assert freshness(job, 0) == "its last 3 cycles failed: a.csv: the file is empty"
