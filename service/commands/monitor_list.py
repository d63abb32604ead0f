"""The command `monitor list`: every monitor that a file defines or the database knows."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN
from service.config.monitor_folder import read_folder
from service.store.migrate import migrate, migrations_folder
from service.store.tables.inbox import sent_monitors
from service.store.tables.monitors import monitor as monitor_table
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from service.config.monitor_folder import MonitorFolder
    from service.config.settings import Settings
    from service.store.tables.inbox.sent_monitors import SentMonitor
    from service.store.tables.monitors.monitor import StoredMonitor

# States beside those of the view `monitors`.
NEVER_RUN = "not run yet"
REMOVED = "removed"
NO_FILE = "no file"
SENT = "sent"


@dataclass(frozen=True, slots=True)
class ListedMonitor:
    """A monitor, its file and what the database has of it.

    - `file`: None where none defines it: it was sent, or only its history is left
    - `sent`: by whom and when it was sent; None where it was not, or where a file defines it
    - `state`: as the view `monitors` has it, else one of the above
    - `window_end`: of the newest window, ISO 8601; None before the first
    - `rows`: the rows that were taken
    - `note`: what is wrong with it
    """

    name: str
    file: str | None
    state: str
    ended: bool
    window_end: str | None
    rows: int
    note: str | None
    sent: str | None = None


def execute(*, as_json: bool) -> int:
    """Print the monitors as a table, or as one JSON list; return the exit status."""
    settings = load_settings()
    folder = read_folder(settings.monitors_dir, settings.data_dir)
    known, sent = asyncio.run(_stored(settings))
    listed = list(listed_monitors(folder, {each.name: each for each in known}, sent))
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in listed], indent=2) + "\n")
    else:
        _write_table(listed)
    return CLEAN


async def _stored(settings: Settings) -> tuple[list[StoredMonitor], dict[str, SentMonitor]]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        return await monitor_table.read_all(pool), await sent_monitors.read_all(pool)


def listed_monitors(
    folder: MonitorFolder, stored: Mapping[str, StoredMonitor], sent: Mapping[str, SentMonitor]
) -> Iterator[ListedMonitor]:
    """Yield every monitor: those of files, those that were sent, and those that only have a history."""
    for name in sorted(folder.names):
        path = folder.path_of(name)
        fault = None if path is None or name in folder.monitors else folder.faults[path]
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
    if file is None:
        state, note = (REMOVED, None) if known.removed_at else (NO_FILE, _how_to_remove(name))
    end = known.window_end
    return ListedMonitor(
        name, file, state, known.ended, None if end is None else end.isoformat(), known.rows, note
    )


def _how_to_remove(name: str) -> str:
    return f"only its history is left; `tidegauge monitor remove {name}` takes it out of the dashboards"


def _write_table(listed: list[ListedMonitor]) -> None:
    lines = [("monitor", "from", "state", "last window", "rows")]
    for each in listed:
        state = f"{each.state}, source ended" if each.ended and (each.file or each.sent) else each.state
        end = "-" if each.window_end is None else each.window_end[:16].replace("T", " ")
        lines.append((each.name, each.file or each.sent or "-", state, end, str(each.rows)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sys.stdout.writelines("  ".join(map(str.ljust, line, widths)).rstrip() + "\n" for line in lines)
    sys.stdout.writelines(f"{each.name}: {each.note}\n" for each in listed if each.note)
