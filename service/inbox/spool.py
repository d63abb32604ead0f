"""Rows on the disk while the database is away: bounded, durable when written, drained in order.

A file takes several writes, each synchronised to the disk before it is acknowledged, until it is sealed.
Sealed files are drained whole, the oldest first, and then removed. Every process has a folder of its own,
which a lock on a file holds; what a process that died has left is taken over by the next one that starts.
Where somebody removes or moves the folder while it is used, another one is made, and what the file that is
written now holds is written there again: nothing is acknowledged that only a nameless file has.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from typing import TYPE_CHECKING

from service.core.inbox import SpoolLevel
from service.errors import InboxUnavailableError
from service.inbox import spool_record

if TYPE_CHECKING:
    from pathlib import Path

    from service.inbox.spool_record import SpoolRecord

FILE_BYTES = 8 << 20  # from which a file is sealed
MAX_FOLDERS = 64
SUFFIX, SET_ASIDE, LOCK = ".rows", ".refused", "lock"
FULL_RETRY_SECONDS = 30


class Spool:
    """The spool of one process; its methods block, and none may run at the same time as another."""

    def __init__(self, root: Path, *, limit: int) -> None:
        self._limit = limit
        self._root = root
        self._lock, self._folder = _own_folder(root)
        self._files = _sizes(self._folder)
        self._active: tuple[Path, int] | None = None  # the file that is written, and its descriptor
        self.times_made_again = 0

    @property
    def folder(self) -> Path:
        """The folder of this process."""
        return self._folder

    @property
    def is_empty(self) -> bool:
        """Whether everything was drained."""
        return not self._files

    @property
    def level(self) -> SpoolLevel:
        """How much lies in it; may be read while another thread writes."""
        files = list(self._files.items())
        oldest = int(files[0][0].name.partition("-")[0]) // 1_000 if files else None
        return SpoolLevel(sum(size for _, size in files), oldest)

    @property
    def free_bytes(self) -> int:
        """How many bytes may still be written."""
        return self._limit - sum(self._files.values())

    def append(self, record: SpoolRecord) -> None:
        """Write a record, on the disk when this returns.

        Raises InboxUnavailableError where the spool is full, OSError where it cannot be written.
        """
        content = spool_record.encode(record)
        if len(content) > self.free_bytes:
            raise InboxUnavailableError(
                "nothing was kept: the database takes no rows now, and "
                f"the spool of {self._limit >> 20} MB is full",
                retry_seconds=FULL_RETRY_SECONDS,
            )
        path, descriptor = self._active or self._begin()
        before = self._files[path]
        try:
            _write(descriptor, content)
            os.fsync(descriptor)
        except OSError:
            self._undo(path, descriptor, before)
            raise
        self._files[path] = before + len(content)
        try:
            path = self._in_place(path, descriptor)
        except OSError:
            self._undo(path, descriptor, before)
            raise
        if self._files[path] >= FILE_BYTES:
            self._close_active()

    def seal(self) -> None:
        """Write no more to the file that is written now.

        Raises OSError where that file is gone from its folder and cannot be written again.
        """
        if self._active is not None:
            self._in_place(*self._active)
            self._close_active()

    def forget(self, path: Path) -> None:
        """Drain a file no more that is not there."""
        self._files.pop(path, None)

    def oldest(self) -> Path:
        """Return the oldest file, sealed; there must be one."""
        path = next(iter(self._files))
        if self._active is not None and self._active[0] == path:
            self.seal()
        return path

    def read(self, path: Path) -> tuple[list[SpoolRecord], int]:
        """Return a file's records, and how many bytes behind them are none.

        Raises CodecError where a record cannot be read, OSError where the file cannot.
        """
        return spool_record.decode_all(path.read_bytes())

    def remove(self, path: Path) -> None:
        """Remove a file that was drained."""
        path.unlink(missing_ok=True)
        self._files.pop(path, None)

    def set_aside(self, path: Path) -> Path:
        """Keep a file that cannot be drained under another name, where nothing reads it; return that."""
        kept = path.with_suffix(SET_ASIDE)
        path.rename(kept)
        self._files.pop(path, None)
        return kept

    def close(self) -> None:
        """Give the folder free; what is in it stays. Raises OSError as `seal` does."""
        try:
            self.seal()
        finally:
            os.close(self._lock)

    def _begin(self) -> tuple[Path, int]:
        if not (self._folder / LOCK).exists():
            lock, self._folder = _own_folder(self._root)
            os.close(self._lock)
            self._lock = lock
            self.times_made_again += 1
            self._files = dict(sorted((self._files | _sizes(self._folder)).items(), key=_age))
        path = self._folder / f"{time.time_ns():020d}-{uuid.uuid4().hex}{SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        _sync_folder(self._folder)
        self._files[path] = 0
        self._active = path, descriptor
        return self._active

    def _in_place(self, path: Path, descriptor: int) -> Path:
        """Return the path of the file that is written now; where that is gone, of one with the same bytes."""
        if _is_there(path, descriptor):
            return path
        content = os.pread(descriptor, self._files[path], 0)
        gone, self._active = self._active, None
        try:
            kept, other = self._begin()
        except OSError:
            self._active = gone
            raise
        try:
            _write(other, content)
            os.fsync(other)
        except OSError:
            self._close_active()
            self.remove(kept)
            self._active = gone
            raise
        self._files[kept] = len(content)
        self.forget(path)
        os.close(descriptor)
        return kept

    def _close_active(self) -> None:
        if self._active is not None:
            os.close(self._active[1])
            self._active = None

    def _undo(self, path: Path, descriptor: int, before: int) -> None:
        # What a failed write left would hide later records behind it.
        self._files[path] = before
        try:
            os.ftruncate(descriptor, before)
        except OSError:
            self._close_active()
        if not before:
            self._close_active()
            self.remove(path)


def _own_folder(root: Path) -> tuple[int, Path]:
    """Return the lock and the path of a folder that no running process has, with what dead ones left."""
    own: tuple[int, Path] | None = None
    for number in range(MAX_FOLDERS):
        folder = root / str(number)
        if own is not None and not folder.exists():
            break
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            continue
        if own is None:
            own = lock, folder
            continue
        for path in folder.glob(f"*{SUFFIX}"):
            path.rename(own[1] / path.name)
        _sync_folder(own[1])
        os.close(lock)
    if own is None:
        raise OSError(f"{root}: {MAX_FOLDERS} processes use its folders")
    return own


def _sizes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_size for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _age(file: tuple[Path, int]) -> str:
    return file[0].name  # it begins with the time at which the file was begun


def _is_there(path: Path, descriptor: int) -> bool:
    """Say whether a path names the file of a descriptor."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
