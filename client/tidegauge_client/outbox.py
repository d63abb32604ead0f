"""The batches that wait to be sent, the oldest first: in memory, on the disk, or both."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tidegauge_client import spool
from tidegauge_client.batch import BatchFileError
from tidegauge_client.spool import SpoolFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tidegauge_client.batch import Batch


@dataclass(slots=True, eq=False)
class Entry:
    """A batch that waits.

    - `sequence`: its place among the batches of this process; 0 for one of an earlier process
    - `batch`: the batch, where it is in memory
    - `path`: its file in the spool, where it is on the disk
    - `disk_bytes`: the file's size
    - `rows`: how many rows it has; 0 while that is not known
    - `folder`: the folder of the file, where that is an earlier process's
    - `journal`: its file in this process's journal
    """

    sequence: int
    batch: Batch | None
    path: Path | None = None
    disk_bytes: int = 0
    rows: int = 0
    folder: SpoolFolder | None = None
    journal: Path | None = None


class Outbox:
    """The batches of one process and those that it took over; several threads use it.

    `root` is the folder of the spools, None for none; at most `limit` bytes lie on the disk.
    """

    def __init__(self, root: Path | None, limit: int) -> None:
        self._root, self._limit = root, limit
        self._lock = threading.RLock()
        self._entries: deque[Entry] = deque()
        self._own: SpoolFolder | None = None
        self._adopted: list[SpoolFolder] = []
        self._sequence = 0
        self.memory_bytes = 0
        self.disk_bytes = 0

    def rows_in_memory(self) -> int:
        """Return how many rows wait in memory, be they in the journal or not."""
        with self._lock:
            return sum(entry.rows for entry in self._entries if entry.path is None)

    def rows_in_journal(self) -> int:
        """Return how many of those in memory a killed process would not lose."""
        with self._lock:
            return sum(entry.rows for entry in self._entries if entry.path is None and entry.journal)

    def rows_on_disk(self) -> int:
        """Return how many rows wait on the disk; those of earlier processes count once they are read."""
        with self._lock:
            return sum(entry.rows for entry in self._entries if entry.path is not None)

    def batches_on_disk(self) -> int:
        """Return how many batches lie on the disk."""
        with self._lock:
            return sum(entry.path is not None for entry in self._entries)

    @property
    def last(self) -> int:
        """The sequence of the newest batch."""
        return self._sequence

    def is_done(self, sequence: int) -> bool:
        """Say whether every batch of this process up to `sequence` has left."""
        with self._lock:
            return not any(0 < entry.sequence <= sequence for entry in self._entries)

    def add(self, batch: Batch, journal: Path | None = None) -> None:
        """Add a new batch, in memory; `journal` is its file in the journal, which leaves with it."""
        with self._lock:
            self._sequence += 1
            self._entries.append(Entry(self._sequence, batch, rows=batch.rows, journal=journal))
            self.memory_bytes += batch.size

    def adopt(self) -> None:
        """Take over what ended processes have left, in front of what this process has."""
        if self._root is None:
            return
        folders = spool.adopt(self._root)
        with self._lock:
            found = [
                Entry(0, None, path, size, folder=folder)
                for folder in folders
                for path, size in folder.files()
            ]
            found = _once_each(sorted(found, key=_age))
            self._entries.extendleft(reversed(found))
            self._adopted += folders
            self.disk_bytes += sum(entry.disk_bytes for entry in found)
            for folder in folders:
                self._leave_drained(folder)

    def first(self) -> Entry | None:
        """Return the oldest entry."""
        with self._lock:
            return self._entries[0] if self._entries else None

    def load(self, entry: Entry) -> Batch | None:
        """Return an entry's batch; None where its process was killed before a row was whole.

        Raises OSError and BatchFileError where its file cannot be used.
        """
        if entry.batch is not None:
            return entry.batch
        if entry.path is None:
            raise BatchFileError("neither in memory nor on the disk")
        batch = spool.read(entry.path)
        entry.rows = 0 if batch is None else batch.rows
        return batch

    def persist(self, *, through: int) -> None:
        """Write the batches up to the sequence `through` to the disk, as far as there is room.

        They leave the memory. Raises OSError where a batch could not be written; it stays in memory.
        """
        if self._root is None:
            return
        with self._lock:
            entries = list(self._entries)
        for entry in entries:
            with self._lock:
                batch = entry.batch
                if batch is None or entry.sequence > through or entry not in self._entries:
                    continue
                if self.disk_bytes + batch.size > self._limit:
                    return
                if self._own is None:
                    self._own = SpoolFolder.create(self._root)
                entry.path, entry.disk_bytes = self._own.write(batch)
                entry.batch = None
                self.memory_bytes -= batch.size
                self.disk_bytes += entry.disk_bytes
                if entry.journal is not None:
                    entry.journal.unlink(missing_ok=True)
                    entry.journal = None

    def remove(self, entry: Entry, *, broken: bool = False) -> None:
        """Forget a batch that was answered, or one whose file is `broken`. Raises OSError."""
        with self._lock:
            self._entries.remove(entry)
            if entry.batch is not None:
                self.memory_bytes -= entry.batch.size
            try:
                if entry.journal is not None:
                    entry.journal.unlink(missing_ok=True)
                if entry.path is not None:
                    self.disk_bytes -= entry.disk_bytes
                    if broken:
                        spool.set_aside(entry.path)
                    else:
                        entry.path.unlink(missing_ok=True)
            finally:
                self._leave_drained(entry.folder)

    def _leave_drained(self, folder: SpoolFolder | None) -> None:
        if folder is not None and all(each.folder is not folder for each in self._entries):
            self._adopted.remove(folder)
            folder.leave()

    def tidy_up(self) -> None:
        """Remove the folder of this process where nothing is in it. Raises OSError."""
        with self._lock:
            if self._own is not None and all(entry.path is None for entry in self._entries if entry.sequence):
                self._own.leave()
                self._own = None

    def forget(self) -> None:
        """In a forked child: let go of what is the parent's, without touching it."""
        for folder in (*self._adopted, *([] if self._own is None else [self._own])):
            folder.close()


def _age(entry: Entry) -> str:
    """Return what sorts entries by age: a file has the name of its batch's key."""
    return "" if entry.path is None else entry.path.name


def _once_each(entries: list[Entry]) -> list[Entry]:
    """Return the entries without the journal's files of batches that are in the spool as well."""
    spooled = {entry.path.stem for entry in entries if entry.path and entry.path.suffix == spool.SUFFIX}
    found = []
    for entry in entries:
        if entry.path and entry.path.suffix == spool.JOURNAL and entry.path.stem in spooled:
            entry.path.unlink(missing_ok=True)  # killed before it could do so
        else:
            found.append(entry)
    return found
