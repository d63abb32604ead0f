"""Batches on the disk: a file for each, synchronised, in a folder that belongs to one process.

A lock on a file holds the folder. It ends with its process, however that ends; then another process takes the
folder over and sends what is in it.
"""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING
from uuid import uuid4

from tidegauge_client.batch import decode, decode_open

if TYPE_CHECKING:
    from pathlib import Path

    from tidegauge_client.batch import Batch

SUFFIX, JOURNAL = ".batch", ".journal"  # a journal's file may end within a row
BROKEN, UNFINISHED, LOCK = ".broken", ".unfinished", "lock"
MAX_ADOPTED = 64  # folders at once
MAKING_SECONDS = 60.0  # for which a folder that is being made is left alone


class SpoolFolder:
    """A folder of batches whose lock this process holds."""

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def create(cls, root: Path, *, is_synchronised: bool = True) -> SpoolFolder:
        """Make a new folder in `root`, and lock it. Raises OSError."""
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (root, root.parent):
            # The parent, where it is the default one: in the temporary folder anybody may have made it.
            is_ours = folder == root or folder.name.startswith("tidegauge-client")
            if is_ours and folder.stat().st_uid != os.geteuid():
                raise PermissionError(f"{folder} belongs to another user")
        hidden = root / f".{uuid4().hex}"  # nobody takes it over before it is locked
        hidden.mkdir(mode=0o700)
        lock = _locked(hidden)
        if lock is None:
            raise OSError(f"{hidden} could not be locked")
        path = root / f"{time.time_ns():020d}-{hidden.name[1:9]}"
        hidden.rename(path)
        if is_synchronised:
            _synchronise(root)
        return cls(path, lock)

    def write(self, batch: Batch) -> tuple[Path, int]:
        """Write a batch, on the disk when this returns; return its file and size. Raises OSError."""
        content = batch.encoded()
        path = self.path / f"{batch.key}{SUFFIX}"
        unfinished = path.with_suffix(UNFINISHED)
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
            _synchronise(self.path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
        return path, len(content)

    def synchronise(self) -> None:
        """See that the names of the files are on the disk. Raises OSError."""
        _synchronise(self.path)

    def try_to_write(self) -> None:
        """Write a small file and remove it. Raises OSError."""
        tried = self.path / f"try{UNFINISHED}"
        try:
            tried.write_bytes(b"\n" * 4096)
        finally:
            tried.unlink(missing_ok=True)

    def files(self) -> list[tuple[Path, int]]:
        """Return the batches' files with their sizes, the oldest first."""
        paths = [path for path in self.path.iterdir() if path.suffix in {SUFFIX, JOURNAL}]
        return [(path, path.stat().st_size) for path in sorted(paths)]

    def leave(self) -> None:
        """Give up the lock, and remove the folder where nothing is in it."""
        if self._lock is None:
            return
        for unfinished in self.path.glob(f"*{UNFINISHED}"):
            unfinished.unlink(missing_ok=True)
        if [path.name for path in self.path.iterdir()] == [LOCK]:
            (self.path / LOCK).unlink()
            self.path.rmdir()
        self.close()

    def close(self) -> None:
        """Close the lock's file; in a forked child this leaves the parent's lock alone."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def adopt(root: Path) -> list[SpoolFolder]:
    """Lock and return the folders in `root` with batches of processes that have ended, the oldest first."""
    found: list[SpoolFolder] = []
    with suppress(OSError):  # no such folder yet, or one that cannot be read
        _remove_half_made(root)
        for path in sorted(each for each in root.iterdir() if not each.name.startswith(".")):
            if len(found) == MAX_ADOPTED:
                break
            with suppress(OSError):  # another process takes it over, or has removed it
                lock = _locked(path)
                if lock is None:
                    continue
                folder = SpoolFolder(path, lock)
                if folder.files():
                    found.append(folder)
                else:
                    folder.leave()
    return found


def _remove_half_made(root: Path) -> None:
    """Remove the folders of processes that were killed while they made them; there is no batch in them."""
    for path in root.glob(f".{'[0-9a-f]' * 32}"):
        with suppress(OSError):  # another process does the same
            if time.time() - path.stat().st_mtime < MAKING_SECONDS:
                continue
            lock = _locked(path)
            if lock is not None:
                SpoolFolder(path, lock).leave()


def read(path: Path) -> Batch | None:
    """Return the batch of a file; None where no row of it is whole. Raises OSError and BatchFileError."""
    content = path.read_bytes()
    return decode_open(content) if path.suffix == JOURNAL else decode(content)


def set_aside(path: Path) -> Path:
    """Rename a file that holds no batch, so that it is kept and not tried again."""
    return path.rename(path.with_suffix(BROKEN))


def _locked(folder: Path) -> int | None:
    """Return the descriptor of the folder's locked lock file; None where another process holds it."""
    path = folder / LOCK
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == path.stat().st_ino:
            return descriptor
    except BlockingIOError:
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _synchronise(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
