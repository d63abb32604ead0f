"""Find the files that a path of a monitor file names: a file, a folder, or a pattern.

The files are one table, in the order of their names. In a folder hidden files and those whose name begins
with an underscore are left out, as Spark and Hive do. A folder such as `year=2024` adds the column `year`.
"""

from __future__ import annotations

import difflib
import glob
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from service.core.rows.label_text import composed_name
from service.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MAX_FILES = 10_000
NAMES_SHOWN = 10
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)
_UNEXPANDED = re.compile(r"^~[^/]*|\$\{?\w+\}?|\{\w+\}")
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file of a table, and the columns that its folders' names add, by name; None is missing."""

    path: Path
    partitions: Mapping[str, str | None] = field(default_factory=dict)


def table_files(path: Path) -> list[TableFile]:
    """Return the files that `path` names, ordered by name; raises SourceError where there is none."""
    if path.is_dir():
        found = _limited(_walk(path), path)
        if not found:
            raise SourceError(f"the folder holds no file{_beside(path)}; expected the files of a table")
        return [TableFile(file, _partitions(file.relative_to(path))) for file in found]
    if path.exists() or not glob.has_magic(str(path)):
        if not path.exists() and not path.is_symlink():
            raise SourceError(_missing(path))
        return [TableFile(path)]
    matched = (Path(name) for name in sorted(glob.iglob(str(path), recursive=True)))  # noqa: PTH207 - a whole path
    found = _limited((file for match in matched for file in _expanded(match)), path)
    if not found:
        raise SourceError(
            f"no file matches the pattern{_beside(_fixed_part(path))}; correct it in the monitor file"
        )
    root = _fixed_part(path)
    return [TableFile(file, _partitions(file.relative_to(root))) for file in dict.fromkeys(found)]


def _walk(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if name[0] not in "._")
        yield from (Path(root) / name for name in sorted(names) if name[0] not in "._")


def _expanded(match: Path) -> Iterator[Path]:
    if match.is_dir():
        yield from _walk(match)
    else:
        yield match


def _limited(files: Iterator[Path], path: Path) -> list[Path]:
    found, seen = [], set()
    for file in files:
        # One file by two ways, such as links to it or to its folder, holds its rows once.
        real = os.path.realpath(file)
        if real in seen:
            continue
        seen.add(real)
        found.append(file)
        if len(found) > MAX_FILES:
            raise SourceError(f"{path} names more than {MAX_FILES:,} files; expected fewer, larger ones")
    return sorted(found)


def _fixed_part(pattern: Path) -> Path:
    parts = []
    for part in pattern.parts:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()


def _partitions(path: Path) -> dict[str, str | None]:
    found = {}
    for part in path.parts[:-1]:
        match = _PARTITION.fullmatch(part)
        if match:
            value = unquote(match[2])
            found[composed_name(unquote(match[1]))] = None if value == NO_VALUE else value
    return found


def _missing(path: Path) -> str:
    if _ADDRESS.match(str(path)):  # a Path has made one slash of two
        return "it is an address; expected a file of this machine: download it, or mount the folder"
    message = "there is no such file"
    if path.parent.is_dir():
        names = [name.name for name in path.parent.iterdir()]
        near = difflib.get_close_matches(path.name, names, n=1)
        message += f"; the nearest is {near[0]!r}" if near else ""
    else:
        message += f", nor the folder {path.parent}"
    found = _UNEXPANDED.search(str(path))
    if found:
        message += (
            f"; {found[0]} is not expanded: write the whole path, or {{data_dir}} for TIDEGAUGE_DATA_DIR"
        )
    return f"{message}; create it or correct the path in the monitor file"


def _beside(folder: Path) -> str:
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    names = sorted(name.name for name in folder.iterdir())
    if not names:
        return f"; the folder {folder} is empty"
    more = " ..." if len(names) > NAMES_SHOWN else ""
    return f"; the folder {folder} has {', '.join(names[:NAMES_SHOWN])}{more}"
