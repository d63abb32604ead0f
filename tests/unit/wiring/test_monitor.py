from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.config import monitor_file
from service.wiring.monitor import build_monitor


@pytest.mark.parametrize(("name", "live"), [("dummy", True), ("flights", False)])
def test_a_plan_says_whether_its_rows_are_taken_as_they_come(name: str, live: bool) -> None:
    """A live source's rows arrived when they were taken, which freshness goes by; a replay's did not."""
    unused: Any = None  # building reads nothing and runs nothing
    monitor = monitor_file.load(Path(f"config/monitors/{name}.yaml"), Path(".data"))
    assert build_monitor(monitor, unused, unused).live is live
