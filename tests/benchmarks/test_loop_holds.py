"""What holds the event loop of a service at work: figures to read, none of them held against a limit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.service_process import lay_out


def test_what_holds_the_loop(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A start, its cycles back to back and the stop run under the watch, and every callback is counted."""
    place = lay_out(tmp_path / "place", days=60)
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.loop_holds", "--cycles", "60"],
        env=place.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with capsys.disabled():
        print(f"\n{done.stdout}")  # noqa: T201 - what the benchmark is run for
    assert int(done.stdout.split(" callbacks", 1)[0]) > 60 * 10
