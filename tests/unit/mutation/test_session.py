"""A whole run: which mutants of a small module its tests kill."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODULE = """
from functools import lru_cache

@lru_cache
def larger(a, b):
    return a if a > b else b

def count(limit):
    at = 0
    while at < limit:
        at += 1
    return at

def never():
    return 1 + 1
"""
TESTS = """
from toy import count, larger

def test_larger():
    assert larger(2, 1) == 2
    assert larger(1, 2) == 2

def test_count():
    assert count(3) == 3
"""
RUN = """
import sys
from pathlib import Path
import pytest
from tools.mutation import session
from tools.mutation.sites import read

session.SECONDS_AT_LEAST = 1.0
source = read(Path("toy.py").resolve(), "toy", 0)
run = session.Session([(source, source.sites)], 2)
status = pytest.main(["-q", "-s", "-p", "no:cacheprovider", "test_toy.py"], plugins=[run])
for result in run.results:
    print("RESULT", result.outcome, result.site.name)
sys.exit(status)
"""


@pytest.mark.slow
def test_mutants_are_killed_survive_or_never_end(tmp_path: Path) -> None:
    """A cached function is tried afresh, an endless loop is stopped, and what no test reaches is said."""
    (tmp_path / "toy.py").write_text(MODULE)
    (tmp_path / "test_toy.py").write_text(TESTS)
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{root}:{tmp_path}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = dict(
        reversed(line.removeprefix("RESULT ").split(" ", 1))
        for line in done.stdout.splitlines()
        if line.startswith("RESULT ")
    )
    assert found["toy.larger: `a if a > b else b` → `a if a >= b else b`"] == "survived"
    assert found["toy.larger: `return a if a > b else b` → `return None`"] == "killed"
    assert found["toy.count: `at += 1` → `at -= 1`"] == "timeout"
    assert found["toy.count: `while at < limit:` → `while at <= limit:`"] == "killed"
    assert found["toy.never: `return 1 + 1` → `return None`"] == "unreached"
