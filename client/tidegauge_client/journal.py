"""The journal: rows in files from the moment they are logged, so that a killed process loses none.

Each batch in the making has a file: a line that names its monitor and key, then a line for each row, written
by the call that logs it. A batch is not sent before its file is complete, and a file is removed once the
batch was answered or is in the spool. So a file that a killed process leaves is exactly one batch under its
key: sent again, it counts once.

A write goes to the operating system, which outlives the process. Only with `fsync` is it on the disk too.
"""

from __future__ import annotations

import errno
import os
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from tidegauge_client.batch import Batch, new_key, open_head
from tidegauge_client.spool import JOURNAL, SpoolFolder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tidegauge_client.batch import Kind
    from tidegauge_client.troubles import Troubles

SLOW_SECONDS, SLOW_FSYNC_SECONDS = 0.25, 5.0
MAX_SLOW_WRITES = 2  # in a row: one may be the machine's, busy with something else


class Sealed(NamedTuple):
    """A complete batch, and its file; None where the rows are in memory alone."""

    batch: Batch
    path: Path | None


@dataclass(slots=True)
class _Open:
    """A batch in the making.

    - `key`: its Idempotency-Key
    - `path`, `descriptor`: its file; no path where it holds what is no part of the batch
    - `file_bytes`: how much of the file is whole
    - `lines`, `size`: its rows
    """

    key: str
    path: Path | None
    descriptor: int
    file_bytes: int = 0
    lines: list[bytes] = field(default_factory=list)
    size: int = 0


class Journal:
    """The journal of one process; any thread may use it.

    - `root`: the folder of the spools
    - `is_synchronised`: whether a write is on the disk when it returns
    - `batch_rows`, `batch_bytes`: from which a batch is complete
    - `troubles`: where failures are logged, each once
    """

    def __init__(
        self, root: Path, *, is_synchronised: bool, batch_rows: int, batch_bytes: int, troubles: Troubles
    ) -> None:
        self._root, self._is_synchronised = root, is_synchronised
        self._batch_rows, self._batch_bytes = batch_rows, batch_bytes
        self._troubles = troubles
        self._lock = threading.Lock()
        self._folder: SpoolFolder | None = None
        self._open: dict[tuple[str, Kind], _Open] = {}
        self._sealed: list[Sealed] = []
        self._slow_writes = 0
        self._is_failing = False

    @property
    def _limit(self) -> float:
        return SLOW_FSYNC_SECONDS if self._is_synchronised else SLOW_SECONDS

    def write(self, monitor: str, kind: Kind, lines: Sequence[bytes]) -> int:
        """Add lines to the batch in the making; return how many of them are in its file.

        The others are in no batch of the journal: the disk fails or is slow, or another call's write has not
        come back.
        """
        if self._is_failing:
            return 0
        if not self._lock.acquire(timeout=self._limit):
            self._fail(TimeoutError("another write has not come back"))
            return 0
        written = 0
        try:
            while written < len(lines):
                written += self._write(monitor, kind, lines[written:])
        except Exception as error:  # noqa: BLE001  # whatever it is, the rows wait in memory
            self._fail(error)
        finally:
            self._lock.release()
        return written

    def take(self) -> list[Sealed]:
        """Complete the batches in the making, and return all that are complete."""
        if not self._lock.acquire(timeout=self._limit):
            return []
        try:
            for name in list(self._open):
                self._seal(name)
            sealed, self._sealed = self._sealed, []
        finally:
            self._lock.release()
        return sealed

    def recover(self) -> None:
        """Where writes failed: try one, and let `write` go on where it succeeds."""
        if not self._is_failing or not self._lock.acquire(blocking=False):
            return
        began = time.monotonic()
        try:
            if self._folder is not None and not self._folder.path.exists():
                self._folder.close()
                self._folder = None
            if self._folder is None:
                self._folder = SpoolFolder.create(self._root)
            self._folder.try_to_write()
        except OSError:
            return
        finally:
            self._lock.release()
        if time.monotonic() - began < self._limit:
            self._slow_writes, self._is_failing = 0, False
            self._troubles.ended("journal", "rows are written to the journal again")

    def tidy_up(self) -> None:
        """Remove the folder where nothing is in it. Raises OSError."""
        with self._lock:
            if self._folder is not None and not self._open and not self._sealed:
                folder, self._folder = self._folder, None
                folder.leave()

    def forget(self) -> None:
        """In a forked child: let go of what is the parent's, without touching it."""
        for each in self._open.values():
            os.close(each.descriptor)
        if self._folder is not None:
            self._folder.close()

    def _write(self, monitor: str, kind: Kind, lines: Sequence[bytes]) -> int:
        """Add as many lines as the batch in the making has room for; return how many."""
        began = time.monotonic()
        name = (monitor, kind)
        found = self._open.get(name) or self._begin(monitor, kind)
        fitting = self._fitting(found, lines)
        content = b"".join(fitting)
        try:
            self._append(found, content)
        except Exception:
            self._seal(name)
            raise
        found.lines += fitting
        found.size += len(content)
        if len(fitting) < len(lines) or len(found.lines) >= self._batch_rows:
            self._seal(name)
        self._note_seconds(time.monotonic() - began)
        return len(fitting)

    def _fitting(self, found: _Open, lines: Sequence[bytes]) -> Sequence[bytes]:
        size, rows = found.size, len(found.lines)
        for place, line in enumerate(lines):
            size += len(line)
            if rows + place >= self._batch_rows or (rows + place and size > self._batch_bytes):
                return lines[:place]
        return lines

    def _begin(self, monitor: str, kind: Kind) -> _Open:
        if self._folder is None:
            self._folder = SpoolFolder.create(self._root, is_synchronised=self._is_synchronised)
        key = new_key()
        path = self._folder.path / f"{key}{JOURNAL}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        found = _Open(key, path, os.open(path, flags, 0o600))
        try:
            self._append(found, open_head(monitor, kind, key))
            if self._is_synchronised:
                self._folder.synchronise()
        except OSError:
            os.close(found.descriptor)
            _remove(path)
            raise
        self._open[monitor, kind] = found
        return found

    def _append(self, found: _Open, content: bytes) -> None:
        try:
            _write_all(found.descriptor, content)
            if self._is_synchronised:
                os.fsync(found.descriptor)
        except Exception:
            try:
                os.ftruncate(found.descriptor, found.file_bytes)
            except OSError:
                _remove(found.path)  # else the next process would send what another batch holds as well
                found.path = None
            raise
        found.file_bytes += len(content)

    def _seal(self, name: tuple[str, Kind]) -> None:
        found = self._open.pop(name)
        os.close(found.descriptor)
        if found.lines:
            monitor, kind = name
            self._sealed.append(Sealed(Batch(monitor, kind, found.key, tuple(found.lines)), found.path))
        else:
            _remove(found.path)

    def _note_seconds(self, seconds: float) -> None:
        self._slow_writes = self._slow_writes + 1 if seconds > self._limit else 0
        if self._slow_writes >= MAX_SLOW_WRITES:
            self._fail(TimeoutError(f"a write took {seconds:.2f} s"))

    def _fail(self, error: Exception) -> None:
        self._is_failing = True
        message = "the journal cannot be written; new rows are in memory alone until it can: %s"
        self._troubles.note("journal", message, error)


def _write_all(descriptor: int, content: bytes) -> None:
    if os.write(descriptor, content) < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _remove(path: Path | None) -> None:
    if path is not None:
        with suppress(OSError):
            path.unlink(missing_ok=True)
