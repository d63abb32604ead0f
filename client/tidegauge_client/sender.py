"""Post the batches of an outbox, the oldest first, until each was answered."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from tidegauge_client.delivery import RetryLaterError, deliver

if TYPE_CHECKING:
    from collections.abc import Callable

    from tidegauge_client.outbox import Entry, Outbox
    from tidegauge_client.tally import Tally
    from tidegauge_client.transport import Transport
    from tidegauge_client.troubles import Troubles

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
ADOPT_SECONDS = 30.0


class Sender:
    """A thread that posts; `persist` writes batches up to a sequence to the disk."""

    def __init__(
        self,
        outbox: Outbox,
        transport: Transport,
        tally: Tally,
        troubles: Troubles,
        persist: Callable[[int], None],
    ) -> None:
        self._outbox, self._transport = outbox, transport
        self._tally, self._troubles, self._persist = tally, troubles, persist
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._failures = 0
        self._not_before = 0.0
        self._adopted_at = -ADOPT_SECONDS
        self.is_away = False

    def start(self) -> None:
        """Start the thread, or let it go on. Raises RuntimeError where there can be none."""
        with self._changed:
            self._stopped = False
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="tidegauge sender", daemon=True)
                thread.start()
                self._thread = thread

    def wake(self) -> None:
        """Say that there may be something to send."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, sequence: int, deadline: float) -> bool:
        """Wait until every batch up to `sequence` was answered; return whether they were in time."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._outbox.is_done(sequence), timeout=max(0.0, deadline - time.monotonic())
            )

    def wait_for_the_end(self, sequence: int, deadline: float) -> None:
        """Wait as `wait` does, but not for a service that is away where all that is left is on the disk."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._outbox.is_done(sequence) or (self.is_away and not self._outbox.memory_bytes),
                timeout=max(0.0, deadline - time.monotonic()),
            )

    def stop(self) -> None:
        """End the thread after what it is doing now."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def forget(self) -> None:
        """In a forked child: let go of the parent's connection."""
        self._transport.forget()

    def _work(self) -> None:
        while True:
            if time.monotonic() - self._adopted_at >= ADOPT_SECONDS:
                self._outbox.adopt()
                self._adopted_at = time.monotonic()
            entry = self._next()
            with self._changed:
                if self._stopped:
                    self._transport.close()
                    self._thread = None
                    return
            if entry is not None:
                self._send(entry)
                self.wake()

    def _next(self) -> Entry | None:
        """Wait for an entry that may be sent now; None where it is time to look for spools, or to stop."""
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                entry = self._outbox.first()
                if entry is not None and now >= self._not_before:
                    return entry
                pause = self._adopted_at + ADOPT_SECONDS - now
                if pause <= 0:
                    return None
                if entry is not None:
                    pause = min(pause, self._not_before - now)
                self._changed.wait(pause)
        return None

    def _send(self, entry: Entry) -> None:
        is_read = entry.rows > 0
        try:
            batch = self._outbox.load(entry)
        except Exception as error:  # noqa: BLE001  # tried again for ever, it would hold up all behind it
            self._set_aside(entry, error)
            return
        if batch is None:
            self._remove(entry)
            return
        if not is_read:
            self._tally.add("taken_over", batch.rows)
        try:
            delivered = deliver(batch, self._transport.post)
        except RetryLaterError as error:
            self._pause(error)
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the thread goes on
            self._pause(RetryLaterError(f"{type(error).__name__}: {error}"))
            return
        self._failures, self.is_away = 0, False
        self._troubles.ended("away", "the service takes rows again; what waited is sent")
        self._tally.add_delivered(delivered)
        for reason, count in delivered.reasons.items():
            self._troubles.note(f"rejected {reason}", "the service refused %d rows: %s", count, reason)
        self._remove(entry)

    def _pause(self, error: RetryLaterError) -> None:
        self._failures += 1
        self.is_away = True
        self._tally.add("retries")
        self._tally.last_error = str(error)
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 10))
        pause *= random.uniform(0.5, 1.0)  # noqa: S311  # so that many senders do not come back at once
        if error.seconds is not None:
            pause = max(error.seconds, FIRST_PAUSE)
        self._not_before = time.monotonic() + pause
        self._troubles.note("away", "the service takes no rows; they are kept and sent later: %s", error)
        self._persist(self._outbox.last)

    def _set_aside(self, entry: Entry, error: Exception) -> None:
        self._tally.add("broken_files")
        if entry.sequence:
            self._tally.add("dropped", entry.rows)
        self._troubles.note("broken", "a file of the spool cannot be read and is kept as *.broken: %s", error)
        self._remove(entry, broken=True)

    def _remove(self, entry: Entry, *, broken: bool = False) -> None:
        try:
            self._outbox.remove(entry, broken=broken)
        except OSError as error:
            self._troubles.note("spool", "a file of the spool cannot be removed: %s", error)
