"""What several integration tests share: the demo's files, which take ten seconds to make."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator import flights


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepare the flights demo once; nothing may be written into it."""
    folder = tmp_path_factory.mktemp("data")
    assert flights.prepare(folder / "demo")
    return folder
