"""All threads, and Arrow, share few arenas: in a process of its own, as the choice is made at its start."""

from __future__ import annotations

import os
import subprocess
import sys

CODE = """
from service.runtime import allocation
allocation.share()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""


def _pool(**variables: str) -> str:
    known = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env={**known, **variables}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_arrow_uses_the_c_library_s_allocator_unless_another_is_asked_for() -> None:
    """Arrow allocates as everything else does; the environment has the last word."""
    assert _pool() == "system"
    assert _pool(ARROW_DEFAULT_MEMORY_POOL="mimalloc") in {"mimalloc", "system"}  # where it was built with it
    assert _pool(MALLOC_ARENA_MAX="4") == "system"
