"""Take in monitor files that were edited, added, deleted or sent while the service runs.

The folder is looked at every POLL_SECONDS, and at once after SIGHUP. A good edit replaces the monitor's
cycles after the one that runs; a bad one is refused and the earlier file holds. A file of the folder
wins over one that was sent for the same name. A monitor whose source had ended and that was reset is started
again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from service.config.monitor_folder import DefinedMonitor, MonitorFolder, read_folder, signature
from service.config.sent_monitor import read_sent
from service.config.sent_monitor_copy import write_copy
from service.errors import ConfigurationError, StoreError, TidegaugeError
from service.runtime.background_task import background
from service.store.tables.inbox import sent_monitors
from service.store.tables.monitors import monitor as monitor_table

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from datetime import datetime

    import asyncpg

    from service.config.monitor_folder import Signature
    from service.config.settings import Settings
    from service.status.live_feed import EventBroadcaster
    from service.store.tables.inbox.sent_monitors import SentMonitor
    from service.wiring.monitor_cycles import MonitorCycles

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
NOT_NOTED = "monitor not noted in the database"
KEPT_HINT = "the earlier file holds; edit it again, or send SIGHUP once what it names is there"


@asynccontextmanager
async def reload_files(reload: Reload, *, hung_up: Callable[[], None]) -> AsyncIterator[None]:
    """Follow the monitor files, and the monitors that are sent, while the context lasts.

    `hung_up` is called where SIGHUP says that the terminal from which the service was started is gone.
    """
    asked = asyncio.Event()
    with _on_hang_up(asked, hung_up):
        async with background(reload.follow(asked), name="monitor files"):
            yield


@contextmanager
def _on_hang_up(asked: asyncio.Event, hung_up: Callable[[], None]) -> Iterator[None]:
    loop, on_terminal = asyncio.get_running_loop(), sys.stdin is not None and sys.stdin.isatty()
    before = signal.getsignal(signal.SIGHUP)

    def act() -> None:
        if on_terminal and not sys.stdin.isatty():
            hung_up()  # closed with its window: nobody could stop it any more
        else:
            asked.set()

    loop.add_signal_handler(signal.SIGHUP, act)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        signal.signal(signal.SIGHUP, before)


class Reload:
    """Compares the folder with the monitors that run, and makes them agree."""

    def __init__(
        self,
        settings: Settings,
        cycles: MonitorCycles,
        pool: asyncpg.Pool,
        broadcaster: EventBroadcaster,
    ) -> None:
        self._folder = settings.monitors_dir
        self._data_dir = settings.data_dir
        self._cycles = cycles
        self._pool = pool
        self._changed = broadcaster.notify
        self._listed = broadcaster.notify_list
        self._busy = asyncio.Lock()  # what is sent is taken in at once
        self._sent: dict[str, SentMonitor] = {}  # as last read
        self._paths: dict[Path, str] = {}  # of every file that defined a monitor, with its name

    async def follow(self, asked: asyncio.Event, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Look at the folder every `poll_seconds`, and at once where `asked` is set, until cancelled."""
        before = taken_in = await self._signature()
        await self.take_in()  # an edit since the start read the folder
        while True:
            is_asked = await _is_set_within(asked, poll_seconds)
            found = await self._signature()
            # A file that is still being written is left until it has settled.
            if is_asked or (found == before and found != taken_in):
                await self.take_in()
                taken_in = found
            before = found
            await self._restart_reset()

    async def take_in(self) -> None:
        """Read every file and make the running monitors agree; what cannot be used is refused."""
        async with self._busy:
            await self._take_in()

    async def _take_in(self) -> None:
        try:
            folder = await asyncio.to_thread(read_folder, self._folder, self._data_dir)
        except ConfigurationError as error:
            self._refuse(str(self._folder), str(error))
            return
        before = self._sent.keys()
        folder = await self._with_sent(folder)
        from_files = self._cycles.monitors.keys() - before
        if not folder.monitors and not folder.faults and from_files:
            self._refuse(str(self._folder), f"{self._folder}: no monitor file in it; the monitors go on")
            return
        self._accept(str(self._folder))
        running = self._cycles.monitors
        for name, fault in self._faults(folder).items():
            self._refuse(name, fault)
        gone = running.keys() - folder.monitors.keys() - self._faults(folder).keys()
        self._paths |= {found.path: name for name, found in folder.monitors.items()}
        known = {str(path) for path in folder.faults} | running.keys() | folder.names | {str(self._folder)}
        for key in self._cycles.index.faults.keys() - known:
            self._accept(key)
        changes = [self._stop(name, was_sent=name in before) for name in sorted(gone)]
        for name, found in folder.monitors.items():
            if name not in running:
                changes.append(self._start(found))
            elif running[name] != found.monitor:
                changes.append(self._replace(found))
            elif name not in self._faults(folder):
                self._accept(name)
        await asyncio.gather(*changes)

    async def _with_sent(self, folder: MonitorFolder) -> MonitorFolder:
        """Return what the folder defines, and what was sent and no file of it defines."""
        try:
            self._sent = await sent_monitors.read_all(self._pool)
            await asyncio.to_thread(write_copy, self._data_dir, sent_monitors.texts_of(self._sent))
        except StoreError as error:  # those that run go on
            log.debug("sent monitors not read", error=str(error))
        monitors, faults, faulty = dict(folder.monitors), dict(folder.faults), dict(folder.faulty)
        for name, sent in self._sent.items():
            if name in folder.names:
                continue
            label = Path(f"{name} ({sent.origin})")
            try:
                found = await asyncio.to_thread(read_sent, name, sent.content, self._data_dir)
            except ConfigurationError as error:
                faults[label] = str(error)
                faulty[name] = label
            else:
                monitors[name] = DefinedMonitor(label, found)
        return MonitorFolder(monitors, faults, faulty)

    def _faults(self, folder: MonitorFolder) -> dict[str, str]:
        """Return the files' faults, by the name of the monitor that runs, else by the file."""
        running = self._cycles.monitors
        seeming = {path: name for name, path in folder.faulty.items()}
        named = {path: self._paths.get(path) or seeming.get(path, path.stem) for path in folder.faults}
        is_own = {path: name in running and name not in folder.monitors for path, name in named.items()}
        return {
            named[path] if is_own[path] else str(path): fault.replace("\n", "; ")
            for path, fault in folder.faults.items()
        }

    async def _start(self, found: DefinedMonitor) -> None:
        name = found.monitor.name
        try:
            await monitor_table.set_defined(self._pool, [name])
        except StoreError as error:
            log.warning(NOT_NOTED, monitor=name, error=str(error))
        await self._cycles.start(found.monitor)
        self._accept(str(found.path))
        log.info("monitor file added", monitor=name, file=str(found.path))
        self._listed()

    async def _replace(self, found: DefinedMonitor) -> None:
        name = found.monitor.name
        had_ended = self._cycles.index.jobs[name].exhausted
        try:
            await self._cycles.replace(found.monitor)
        except Exception as error:  # noqa: BLE001  # whatever an edit brings about, the earlier file holds
            self._refuse(name, f"{found.path}: {error}", None if isinstance(error, TidegaugeError) else error)
            return
        self._accept(name)
        hint = {"hint": f"its source has ended: `tidegauge monitor reset {name}` measures it by the edit"}
        log.info("monitor file edited", monitor=name, file=str(found.path), **(hint if had_ended else {}))
        self._changed(name)

    async def _stop(self, name: str, *, was_sent: bool) -> None:
        if was_sent:  # only a command takes such a monitor away, and notes it
            hint = f"`tidegauge monitor remove` or `rename` took it; PUT /v1/monitors/{name} makes it again"
            log.info("sent monitor ended", monitor=name, hint=hint)
        else:
            await self._file_gone(name)
        await self._cycles.stop(name)
        self._accept(name)
        self._listed()

    async def _file_gone(self, name: str) -> None:
        fences = self._cycles.fences
        fence = None if fences is None else fences.fence(name)
        was_removed = False
        if fences is None or fence is not None:  # else its holder says so, should it lose its file as well
            try:
                was_removed = await monitor_table.set_file_gone(self._pool, name, fence)
            except StoreError as error:
                log.warning(NOT_NOTED, monitor=name, error=str(error))
        hint = (
            "it was removed before; a file of that name brings it back"
            if was_removed
            else f"its history stays; `tidegauge monitor remove {name}` takes it out of the dashboards, and "
            f"`tidegauge monitor rename {name} NEW` gives its history to the name of its renamed file"
        )
        log.warning("monitor file deleted", monitor=name, hint=hint)

    async def _restart_reset(self) -> None:
        ended = [
            job.name
            for job in self._cycles.index.jobs.values()
            if job.exhausted and job.finished.is_set() and not job.elsewhere
        ]
        if not ended:
            return
        try:
            reset = await monitor_table.reopened(self._pool, ended)
        except StoreError:  # every cycle says so as well, and the next look comes in a moment
            return
        for name in reset:
            log.info("monitor was reset", monitor=name)
            await self._cycles.restart(name)
            self._changed(name)

    def _refuse(self, key: str, fault: str, unexpected: Exception | None = None) -> None:
        if self._cycles.index.faults.get(key) == fault:
            return  # it was logged
        self._cycles.index.faults[key] = fault
        hint = {"hint": KEPT_HINT} if key in self._cycles.monitors else {}
        log.error("monitor file refused", file=key, error=fault, exc_info=unexpected, **hint)
        self._faults_changed(key)

    def _accept(self, key: str) -> None:
        if self._cycles.index.faults.pop(key, None) is not None:
            self._faults_changed(key)

    def _faults_changed(self, key: str) -> None:
        if key in self._cycles.monitors:
            self._changed(key)
        else:
            self._listed()

    async def _signature(self) -> tuple[Signature | None, dict[str, datetime]]:
        try:
            files: Signature | None = await asyncio.to_thread(signature, self._folder)
        except OSError:
            files = None  # the folder is gone: what to say of it is found by reading it
        try:
            return files, await sent_monitors.versions(self._pool)
        except StoreError:  # every cycle says so as well
            return files, {name: sent.sent_at for name, sent in self._sent.items()}


async def _is_set_within(asked: asyncio.Event, seconds: float) -> bool:
    try:
        await asyncio.wait_for(asked.wait(), seconds)
    except TimeoutError:
        return False
    asked.clear()
    return True
