"""Folders on this machine: which files match a pattern now, and their bytes."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Protocol
from urllib.parse import unquote

from service.core.rows.label_text import composed_name
from service.errors import SourceError
from service.sources.tables.formats.opening import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
TEMPORARY = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".swp", "~")
_PARTITION = re.compile(r"([^=/]+)=([^/]*)")


@dataclass(frozen=True, slots=True)
class Found:
    """A file that matches the pattern now.

    - `name`: its path below the pattern's fixed part, with slashes
    - `mark`: differs where its content may
    - `size`: its bytes
    - `changed`: when it was changed (UTC microseconds)
    - `is_complete`: it cannot be half written
    - `partitions`: the columns that its folders' names add
    """

    name: str
    mark: str
    size: int
    changed: int
    is_complete: bool
    partitions: Mapping[str, str | None]


class Folder(Protocol):
    """Where files appear. Methods raise SourceError where it cannot be reached, and OSError for one file."""

    def look(self) -> list[Found]:
        """Return the files that match now, in no order."""
        ...

    def mark(self, name: str) -> str | None:
        """Return a file's mark now; None where it is gone."""
        ...

    def open(self, name: str) -> AbstractContextManager[IO[bytes]]:
        """Open a file at its start; it can be read from anywhere."""
        ...

    def path(self, found: Found) -> AbstractContextManager[Path]:
        """Give a file as one of this machine."""
        ...

    def read_ahead(self, files: Sequence[Found]) -> None:
        """Hear which files are read next, so that small ones can be fetched together."""
        ...

    def close(self) -> None:
        """Remove what was kept of files."""
        ...


class LocalFolder:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, pattern: str) -> None:
        """Take a folder, or a pattern such as `/data/**/*.parquet`."""
        root, rest = (pattern, "**") if Path(pattern).is_dir() else split_pattern(pattern)
        self._root = Path(root)
        self._matches = matcher(rest)

    def look(self) -> list[Found]:
        """Return the files that match now."""
        if not self._root.is_dir():
            raise SourceError(f"there is no folder {self._root}; create it, or correct path")
        found = []
        for path, name in self._walk():
            try:
                status = path.stat()
            except FileNotFoundError:
                continue  # it vanished just now
            changed = max(status.st_mtime_ns, status.st_ctime_ns) // 1_000
            found.append(Found(name, _mark(status), status.st_size, changed, False, partitions(name)))
        return found

    def mark(self, name: str) -> str | None:
        """Return a file's mark now; None where it is gone."""
        try:
            return _mark((self._root / name).stat())
        except FileNotFoundError:
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file."""
        with open_regular(self._root / name) as stream:
            yield stream

    @contextmanager
    def path(self, found: Found) -> Iterator[Path]:
        """Give a file as it is."""
        yield self._root / found.name

    def read_ahead(self, files: Sequence[Found]) -> None:
        """Do nothing: a file is here."""

    def close(self) -> None:
        """Do nothing: nothing is kept."""

    def _walk(self) -> Iterator[tuple[Path, str]]:
        def failed(error: OSError) -> None:
            raise SourceError(f"the folder {error.filename} cannot be read: {error.strerror}") from error

        for root, folders, names in os.walk(self._root, onerror=failed):
            folders[:] = [name for name in folders if name[0] not in "._"]
            for each in names:
                path = Path(root) / each
                name = path.relative_to(self._root).as_posix()
                if is_visible(name) and self._matches.fullmatch(name):
                    yield path, name


def _mark(status: os.stat_result) -> str:
    return f"{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_mode:o}"


def split_pattern(pattern: str) -> tuple[str, str]:
    """Return the folder before the first part with a sign of a pattern, and the pattern below it.

    Without such a sign it is a folder, or a file where its last part looks like one.
    """
    path = PurePosixPath(pattern)
    parts = path.parts
    fixed = next((place for place, part in enumerate(parts) if has_magic(part)), None)
    if fixed is not None:
        return str(PurePosixPath(*parts[:fixed])), "/".join(parts[fixed:])
    return (str(path.parent), path.name) if path.suffix else (pattern.rstrip("/"), "**")


def matcher(pattern: str) -> re.Pattern[str]:
    """Return what matches the names that a pattern means: `*` and `?` within a folder, `**` across them."""
    parts = []
    for part in PurePosixPath(pattern).parts:
        if part == "**":
            parts.append("(?:[^/]+/)*")
            continue
        text = re.sub(
            r"\\\[!?|\\\]", lambda sign: sign[0].replace("\\", "").replace("!", "^"), re.escape(part)
        )
        parts.append(text.replace(r"\*", "[^/]*").replace(r"\?", "[^/]").replace(r"\-", "-") + "/")
    text = "".join(parts)
    return re.compile(text[:-1] if text.endswith("/") else text + "[^/]+")


def is_visible(name: str) -> bool:
    """Whether a name is of data: not hidden, not temporary, and no mark such as `_SUCCESS`."""
    return not any(part[0] in "._" for part in name.split("/")) and not name.lower().endswith(TEMPORARY)


def partitions(name: str) -> dict[str, str | None]:
    """Return the columns that folders such as `year=2024` add."""
    found: dict[str, str | None] = {}
    for part in name.split("/")[:-1]:
        match = _PARTITION.fullmatch(part)
        if match:
            value = unquote(match[2])
            found[composed_name(unquote(match[1]))] = None if value == NO_VALUE else value
    return found
