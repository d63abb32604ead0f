"""What a client may be given, and where its spool lies by default."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How rows are collected, kept and sent.

    - `spool`: the folder of this service's spools; None for none
    - `spool_bytes`: how much may lie on the disk
    - `memory_bytes`: how much may wait in memory
    - `interval`: after how many seconds rows are sent that do not fill a batch
    - `batch_rows`: the rows of a full batch
    - `max_wait`: how many seconds `log` may wait for room, for each row
    - `exit_seconds`: how long the end of the process may take
    - `has_journal`: whether rows are in a file of the spool as soon as they are logged
    - `is_synchronised`: whether they are on the disk then
    """

    spool: Path | None
    spool_bytes: int
    memory_bytes: int
    interval: float
    batch_rows: int
    max_wait: float
    exit_seconds: float
    has_journal: bool = True
    is_synchronised: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a number out of its range."""
        for name, least, most in (
            ("spool_bytes", 1 << 20, 1 << 50),
            ("memory_bytes", 1 << 20, 1 << 40),
            ("interval", 0.01, 3_600),
            ("batch_rows", 1, 50_000),
            ("max_wait", 0, 86_400),
            ("exit_seconds", 0, 3_600),
        ):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ValueError(f"{name}: {value!r}; expected {least} to {most}")


def default_spool() -> Path:
    """Return a folder that outlives the process: in the user's state folder, else in the temporary folder."""
    state = Path(os.environ.get("XDG_STATE_HOME") or Path(os.path.expanduser("~")) / ".local/state")  # noqa: PTH111  # raises nothing where there is no home
    if state.is_absolute() and os.access(_existing(state), os.W_OK):
        return state / "tidegauge-client"
    return Path(tempfile.gettempdir()) / f"tidegauge-client-{os.geteuid()}"


def spool_of(root: Path, url: str) -> Path:
    """Return the folder in `root` for one service, so that no service is sent what is another's."""
    return root / hashlib.sha256(url.rstrip("/").encode()).hexdigest()[:16]


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
