"""What keeps this machine from reading the rows of its monitors, looked at again and again in the background.

No renewal of leases waits for a look: a folder of a network may take long to answer.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from service.sources.hindrance import missing_path

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from service.config.monitor import Monitor

log = structlog.get_logger(__name__)

LOOK_SECONDS = 5.0
FIRST_LOOK_SECONDS = 5.0


class Hindrances:
    """By monitor, why this machine cannot read its rows, by the last look; `changed` is called after it."""

    def __init__(self, monitors: Callable[[], Mapping[str, Monitor]], changed: Callable[[], None]) -> None:
        self._monitors = monitors
        self._changed = changed
        self.found: Mapping[str, str] = {}

    async def work(self) -> None:
        """Look until the task is cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def first(self) -> None:
        """Look once, and go on without where that takes long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.look(), FIRST_LOOK_SECONDS)

    async def look(self) -> None:
        """Look at what every monitor's rows are read by."""
        before, monitors = self.found, dict(self._monitors())
        self.found = await asyncio.to_thread(hindrances, monitors)
        for name in self.found.keys() - before.keys():
            log.warning("monitor left to others", monitor=name, hint=self.found[name])
        if self.found != before:
            self._changed()


def hindrances(monitors: Mapping[str, Monitor]) -> dict[str, str]:
    """Return by monitor why its rows, its reference or its labels cannot be read here."""
    found = {}
    for name, monitor in monitors.items():
        labels = None if monitor.label_file is None else monitor.label_file.path
        reason = monitor.source.hindrance() or monitor.reference.hindrance()
        reason = reason or (None if labels is None else missing_path(labels))
        if reason is not None:
            found[name] = reason
    return found
