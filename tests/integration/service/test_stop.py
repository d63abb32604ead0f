"""A stopped service ends soon, whatever its threads are doing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service_process import Place, lay_out

# The first cycle's work takes a minute, on the thread where work on arrays runs.
BUSY = """
import sys, time
from service.cycle import cycle

def slow(*_arguments):
    print("computing", file=sys.stderr, flush=True)
    time.sleep(60)

cycle.profile_panes = slow
from service.cli import main
sys.exit(main(["run"]))
"""


@pytest.fixture
def place(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("TIDEGAUGE_DATABASE_URL", database_url)
    return lay_out(tmp_path / "place", days=5)


@pytest.fixture
def busy(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Start a service and wait until its thread computes."""
    with (place.root / "service.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-c", BUSY], env=place.environment, stderr=log, text=True)
    try:
        place.until("computing", process)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def test_after_it_stopped_the_process_is_gone(place: Place, busy: subprocess.Popen[str]) -> None:
    """A calculation that outlasts the grace is given up: once `stopped` is logged, nothing is waited for."""
    busy.send_signal(signal.SIGTERM)
    place.until('"stopped"', busy)
    assert busy.wait(1.0) == 0
    assert "cycle cancelled" in place.log


def test_a_second_signal_ends_at_once(place: Place, busy: subprocess.Popen[str]) -> None:
    """Whoever presses Ctrl-C twice does not wait for the running cycle."""
    busy.send_signal(signal.SIGINT)
    while '"stopping"' not in place.log:
        assert busy.poll() is None, place.log
        time.sleep(0.01)
    asked = time.monotonic()
    busy.send_signal(signal.SIGINT)
    assert busy.wait(5.0) == 128 + signal.SIGINT
    assert time.monotonic() - asked < 1.0
