"""What several integration tests share: the demo's files, which take ten seconds to make."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulator import flights


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare the flights demo, once for all processes that run tests; nothing may be written into it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    flights.prepare(shared / "flights/demo")  # one process makes them, the others wait for it
    return shared / "flights"
