"""The command `check`: look at monitor files, their data and the database, and change nothing.

A fault keeps a monitor or the service from working; a note is about what works, though perhaps not as meant.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.checks.database import look_at_database
from service.checks.findings import findings
from service.checks.look import Finding
from service.checks.printed import as_json, as_lines
from service.checks.read import look_at
from service.commands.environment import load_settings
from service.commands.exit_status import CLEAN, MISCONFIGURED
from service.config import monitor_file
from service.config.sent_monitor import read_sent
from service.errors import ConfigurationError
from service.wiring.hash_key import hash_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.checks.database import StoreLook
    from service.checks.look import MonitorLook
    from service.config.monitor import Monitor
    from service.config.settings import Settings


@dataclass(frozen=True, slots=True)
class Checked:
    """What was seen of every monitor and of the database, and all that was found."""

    looks: tuple[MonitorLook, ...]
    store: StoreLook
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What keeps a monitor or the service from working."""
        return tuple(finding for finding in self.findings if finding.level == "fault")

    @property
    def notes(self) -> tuple[Finding, ...]:
        """What works, though perhaps not as meant."""
        return tuple(finding for finding in self.findings if finding.level == "note")


def execute(*, as_object: bool = False) -> int:
    """Print faults to standard error, the rest to standard output; with `as_object` all of it as JSON there.

    Return the exit status.
    """
    checked = asyncio.run(check(load_settings()))
    status = MISCONFIGURED if checked.faults else CLEAN
    if as_object:
        sys.stdout.write(json.dumps(as_json(checked.looks, checked.store, checked.findings), indent=2) + "\n")
        return status
    sys.stdout.writelines(f"{line}\n" for line in as_lines(checked.looks, checked.store))
    sys.stdout.writelines(f"note: {note}\n" for note in checked.notes)
    sys.stdout.flush()
    sys.stderr.writelines(f"{fault}\n" for fault in checked.faults)
    if not checked.faults:
        sys.stdout.write("all is well: every monitor file, every file that they name, and the database\n")
    return status


async def check(settings: Settings) -> Checked:
    """Look at everything that the service needs; no part hides what is found of another."""
    monitors, faults = _files(settings)
    store = await look_at_database(settings)
    sent = {} if store.database is None else store.database.sent
    for name in sorted(sent.keys() - set(monitor_file.names(settings.monitors_dir)) - _named(monitors)):
        try:
            monitors.append(read_sent(name, sent[name].content, settings.data_dir))
        except ConfigurationError as error:
            faults += [f"{name} ({sent[name].origin}): {line}" for line in str(error).splitlines()]
    found = [Finding("fault", "", fault) for fault in faults]
    looks = []
    for monitor in monitors:
        try:
            key = hash_key(settings, create=False) if monitor.sensitive else b""
        except ConfigurationError as error:
            found.append(Finding("fault", monitor.name, str(error)))
            continue
        look = await look_at(monitor, key)
        looks.append(look)
        found += findings(look)
    return Checked(tuple(looks), store, (*found, *store.findings))


def _files(settings: Settings) -> tuple[list[Monitor], list[str]]:
    if settings.sent_monitors and not monitor_file.names(settings.monitors_dir):
        return [], []  # its monitors are sent
    return monitor_file.load_each(settings.monitors_dir, settings.data_dir)


def _named(monitors: Iterable[Monitor]) -> set[str]:
    return {monitor.name for monitor in monitors}
