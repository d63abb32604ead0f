"""From rows that are logged to batches that were answered: two threads and what they share.

The caller appends lines to a batch in the making, in the journal where there is one. The packer completes the
batches and writes to the spool those that wait; the sender posts them, one after the other. So a service that
hangs delays neither the caller nor the disk.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from tidegauge_client import forks
from tidegauge_client.batch import Batch
from tidegauge_client.encoding import encode, rows_of
from tidegauge_client.journal import Journal, Sealed
from tidegauge_client.outbox import Outbox
from tidegauge_client.sender import Sender
from tidegauge_client.tally import Stats, Tally
from tidegauge_client.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tidegauge_client.batch import Kind
    from tidegauge_client.options import Options
    from tidegauge_client.transport import Transport

WAIT_STEP = 0.02  # seconds between looks for room
MAX_BATCH_BYTES = 512 << 10  # many a proxy takes 1 MB at most
MAX_CHUNK_ROWS, MAX_CHUNK_BYTES = 100, 64 << 10  # of a call, written to the journal at once


class Pipeline:
    """Takes rows from any thread and sends them; `open_transport` makes what posts them."""

    def __init__(self, options: Options, open_transport: Callable[[], Transport]) -> None:
        self._options = options
        self._open_transport = open_transport
        self._reset()
        forks.register(self)

    def _reset(self) -> None:
        self._loose: list[tuple[str, Kind, bytes]] = []  # lines that are not in the journal
        self._line_rows, self._line_bytes = 0, 0  # in no batch of the outbox yet
        self._changed = threading.Condition()
        self._packing = threading.RLock()
        self._wants_packing = False
        self._stopping = False
        self._ended = False  # with the process
        self._packer: threading.Thread | None = None
        self._packed = 0  # the newest batch of the pass before
        self._tally, self._troubles = Tally(), Troubles()
        self._outbox = Outbox(self._options.spool, self._options.spool_bytes)
        self._journal = self._open_journal()
        self._sender = Sender(
            self._outbox, self._open_transport(), self._tally, self._troubles, self._persist
        )

    def add(self, monitor: str, kind: Kind, given: object) -> None:
        """Take rows; whatever is wrong with them is counted and logged, not raised."""
        lines: list[bytes] = []
        size = 0
        try:
            for row in rows_of(given):
                line = self._encoded(row)
                if line is None:
                    continue
                lines.append(line)
                size += len(line)
                if len(lines) >= MAX_CHUNK_ROWS or size >= MAX_CHUNK_BYTES:
                    self._add_lines(monitor, kind, lines)
                    lines, size = [], 0
        except Exception as error:  # noqa: BLE001  # a prediction must not fail because it could not be logged
            self._note_invalid(error)
        try:
            if lines:
                self._add_lines(monitor, kind, lines)
        except Exception as error:  # noqa: BLE001  # as above
            self._note_invalid(error)

    def start(self) -> None:
        """Begin to send what earlier processes have left, before the first row is logged."""
        if self._options.spool is not None:
            with self._changed:
                self._start()

    def skip(self, reason: str) -> None:
        """Count a row that could not be made, and log the reason once."""
        self._tally.add("logged")
        self._tally.add_invalid(reason)
        self._troubles.note(reason, "a row was not logged: %s", reason)

    def _encoded(self, row: Mapping[str, object]) -> bytes | None:
        try:
            line = encode(row)
        except Exception as error:  # noqa: BLE001  # of this row alone: the next ones may be good
            self._note_invalid(error)
            return None
        self._tally.add("logged")
        return line

    def _add_lines(self, monitor: str, kind: Kind, lines: Sequence[bytes]) -> None:
        with self._changed:
            taken = [line for line in lines if self._reserve(len(line))]
            if not taken:
                return
            self._start()
        if self._journal is not None:
            taken = taken[self._journal.write(monitor, kind, taken) :]
            self._tally.add("unjournaled", len(taken))
        with self._changed:
            self._loose += [(monitor, kind, line) for line in taken]
            if self._line_rows >= self._options.batch_rows or self._line_bytes >= MAX_BATCH_BYTES:
                self._wants_packing = True
                self._changed.notify_all()

    def _reserve(self, size: int) -> bool:
        """Count a line of that size as taken; where there is no room, as dropped."""
        if self._ended or not self._has_room(size):
            self._tally.add("dropped")
            why = "the process ends" if self._ended else "neither memory nor disk has room"
            self._troubles.note("dropped", "rows are dropped: %s", why)
            return False
        self._line_rows += 1
        self._line_bytes += size
        return True

    def _has_room(self, size: int) -> bool:
        """Say whether a line has room, after a wait where the caller allows one."""
        deadline = time.monotonic() + self._options.max_wait
        while self._line_bytes + self._outbox.memory_bytes + size > self._options.memory_bytes:
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._changed.wait(min(left, WAIT_STEP))
        return True

    def _note_invalid(self, error: Exception) -> None:
        self.skip(f"{type(error).__name__}: {error}"[:300])

    def flush(self, timeout: float) -> bool:
        """Send what was logged so far; return whether all of it was answered in time."""
        deadline = time.monotonic() + timeout
        self._pack(write_all=False)
        return self._sender.wait(self._outbox.last, deadline)

    def close(self, timeout: float, *, for_good: bool = False) -> bool:
        """Send what was logged, as far as the time allows; return whether everything was answered.

        What is left stays on the disk. The next row starts the threads again, unless it is `for_good`.
        """
        deadline = time.monotonic() + timeout
        self._ended = self._ended or for_good
        self._pack(write_all=True)
        self._sender.wait_for_the_end(self._outbox.last, deadline)
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._sender.stop()
        is_done = self._sender.wait(self._outbox.last, time.monotonic())
        if not is_done:
            in_journal = self._outbox.rows_in_journal()
            kept = self._outbox.rows_on_disk() + in_journal
            lost = self._outbox.rows_in_memory() - in_journal
            message = "not all rows were sent: %d wait on the disk for the next process, %d are lost"
            self._troubles.note("left", message, kept, lost)
        try:
            self._outbox.tidy_up()
            if self._journal is not None and not self._outbox.rows_in_journal():
                self._journal.tidy_up()
        except OSError as error:
            self._troubles.note("spool", "the spool could not be tidied up: %s", error)
        return is_done

    def stats(self) -> Stats:
        """Return the counts as of now."""
        with self._packing, self._changed:  # in the order of `_pack`
            counts = self._tally.counts
            return Stats(
                **{
                    name: counts[name]
                    for name in (
                        "logged", "taken_over", "accepted", "rejected", "invalid", "dropped",
                        "broken_files", "retries", "unjournaled",
                    )
                },
                waiting=self._line_rows + self._outbox.rows_in_memory() + self._outbox.rows_on_disk(),
                batches_on_disk=self._outbox.batches_on_disk(),
                bytes_on_disk=self._outbox.disk_bytes,
                last_error=self._tally.last_error,
                reasons=self._tally.reasons,
            )  # fmt: skip

    @property
    def tally(self) -> Tally:
        """The counts and the refused rows."""
        return self._tally

    @property
    def exit_seconds(self) -> float:
        """How long the end of the process may take."""
        return self._options.exit_seconds

    def after_fork(self) -> None:
        """In a forked child: begin with nothing. Rows, spool and connection are the parent's."""
        self._outbox.forget()
        if self._journal is not None:
            self._journal.forget()
        self._sender.forget()
        self._reset()

    def _start(self) -> None:
        if self._packer is not None and not self._stopping:
            return
        self._stopping = False
        packer = self._packer or threading.Thread(
            target=self._work, name="tidegauge-client packer", daemon=True
        )
        try:
            if self._packer is None:
                packer.start()
            self._packer = packer
            self._sender.start()
        except RuntimeError as error:  # no more threads, or the interpreter ends: the next row tries again
            self._troubles.note("thread", "no thread could be started; rows wait: %s", error)
            return
        forks.finish_with_multiprocessing()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: self._stopping or self._wants_packing, timeout=self._options.interval
                )
                if self._stopping:
                    self._packer = None
                    return
            self._pack(write_all=False)

    def _pack(self, *, write_all: bool) -> None:
        """Make batches of the lines; write to the disk what waits since the last pass, or everything."""
        with self._packing:
            with self._changed:
                loose, self._loose = self._loose, []
                self._wants_packing = False
            sealed = [] if self._journal is None else self._journal.take()
            sealed += [Sealed(batch, None) for batch in _batches(loose, self._options.batch_rows)]
            for batch, path in sorted(sealed, key=_rows_before_labels):
                self._outbox.add(
                    batch, path
                )  # it may wait for the disk: not under the lock that callers need
                with self._changed:
                    self._line_rows -= batch.rows
                    self._line_bytes -= batch.size
            if self._journal is not None:
                self._journal.recover()
            newest = self._outbox.last
            # What was not answered for a whole interval goes to the disk too: the service may hang.
            self._persist(newest if write_all or self._sender.is_away else self._packed)
            self._packed = newest
        if self._line_bytes + self._outbox.memory_bytes < self._options.memory_bytes // 2:
            self._troubles.ended("dropped", "rows are taken again")
        self._sender.wake()

    def _open_journal(self) -> Journal | None:
        options = self._options
        if options.spool is None or not options.has_journal:
            return None
        return Journal(
            options.spool,
            is_synchronised=options.is_synchronised,
            batch_rows=options.batch_rows,
            batch_bytes=MAX_BATCH_BYTES,
            troubles=self._troubles,
        )

    def _persist(self, through: int) -> None:
        try:
            self._outbox.persist(through=through)
        except OSError as error:
            self._troubles.note("disk", "batches cannot be written to the disk and wait in memory: %s", error)
        else:
            self._troubles.ended("disk", "batches can be written to the disk again")


def _rows_before_labels(sealed: Sealed) -> tuple[bool, str]:
    """Return what sorts batches by age, but rows before labels, which may belong to them."""
    return sealed.batch.kind == "labels", sealed.batch.key


def _batches(lines: list[tuple[str, Kind, bytes]], most: int) -> list[Batch]:
    """Return batches of lines that are not in the journal."""
    groups: dict[tuple[str, Kind], list[bytes]] = {}
    for monitor, kind, line in lines:
        groups.setdefault((monitor, kind), []).append(line)
    found = []
    for (monitor, kind), every in groups.items():
        part: list[bytes] = []
        size = 0
        for line in every:
            if part and (len(part) == most or size + len(line) > MAX_BATCH_BYTES):
                found.append(Batch.of(monitor, kind, part))
                part, size = [], 0
            part.append(line)
            size += len(line)
        found.append(Batch.of(monitor, kind, part))
    return found
