"""The commands `monitor reset | remove | rename`: a monitor's history, kept apart from its file."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from service.commands.environment import load_settings, read_files
from service.commands.exit_status import CLEAN, FAILED
from service.commands.metrics import unknown_name
from service.core.time_units import to_datetime
from service.core.windows.window import Unit
from service.errors import ConfigurationError, StoreError
from service.runtime.compute_threads import workers
from service.sources.protocol import SeekableSource
from service.store import lifecycle
from service.store.leases import leases
from service.store.migrate import migrate, migrations_folder
from service.store.tables.inbox import sent_monitors
from service.store.tables.monitors import monitor as monitor_table
from service.wiring.database import database
from service.wiring.hash_key import hash_key
from service.wiring.monitor import build_monitor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    import asyncpg

    from service.config.monitor import Monitor
    from service.config.monitor_folder import MonitorFolder
    from service.config.settings import Settings
    from service.store.lifecycle import FromPane
    from service.store.tables.monitors.monitor import StoredMonitor

NOTICING_SECONDS, NOTICING_LOOKS = 6.0, 12  # in which a service notices that a file is gone
LET_GO_SECONDS = 30  # a running service looks every second, and ends its cycle first
LET_GO_POLL_SECONDS = 0.2


def reset(name: str, *, since: datetime | None, yes: bool) -> int:
    """Let a monitor's source be measured again from its start, or from `since`; return the exit status.

    Raises ConfigurationError where there is no such monitor, or it cannot be measured again from there.
    """
    settings = load_settings()
    folder = read_files(settings)
    return asyncio.run(_reset(settings, folder, name, since=since, yes=yes))


async def _reset(
    settings: Settings, folder: MonitorFolder, name: str, *, since: datetime | None, yes: bool
) -> int:
    async with _database(settings) as pool:
        stored = await _check_exists(pool, folder, name)
        if name not in folder.monitors:
            path = folder.path_of(name)
            if name in await sent_monitors.read_all(pool):
                raise ConfigurationError(f"{name}: {_NOT_KEPT}")
            fault = _no_file(stored[name], settings) if path is None else folder.faults[path]
            raise ConfigurationError(fault)
        if not folder.monitors[name].monitor.source.can_be_read_again:
            raise ConfigurationError(f"{name}: {_NOT_KEPT}")
        begin, position = None, None
        if since is not None:
            monitor = folder.monitors[name].monitor
            begin = await _pane_at(pool, monitor, since)
            position = await _position(settings, pool, monitor, begin)
        again = "from its start" if begin is None else f"from {_minute(begin.start)} on"
        if not agreed(f"{name}: its source is measured again {again}; what was measured stays.", yes=yes):
            return FAILED
        deliver = settings.webhook_url is not None
        found = await lifecycle.reset(pool, name, begin=begin, position=position, deliver_events=deliver)
        if not found:
            sys.stdout.write(f"{name} has not measured anything yet; there is nothing to reset\n")
        else:
            sys.stdout.write(f"{name} is measured again {again}, by a running service or the next start\n")
    return CLEAN


def _no_file(known: StoredMonitor, settings: Settings) -> str:
    if not known.is_measured:
        return f"{known.name}: no file defines it, so that nothing would measure it again"
    by = "a running service" if known.holder is None else known.holder
    return (
        f"{known.name}: {by} measures it, by a file that is not in {settings.monitors_dir}; expected "
        "TIDEGAUGE_MONITORS_DIR to name the folder that has it"
    )


_NOT_KEPT = (
    "its rows were sent, and are not kept once they are measured; expected a monitor whose source can be "
    "read again. An edit of its file holds for the rows that come after it"
)


async def _pane_at(pool: asyncpg.Pool, monitor: Monitor, since: datetime) -> FromPane:
    name = monitor.name
    if monitor.labels is not None:
        raise ConfigurationError(
            f"{name}: --from: its labels come after their rows, and those of earlier rows would find none; "
            f"expected `tidegauge monitor reset {name}` without --from"
        )
    if monitor.window.plan().unit is Unit.ROWS:
        raise ConfigurationError(
            f"{name}: --from: its windows are counted in rows from the start; "
            f"expected `tidegauge monitor reset {name}` without --from"
        )
    begin = await lifecycle.find_pane(pool, name, since)
    if begin is None:
        raise ConfigurationError(f"{name}: --from: no row of it was measured from {since} on")
    return begin


async def _position(
    settings: Settings, pool: asyncpg.Pool, monitor: Monitor, begin: FromPane
) -> dict[str, Any]:
    async with workers() as compute:
        source = build_monitor(monitor, pool, compute, lambda: hash_key(settings)).source
        try:
            if not isinstance(source, SeekableSource):
                raise ConfigurationError(
                    f"{monitor.name}: --from: a {monitor.source.type} source has no place for a time; "
                    f"expected `tidegauge monitor reset {monitor.name}` without --from"
                )
            return await source.position_at(begin.start)
        finally:
            await source.close()


def remove(name: str, *, purge: bool, force: bool, yes: bool) -> int:
    """Take a monitor without a file out of the views, with `purge` out of the database.

    Returns the exit status. Raises ConfigurationError where there is no such monitor, or a file defines it.
    """
    settings = load_settings()
    folder = read_files(settings)
    return asyncio.run(_remove(settings, folder, name, purge=purge, force=force, yes=yes))


async def _remove(
    settings: Settings, folder: MonitorFolder, name: str, *, purge: bool, force: bool, yes: bool
) -> int:
    async with _database(settings) as pool:
        stored = await _check_exists(pool, folder, name)
        _check_without_file(folder, name, "delete or move it first, else its cycles would bring it back")
        was_sent = name in await sent_monitors.read_all(pool)
        if not (force or was_sent):  # it stops with what was sent for it
            await _check_not_running(pool, stored[name])
        kept = "all that was measured of it is deleted." if purge else "its history is kept."
        if not agreed(f"{name} is taken out of the monitors, alarms and dashboards; {kept}", yes=yes):
            return FAILED
        await lifecycle.remove(pool, name, deliver_events=settings.webhook_url is not None)
        if purge and was_sent:
            await _let_go(pool, name)
        if purge:
            deleted = await lifecycle.purge(pool, name)
            sys.stdout.write(f"{name} is removed, with {deleted} rows of its history\n")
        else:
            sys.stdout.write(f"{name} is removed; its history is kept until --purge\n")
    return CLEAN


async def _let_go(pool: asyncpg.Pool, name: str) -> None:
    """Wait until no service measures a removed monitor any more, whose cycles would write what is purged.

    Raises StoreError where one does not let go.
    """
    deadline = time.monotonic() + LET_GO_SECONDS
    while holder := (await leases.holders(pool)).get(name):
        if time.monotonic() > deadline:
            raise StoreError(
                f"{name} is removed, but {holder} has not let go of it in {LET_GO_SECONDS} seconds, so that "
                f"nothing is deleted; expected `tidegauge monitor remove {name} --purge` once it has"
            )
        await asyncio.sleep(LET_GO_POLL_SECONDS)


def rename(old: str, new: str, *, replace: bool, force: bool, yes: bool) -> int:
    """Give the history of a monitor without a file to another name; return the exit status.

    Raises ConfigurationError where there is no such history, a file defines `old`, or `new` has its own.
    """
    settings = load_settings()
    folder = read_files(settings)
    return asyncio.run(_rename(settings, folder, (old, new), replace=replace, force=force, yes=yes))


async def _rename(
    settings: Settings,
    folder: MonitorFolder,
    names: tuple[str, str],
    *,
    replace: bool,
    force: bool,
    yes: bool,
) -> int:
    old, new = names
    async with _database(settings) as pool:
        if old == new:
            raise ConfigurationError(f"{old}: is the new name as well; expected another")
        stored = {each.name: each for each in await monitor_table.read_all(pool)}
        if old not in stored:
            raise ConfigurationError(f"there is no history: {unknown_name(old, sorted(stored))}")
        _check_without_file(folder, old, f"rename it first: {new}.yaml, or its `name:`")
        if not force:
            await _check_not_running(pool, stored[old])
        own = stored.get(new)
        is_empty = own is None or (own.state is None and not own.rows and own.removed_at is None)
        if not is_empty and not replace:
            raise ConfigurationError(
                f"{new} has a history of its own; expected --replace, which deletes that and puts "
                f"{old}'s in its place, or another name"
            )
        lost = "" if is_empty else f" What {new} has measured is deleted."
        if not agreed(f"The history of {old} becomes that of {new}.{lost}", yes=yes):
            return FAILED
        deliver = settings.webhook_url is not None
        await lifecycle.rename(pool, old, new, replace=replace, deliver_events=deliver)
        sys.stdout.write(f"the history of {old} is that of {new}\n")
        if new not in folder.names:
            sys.stdout.write(f"note: no file defines {new} yet\n")
    return CLEAN


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[asyncpg.Pool]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        yield pool


async def _check_exists(pool: asyncpg.Pool, folder: MonitorFolder, name: str) -> dict[str, StoredMonitor]:
    stored = {each.name: each for each in await monitor_table.read_all(pool)}
    known = stored.keys() | folder.names
    if name not in known:
        raise ConfigurationError(unknown_name(name, sorted(known)))
    return stored


def _check_without_file(folder: MonitorFolder, name: str, instead: str) -> None:
    path = folder.path_of(name)
    if path is not None:
        raise ConfigurationError(f"{name}: {path} still defines it; {instead}")


async def _check_not_running(pool: asyncpg.Pool, known: StoredMonitor) -> None:
    """Refuse to hide or move what a service still measures, or is about to, by files of any machine."""
    if known.holder is not None and known.is_measured:
        raise ConfigurationError(
            f"{known.name}: {known.holder} measures it; delete its file there, which the service notices "
            "within seconds, or stop that service, or add --force"
        )
    if known.is_measured:
        raise ConfigurationError(
            f"{known.name}: a service seems to run it: its last cycle was a moment ago; delete its file "
            "there, or stop that service and wait for three cycles, 30 seconds at least, or add --force"
        )
    replicas = await leases.with_file(pool, known.name)
    for _ in range(NOTICING_LOOKS):  # a file that was deleted just now is noticed by its service in a moment
        if not replicas:
            return
        await asyncio.sleep(NOTICING_SECONDS / NOTICING_LOOKS)
        replicas = await leases.with_file(pool, known.name)
    if replicas:
        raise ConfigurationError(
            f"{known.name}: {' and '.join(replicas)} still has a file of it, and would measure it again; "
            "delete it there, or stop that service, or add --force"
        )


def agreed(what: str, *, yes: bool) -> bool:
    """Return whether to go on; asked on a terminal alone, where `yes` was not given."""
    if yes or not sys.stdin.isatty():
        return True
    sys.stdout.write(f"{what} Go on? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _minute(instant: int) -> str:
    return f"{to_datetime(instant):%Y-%m-%d %H:%M} UTC"
