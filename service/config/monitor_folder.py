"""The folder of monitor files as it is now: what each file defines, or what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.config import monitor_file
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from service.config.monitor import Monitor

    Signature = dict[str, tuple[int, int, int]]

SUFFIXES = {".yaml", ".yml"}
_NAME = re.compile(r"^name:[ \t]*[\"']?([A-Za-z0-9_.-]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class DefinedMonitor:
    """A monitor and the file that defines it."""

    path: Path
    monitor: Monitor


@dataclass(frozen=True, slots=True)
class MonitorFolder:
    """What the files of a folder define, by the monitors' names, and the faults of the others.

    - `monitors`: those whose files can be used
    - `faults`: of the other files
    - `faulty`: by the name that it seems to have, the file with a fault
    """

    monitors: dict[str, DefinedMonitor] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)
    faulty: dict[str, Path] = field(default_factory=dict)

    @property
    def names(self) -> set[str]:
        """The monitors' names, those of files with faults among them."""
        return {*self.monitors, *self.faulty}

    def path_of(self, name: str) -> Path | None:
        """Return the file that defines a monitor, or would without its faults; None where there is none."""
        found = self.monitors.get(name)
        return self.faulty.get(name) if found is None else found.path


def read_folder(folder: Path, data_dir: Path) -> MonitorFolder:
    """Read every monitor file; one with a fault hides no other's monitor.

    Raises ConfigurationError where the folder is not there or cannot be read.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"{folder}: no such folder; set TIDEGAUGE_MONITORS_DIR to a folder of monitor files"
        )
    found = MonitorFolder()
    try:
        paths = monitor_file.monitor_files(folder) if monitor_file.names(folder) else []
    except OSError as error:
        raise ConfigurationError(f"{folder}: cannot be read: {error}") from error
    for path in paths:
        try:
            monitor = monitor_file.load(path, data_dir)
        except ConfigurationError as error:
            found.faults[path] = str(error)
            found.faulty.setdefault(_seeming_name(path), path)
            continue
        other = found.monitors.setdefault(monitor.name, DefinedMonitor(path, monitor))
        if other.path != path:
            found.faults[path] = (
                f"{path}: {other.path} is named {monitor.name} as well; expected another name"
            )
    return found


def _seeming_name(path: Path) -> str:
    try:
        written = _NAME.search(path.read_text(encoding="utf-8")) if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        written = None
    return written[1] if written else path.stem


def signature(folder: Path) -> Signature:
    """Return what changes when a file of the folder does: time of change, size and inode of each.

    Raises OSError where the folder cannot be read.
    """
    signs = {}
    for path in folder.iterdir():
        if path.suffix.lower() in SUFFIXES and not path.name.startswith("."):
            try:
                status = path.stat()
            except FileNotFoundError:  # deleted since, or a link to nothing
                continue
            signs[path.name] = status.st_mtime_ns, status.st_size, status.st_ino
    return signs
