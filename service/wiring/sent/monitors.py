"""Monitors that were sent: checked, tried and kept, and taken up as an edited file is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from service.config.monitor_folder import read_folder
from service.config.sent_monitor import read_sent, text_of
from service.errors import ConfigurationError, DefinedByFileError, StoreError, TidegaugeError
from service.store.tables.inbox import sent_monitors

if TYPE_CHECKING:
    from collections.abc import Sequence

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.settings import Settings
    from service.wiring.monitor_cycles import MonitorCycles
    from service.wiring.reload import Reload

log = structlog.get_logger(__name__)


class SentMonitors:
    """Takes in monitor files that are sent."""

    def __init__(self, settings: Settings, pool: asyncpg.Pool, cycles: MonitorCycles, reload: Reload) -> None:
        self._settings = settings
        self._pool = pool
        self._cycles = cycles
        self._reload = reload

    async def put(self, name: str, body: bytes, sent_by: str) -> bool:
        """Make or change a monitor; return whether it is a new one, once its cycles run by it.

        Raises ConfigurationError with a line per fault, also where its reference cannot be read;
        DefinedByFileError where a file of the folder defines the name; StoreError.
        """
        text = text_of(body)
        monitor = await asyncio.to_thread(read_sent, name, text, self._settings.data_dir)
        folder = await asyncio.to_thread(read_folder, self._settings.monitors_dir, self._settings.data_dir)
        path = folder.path_of(name)
        if path is not None:
            raise DefinedByFileError(f"{path} defines {name}; edit that file, or send it under another name")
        try:
            await self._cycles.try_out(monitor)
        except StoreError:
            raise
        except TidegaugeError as error:
            raise ConfigurationError(f"{name}: {error}") from error
        is_new = name not in self._cycles.monitors
        await sent_monitors.keep(self._pool, name, text, sent_by)
        log.info("monitor sent", monitor=name, by=sent_by, new=is_new)
        await self._reload.take_in()
        return is_new


async def with_sent(settings: Settings, pool: asyncpg.Pool, monitors: Sequence[Monitor]) -> list[Monitor]:
    """Return the monitors of the files, and those that were sent before and no file defines.

    One that cannot be used any more is said when the files are looked at. Raises StoreError.
    """
    known = {monitor.name for monitor in monitors}
    found = list(monitors)
    for name, sent in (await sent_monitors.read_all(pool)).items():
        if name in known:
            continue
        try:
            found.append(await asyncio.to_thread(read_sent, name, sent.content, settings.data_dir))
        except ConfigurationError as error:
            log.warning("sent monitor refused", monitor=name, error=str(error))
    return found
