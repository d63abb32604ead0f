"""What keeps a machine from reading a monitor's rows, whatever these are: what is not installed or not there.

Replicas let one measure a monitor that nothing hinders. Only this machine is looked at, no other is asked.
"""

from __future__ import annotations

from glob import has_magic
from importlib.util import find_spec
from pathlib import Path, PurePosixPath


def missing_package(module: str, install: str, what: str) -> str | None:
    """Return that a module is not installed here which `what` needs; None where it is."""
    try:
        is_there = find_spec(module) is not None
    except (ImportError, ValueError):  # of a parent that is not there; of one that was blocked
        is_there = False
    return None if is_there else f"{what} need a package that is not installed here: pip install '{install}'"


def missing_path(path: str | Path) -> str | None:
    """Return that a file, a folder, or the fixed part of a pattern is not there; None where it is."""
    parts = PurePosixPath(path).parts
    fixed = next((place for place, part in enumerate(parts) if has_magic(part)), None)
    there = Path(path) if fixed is None else Path(*parts[:fixed])
    try:
        return None if there.exists() else f"{there} is not there"
    except OSError as error:
        return f"{there} cannot be reached: {error.strerror}"
