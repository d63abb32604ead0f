"""Rows that were acknowledged are neither lost nor counted twice: one run of each kind of fault.

`make faults` runs many more: see docs/testing.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from service.store.embedded.server import EmbeddedServer
from tests.faults.live import cases
from tests.faults.live.cases import Case, Told, in_peace
from tests.faults.live.faults import is_clock_fakeable
from tests.faults.live.ground import Ground
from tests.faults.live.running import zygote
from tests.faults.live.scene import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

CASES = [
    cases.ONE_OF_EACH_KIND,
    cases.CUT,
    cases.LOST_APPEND,
    cases.LOST_CYCLE,
    cases.FULL_DISK,
    cases.JUMPING_CLOCK,
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ground]:
    """Give a ground on the session's server."""
    async with zygote() as forks:
        yield Ground(server, forks, Path(tmp_path_factory.mktemp("faults")))


_peaceful: dict[str, Outcome] = {}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_nothing_is_lost_and_nothing_counts_twice(place: Ground, case: Case) -> None:
    """Metrics, panes, rejects and what waits equal an undisturbed run's, and the audit is green."""
    if case is cases.JUMPING_CLOCK and not is_clock_fakeable():
        pytest.skip("needs libfaketime: apt-get install libfaketime")
    if case.peace not in _peaceful:
        _peaceful[case.peace] = await in_peace(place, case.peace)
    told = Told()
    try:
        outcome = await case.run(place, told)
    except PermissionError as error:
        pytest.skip(str(error))
    assert outcome.differences(_peaceful[case.peace]) == []
    if case is cases.ONE_OF_EACH_KIND:
        # One of nine is passed over where the drain is done before its aim is taken.
        assert len(told.places) >= 8, told.places
