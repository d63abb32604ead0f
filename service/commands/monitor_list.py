"""The command `monitor list`: every monitor that a file defines or the database knows."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from service.commands.environment import load_settings, read_files
from service.commands.exit_status import CLEAN
from service.store.leases import leases
from service.store.migrate import migrate, migrations_folder
from service.store.tables.inbox import sent_monitors
from service.store.tables.monitors import monitor as monitor_table
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from service.config.monitor_folder import MonitorFolder
    from service.config.settings import Settings
    from service.store.tables.inbox.sent_monitors import SentMonitor
    from service.store.tables.monitors.monitor import StoredMonitor

# States beside those of the view `monitors`.
NEVER_RUN = "not run yet"
REMOVED = "removed"
NO_FILE = "no file"
SENT = "sent"

NOT_READ = (
    "no running service has this file: it was added a moment ago, or they read another folder "
    "(TIDEGAUGE_MONITORS_DIR)"
)


@dataclass(frozen=True, slots=True)
class ListedMonitor:
    """A monitor, its file and what the database has of it.

    - `file`: None where none is here: it was sent, a service has it elsewhere, or only its history is left
    - `sent`: by whom and when it was sent; None where it was not, or where a file defines it
    - `state`: as the view `monitors` has it, else one of the above
    - `window_end`: of the newest window, ISO 8601; None before the first
    - `rows`: the rows that were taken
    - `note`: what is wrong with it
    - `replica`: the running service that measures it; None where none does
    """

    name: str
    file: str | None
    state: str
    ended: bool
    window_end: str | None
    rows: int
    note: str | None
    sent: str | None = None
    replica: str | None = None


def execute(*, as_json: bool) -> int:
    """Print the monitors as a table, or as one JSON list; return the exit status."""
    settings = load_settings()
    folder = read_files(settings)
    known, sent, read = asyncio.run(_stored(settings))
    listed = list(listed_monitors(folder, {each.name: each for each in known}, sent, read))
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in listed], indent=2) + "\n")
    else:
        _write_table(listed)
    return CLEAN


async def _stored(settings: Settings) -> tuple[list[StoredMonitor], dict[str, SentMonitor], frozenset[str]]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        known = await monitor_table.read_all(pool)
        return known, await sent_monitors.read_all(pool), await leases.files(pool)


def listed_monitors(
    folder: MonitorFolder,
    stored: Mapping[str, StoredMonitor],
    sent: Mapping[str, SentMonitor],
    read: Collection[str] = (),
) -> Iterator[ListedMonitor]:
    """Yield every monitor: those of files, those that were sent, and those that only have a history.

    `read` are the monitors whose files a running service has, none where none runs.
    """
    for name in sorted(folder.names):
        path = folder.path_of(name)
        fault = None if path is None or name in folder.monitors else folder.faults[path]
        if read and name not in read and fault is None:
            fault = NOT_READ
        yield _listed(name, str(path), stored.get(name), fault)
    for name in sorted(sent.keys() - folder.names):
        found = _listed(name, SENT, stored.get(name), None)
        yield replace(found, file=None, sent=sent[name].origin)
    for name in sorted(stored.keys() - folder.names - sent.keys()):
        yield _listed(name, None, stored[name], None)


def _listed(name: str, file: str | None, known: StoredMonitor | None, fault: str | None) -> ListedMonitor:
    if known is None:
        return ListedMonitor(name, file, NEVER_RUN, ended=False, window_end=None, rows=0, note=fault)
    state, note = known.state or NEVER_RUN, fault or known.error
    if file is None and known.is_measured:
        note = known.error or _measured_elsewhere(known.holder)
    elif file is None:
        state, note = (REMOVED, None) if known.removed_at else (NO_FILE, _how_to_remove(name))
    return ListedMonitor(
        name,
        file,
        state,
        known.ended,
        None if known.window_end is None else known.window_end.isoformat(),
        known.rows,
        note,
        replica=known.holder,
    )


def _measured_elsewhere(replica: str | None) -> str:
    by = "a running service" if replica is None else f"the service {replica}"
    return f"{by} measures it, by a file of another folder than this command reads (TIDEGAUGE_MONITORS_DIR)"


def _how_to_remove(name: str) -> str:
    return f"only its history is left; `tidegauge monitor remove {name}` takes it out of the dashboards"


def _write_table(listed: list[ListedMonitor]) -> None:
    lines = [("monitor", "from", "state", "last window", "rows")]
    for each in listed:
        is_defined = each.file or each.sent or each.replica
        state = f"{each.state}, source ended" if each.ended and is_defined else each.state
        end = "-" if each.window_end is None else each.window_end[:16].replace("T", " ")
        lines.append((each.name, each.file or each.sent or each.replica or "-", state, end, str(each.rows)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sys.stdout.writelines("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
    sys.stdout.writelines(f"{each.name}: {each.note}\n" for each in listed if each.note)
