"""Reads what is new in a folder: whole files or parts of them, in their order, up to a number of rows."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import IO, TYPE_CHECKING

import structlog

from service.core.event import Event
from service.core.rows.id_sums import NO_ROWS, IdSums
from service.core.rows.inbox_change import TakenFile
from service.core.rows.label_text import clean
from service.core.rows.take import Reject
from service.errors import SourceError
from service.sources.files.ledger import MOVED, Due, content_of, due, inode_of, renamed
from service.sources.files.pieces import Piece, Reading, is_whole_parquet, read_piece
from service.sources.files.remote import StoreAwayError
from service.sources.files.rows import KEPT_REJECTS, FileRows, Limits, rows_of
from service.sources.tables.file import FILE_ERRORS
from service.sources.tables.formats.content import Content
from service.sources.tables.formats.content import content_of as kind_of
from service.sources.tables.formats.opening import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.rows.batch import Batch
    from service.sources.event_clock import EventClock
    from service.sources.files.folder import Folder, Found
    from service.sources.files.logged import EventReading, Logged
    from service.sources.kserve.half import Half

log = structlog.get_logger(__name__)

TAKE_SECONDS = 20.0
AHEAD_FILES = 128  # that are fetched together where they are small
MAX_EVENTS = 20  # of a take, of files that are refused; every one is counted
LONG_AGO_US = 60 * 1_000_000  # the clock of a file server may differ by less than that
SMALLEST_PARQUET = 12


@dataclass(frozen=True, slots=True)
class ReaderOptions:
    """How a folder is read.

    - `reading`: how its files are
    - `limits`: which times rows may have
    - `settle_us`: how long a file was left alone before it is read (microseconds)
    - `by_time`: whether older files go first; else by name
    - `takes_replaced`: whether a file that is another than the one that was taken under its name is read too
    - `max_rows`: of a take, about
    - `events`: what reads the records of files that hold events; None where they hold rows
    """

    reading: Reading
    limits: Limits
    settle_us: int
    by_time: bool
    takes_replaced: bool
    max_rows: int
    events: EventReading | None = None


@dataclass(slots=True)
class Read:
    """What a take read.

    - `clock`: the event time after it
    - `parts`: the rows that can be used
    - `rejects`: the first of the others
    - `rejected`, `rejected_ids`: how many these are, and their sums
    - `taken`: the files, as they are kept
    - `events`: what was noticed
    - `waits_since`: since when the oldest file waits that is not read to its end (UTC microseconds)
    - `halves`, `half_rows`: what came of inferences, and how many rows these have
    """

    clock: EventClock
    parts: list[Batch] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    rejected: int = 0
    rejected_ids: IdSums = NO_ROWS
    taken: dict[str, TakenFile] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    waits_since: int | None = None
    halves: list[Half] = field(default_factory=list)
    half_rows: int = 0

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(part.rows for part in self.parts) + self.half_rows + self.rejected

    def refuse(self, rejects: Sequence[Reject], sums: IdSums) -> None:
        """Note rows or events that cannot be used."""
        self.rejects = [*self.rejects, *rejects][:KEPT_REJECTS]
        self.rejected += sums.rows
        self.rejected_ids += sums


class Reader:
    """Reads a folder; it holds what it saw at its last look, never a position."""

    def __init__(self, folder: Folder, options: ReaderOptions) -> None:
        """Take a folder that is not opened yet."""
        self._folder = folder
        self._options = options
        self._seen: dict[str, tuple[str, int]] = {}

    def close(self) -> None:
        """Remove what was kept of files."""
        self._folder.close()

    def read(self, ledger: Mapping[str, TakenFile], clock: EventClock, now: int) -> Read:
        """Return what is new. Raises SourceError where the folder cannot be read now."""
        options, read = self._options, Read(clock)
        found = self._folder.look()
        ledger = self._under_new_names(found, ledger, read)
        waiting = [each for each in found if due(each, ledger.get(each.name)) is not Due.NOTHING]
        waiting.sort(key=lambda each: (each.changed, each.name) if options.by_time else (0, each.name))
        self._vanished(found, ledger, read, now)
        until = time.monotonic() + TAKE_SECONDS
        seen: dict[str, tuple[str, int]] = {}
        ahead = 0
        for place, each in enumerate(waiting):
            is_full = read.rows >= options.max_rows or (read.rows and time.monotonic() > until)
            if not is_full and place == ahead:
                ahead += AHEAD_FILES
                self._folder.read_ahead(waiting[place:ahead])
            if is_full or not self._is_settled(each, seen, now):
                seen.setdefault(each.name, self._seen.get(each.name, (each.mark, now)))
                read.waits_since = min(read.waits_since or each.changed, each.changed)
                continue
            if not self._read_file(each, ledger.get(each.name), read, now):
                seen[each.name] = (each.mark, now)
                read.waits_since = min(read.waits_since or each.changed, each.changed)
        self._seen = seen
        return read

    def _under_new_names(
        self, found: list[Found], ledger: Mapping[str, TakenFile], read: Read
    ) -> dict[str, TakenFile]:
        """Return the table with files under the names that they have now, which are kept."""
        for each, taken in renamed(found, ledger):
            try:
                with self._folder.open(each.name) as stream:
                    is_same = each.size >= taken.size and content_of(stream, taken.size) == taken.content
            except (SourceError, *FILE_ERRORS):
                continue  # it is read, or refused, below
            if is_same:
                free = TakenFile(taken.name, MOVED, 0, 0, is_whole=True, content="")
                read.taken.setdefault(taken.name, free)
                read.taken[each.name] = replace(taken, name=each.name)
        return {**ledger, **read.taken}

    def _is_settled(self, found: Found, seen: dict[str, tuple[str, int]], now: int) -> bool:
        options = self._options
        if found.is_complete or options.reading.grows or not options.settle_us:
            return True
        if now - found.changed >= max(options.settle_us, LONG_AGO_US):
            return True
        mark, since = self._seen.get(found.name, ("", now))
        if mark == found.mark and now - since >= options.settle_us:
            return True
        seen[found.name] = (found.mark, since if mark == found.mark else now)
        if found.size < SMALLEST_PARQUET:
            return False
        try:
            with self._folder.open(found.name) as stream:
                return is_whole_parquet(stream)
        except (SourceError, *FILE_ERRORS):
            return False  # it is looked at again

    def _vanished(
        self, found: Sequence[Found], ledger: Mapping[str, TakenFile], read: Read, now: int
    ) -> None:
        names = {each.name for each in found}
        inodes = {inode_of(each.mark) for each in found} - {""}
        for name, (mark, _) in self._seen.items():
            is_renamed = inode_of(mark) in inodes  # which a sender does when a file is whole
            if name not in names and name not in ledger and not is_renamed:
                _lost(read, f"{name} was seen and vanished before it was taken: its rows are lost", now, name)
        for name, taken in ledger.items():
            if name not in names and not taken.is_whole:
                _lost(read, f"{name} vanished while it was taken: what was left of it is lost", now, name)
                read.taken[name] = replace(taken, is_whole=True)

    def _read_file(self, found: Found, taken: TakenFile | None, read: Read, now: int) -> bool:
        """Read what is new in a file; return whether nothing is left."""
        try:
            start = self._start(found, taken, read, now)
            if start is None:
                return True
            done = start
            while True:
                piece, content = self._piece(found, done, read)
                if piece is None:
                    return False  # it was changed while it was read
                rows = rows_of(piece.framed, found, self._options.limits, read.clock, now)
                _add(read, rows)
                if self._options.events is not None:
                    _add_events(read, self._options.events.of(piece.records, found, now))
                done = piece.done
                read.taken[found.name] = TakenFile(
                    found.name, found.mark, found.size, done, piece.is_whole, content
                )
                if piece.is_whole or read.rows >= self._options.max_rows:
                    return piece.is_whole
        except StoreAwayError:
            raise
        except FileNotFoundError:
            return False  # it vanished just now
        except (SourceError, *FILE_ERRORS) as error:
            self._refuse(found, read, taken, error, now)
            return True

    def _piece(self, found: Found, done: int, read: Read) -> tuple[Piece | None, str]:
        reading, left = self._options.reading, max(1, self._options.max_rows - read.rows)
        try:
            piece = read_piece(self._folder, found, done, reading, left)
            with self._folder.open(found.name) as stream:
                content = content_of(stream, found.size)
        except StoreAwayError:
            raise
        except (SourceError, *FILE_ERRORS):
            if self._is_changed(found):
                return None, ""
            raise
        return (None, "") if self._is_changed(found) else (piece, content)

    def _is_changed(self, found: Found) -> bool:
        mark = self._folder.mark(found.name)
        if mark == found.mark:
            return False
        return (
            not self._options.reading.grows or mark is None or mark.split(":")[0] != found.mark.split(":")[0]
        )

    def _start(self, found: Found, taken: TakenFile | None, read: Read, now: int) -> int | None:
        what = due(found, taken)
        if taken is None or what is Due.START:
            return 0
        if what is Due.GO_ON:
            return taken.done
        with self._folder.open(found.name) as stream:
            is_same = found.size >= taken.size and content_of(stream, taken.size) == taken.content
            if is_same and found.size > taken.size:
                is_same = taken.reason == "" and _goes_on(stream, taken)
            content = content_of(stream, found.size)
        if is_same:
            read.taken[found.name] = replace(
                taken,
                mark=found.mark,
                size=found.size,
                content=content,
                is_whole=taken.is_whole and found.size == taken.size,
            )
            return taken.done if found.size > taken.size or not taken.is_whole else None
        if self._options.takes_replaced:
            read.events.append(
                _event(
                    "file_replaced",
                    f"{found.name} was replaced: its rows are taken too, "
                    "besides those of the file that was taken under its name",
                    now,
                    found.name,
                )
            )
            return 0
        reason = (
            f"{found.name} was replaced after it was taken: another file has its name now, whose rows are "
            "not taken, since they may be the same ones; write them under another name, or set "
            "replaced: take"
        )
        read.events.append(_event("file_replaced", reason, now, found.name))
        log.error("a file was replaced", hint=reason)
        read.taken[found.name] = TakenFile(
            found.name, found.mark, found.size, taken.done, True, content, clean(reason)
        )
        return None

    def _refuse(self, found: Found, read: Read, taken: TakenFile | None, error: Exception, now: int) -> None:
        reason = clean(" ".join(str(error).split()) or type(error).__name__)
        kept = read.taken.get(found.name, taken)
        rest = "" if kept is None or not kept.done else "the rest of "
        message = f"{rest}{found.name} cannot be read, and is passed over until it changes: {reason}"
        log.error("a file is refused", hint=message)
        if sum(each.kind == "file_refused" for each in read.events) < MAX_EVENTS:
            read.events.append(_event("file_refused", message, now, found.name))
        read.refuse([Reject({"file": found.name}, message)], IdSums(1))
        done, content = (0, "") if kept is None else (kept.done, kept.content)
        read.taken[found.name] = TakenFile(found.name, found.mark, found.size, done, True, content, reason)


def _goes_on(stream: IO[bytes], taken: TakenFile) -> bool:
    # Only lines go on; behind a last one without a line break more would be a part of a row.
    stream.seek(0)
    try:
        kind = kind_of(stream.read(HEAD_BYTES))
    except SourceError:
        return False
    if kind not in {Content.CSV, Content.JSON_LINES}:
        return False
    if not taken.is_whole or not taken.done:
        return True
    stream.seek(taken.done - 1)
    return b"\n" in stream.read(2)


def _add(read: Read, rows: FileRows) -> None:
    if rows.batch.rows:
        read.parts.append(rows.batch)
    read.clock = rows.clock
    read.refuse(rows.rejects, rows.rejected_ids)


def _add_events(read: Read, logged: Logged) -> None:
    read.halves += logged.halves
    read.half_rows += logged.rows
    read.refuse(logged.rejects, logged.rejected_ids)


def _lost(read: Read, message: str, now: int, name: str) -> None:
    log.error("rows lost", hint=message)
    read.events.append(_event("rows_lost", message, now, name))


def _event(kind: str, message: str, now: int, name: str) -> Event:
    return Event(kind, now, message, details={"file": name})
