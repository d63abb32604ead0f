"""A broker for the tests of this folder; without Java and Maven they are left out, except in CI."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.kafka.broker import Broker, why_missing

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """Start a broker that the tests share; each uses topics of its own."""
    missing = why_missing()
    if missing is not None:
        assert not os.environ.get("CI"), f"CI tests with a real broker, which {missing}"
        pytest.skip(missing)
    with tempfile.TemporaryDirectory(prefix="tidegauge-kafka-") as folder:
        made = Broker(Path(folder))
        made.format()
        made.start()
        try:
            yield made
        finally:
            made.end()
