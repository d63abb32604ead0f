"""Log each kind of trouble once, and its end."""

from __future__ import annotations

import logging
import threading

log = logging.getLogger("tidegauge_client")
MAX_KINDS = 100


class Troubles:
    """Which troubles were logged; several threads use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._known: set[str] = set()

    def note(self, kind: str, message: str, *values: object) -> None:
        """Log a trouble, unless one of its kind was logged and has not ended."""
        with self._lock:
            if kind in self._known or len(self._known) >= MAX_KINDS:
                return
            self._known.add(kind)
        log.warning(message, *values)

    def ended(self, kind: str, message: str, *values: object) -> None:
        """Log that a trouble has ended, where it was logged."""
        if kind not in self._known:  # the common case, without the lock
            return
        with self._lock:
            self._known.discard(kind)
        log.warning(message, *values)
