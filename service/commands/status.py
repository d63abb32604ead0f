"""The command `status`: print how every monitor is, since when and why, for people without a browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import textwrap
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from service.commands.environment import load_settings, read_files
from service.commands.exit_status import CLEAN, FAILED
from service.commands.metrics import unknown_name
from service.commands.monitor_list import NOT_READ
from service.core.story import words
from service.core.story.story import NOT_STARTED
from service.errors import ConfigurationError
from service.store.leases import leases
from service.store.migrate import migrate, migrations_folder
from service.store.tables import story
from service.wiring.database import database

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from typing import TextIO

    from service.config.monitor_folder import MonitorFolder
    from service.config.settings import Settings
    from service.store.leases.leases import HinderedReplica, RefusedFile
    from service.store.tables.story import StoredStory

ALARMING = frozenset({"alarm", "failing", "silent"})
NEVER_RUN = "not run yet"
HEAD = ("monitor", "state", "since", "story")
MIN_STORY = 40  # columns of the terminal that the story has at least
ORDER = ("failing", "silent", "alarm", "breach", "waiting", NEVER_RUN, "fine")


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """A monitor as it is printed.

    - `state`: as the view `monitors` has it, or that it has not run yet
    - `since`: ISO 8601; of an alarm in event time, of a silent or failing monitor when its last cycle worked;
      None otherwise
    - `replica`: the process that measures it; None where none does now
    """

    monitor: str
    state: str
    since: str | None
    story: str
    replica: str | None = None


def execute(*, monitor: str | None, as_json: bool) -> int:
    """Print every monitor, or one, the worst first; return 1 where one of them is in alarm, else 0.

    Raises ConfigurationError where the monitor that is asked for does not exist.
    """
    settings = load_settings()
    folder = read_files(settings)
    stories, holders, refused, hindered, read = asyncio.run(_stored(settings))
    found = [replace(each, replica=holders.get(each.monitor)) for each in statuses(stories, folder, read)]
    if monitor is not None:
        known = [each.monitor for each in found]
        if monitor not in known:
            raise ConfigurationError(f"--monitor: {unknown_name(monitor, sorted(known))}")
        found = [each for each in found if each.monitor == monitor]
    if as_json:
        sys.stdout.write(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False) + "\n")
    else:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        write_table(found, sys.stdout, width)
        sys.stdout.writelines(
            f"{each.replica} may not measure {each.monitor}: its file is not the one of {each.holder}\n"
            for each in refused
        )
        sys.stdout.writelines(
            f"{each.replica} leaves {each.monitor} to others: {each.reason}\n" for each in hindered
        )
    return FAILED if any(each.state in ALARMING for each in found) else CLEAN


async def _stored(
    settings: Settings,
) -> tuple[list[StoredStory], dict[str, str], list[RefusedFile], list[HinderedReplica], frozenset[str]]:
    async with database(settings) as pool:
        await migrate(pool, migrations_folder())
        return (
            await story.read_all(pool),
            await leases.holders(pool),
            await leases.refused_files(pool),
            await leases.hindered(pool),
            await leases.files(pool),
        )


def statuses(
    stories: Sequence[StoredStory], folder: MonitorFolder, read: Collection[str] = ()
) -> list[MonitorStatus]:
    """Return every monitor that has a story or a file, the worst first.

    `read` are the monitors whose files a running service has, none where none runs.
    """
    found = [MonitorStatus(each.monitor, each.state, _since(each), each.story) for each in stories]
    known = {each.monitor for each in stories}
    names = sorted((folder.names | set(read)) - known)
    found += [_without_story(name, folder, read) for name in names]
    return sorted(found, key=lambda each: (ORDER.index(each.state), each.monitor))


def _without_story(name: str, folder: MonitorFolder, read: Collection[str]) -> MonitorStatus:
    path = folder.path_of(name)
    if read and name not in read and name in folder.monitors:
        return MonitorStatus(name, NEVER_RUN, None, words.sentence(NOT_READ))
    if path is None or name in folder.monitors:
        return MonitorStatus(name, NEVER_RUN, None, NOT_STARTED)
    fault = words.name(folder.faults[path], words.MAX_REASON)
    return MonitorStatus(name, NEVER_RUN, None, words.sentence(f"its file cannot be used: {fault}"))


def _since(of: StoredStory) -> str | None:
    since = of.since if of.since_event_time is None or of.state != "alarm" else of.since_event_time
    return None if since is None else since.isoformat()


def write_table(found: Sequence[MonitorStatus], out: TextIO, width: int | None) -> None:
    """Write one row per monitor; its story is wrapped to `width`, or on one line where that is None.

    Where several replicas measure them, each monitor's is a column.
    """
    if not found:
        out.write("There is no monitor yet: tidegauge init writes a first monitor file.\n")
        return
    *head, last = HEAD
    rows = [[each.monitor, each.state, _moment(each.since)] for each in found]
    if len({each.replica for each in found} - {None}) > 1:
        head.append("replica")
        rows = [[*row, each.replica or "-"] for row, each in zip(rows, found, strict=True)]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    left = sum(widths) + 2 * len(widths)
    out.write(f"{'  '.join(map(str.ljust, head, widths))}  {last}\n")
    for row, each in zip(rows, found, strict=True):
        first, *more = _lines(each.story, None if width is None else max(MIN_STORY, width - left))
        out.write(f"{'  '.join(map(str.ljust, row, widths))}  {first}".rstrip() + "\n")
        out.writelines(f"{' ' * left}{line}\n" for line in more)


def _lines(text: str, width: int | None) -> list[str]:
    if width is None:
        return [text]
    # A percentage is not torn apart.
    lines = textwrap.wrap(text.replace(" %", "\N{NO-BREAK SPACE}%"), width, break_on_hyphens=False)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in lines] or [text]


def _moment(since: str | None) -> str:
    return "-" if since is None else since[:16].replace("T", " ")
