"""A copy on the disk of the monitors that were sent: rows are taken for them while the database is away."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import structlog

from service.config.sent_monitor import read_sent
from service.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from service.config.monitor import Monitor

log = structlog.get_logger(__name__)

NAME = "sent_monitors.json"


def write_copy(data_dir: Path, sent: Mapping[str, str]) -> None:
    """Write the copy, texts by name, whole or not at all; a disk that cannot be written is logged."""
    path, content = data_dir / NAME, json.dumps(dict(sent))
    try:
        if (path.read_text() if path.exists() else "{}") == content:
            return
        beside = path.with_name(f".{NAME}.{os.getpid()}")
        beside.write_text(content)
        beside.replace(path)
    except (OSError, UnicodeDecodeError) as error:
        log.warning("sent monitors not copied", file=str(path), error=str(error))


def read_copy(data_dir: Path, monitors: Sequence[Monitor]) -> list[Monitor]:
    """Return the monitors of files, and those of the copy that no file defines and that can be used."""
    found, known = list(monitors), {monitor.name for monitor in monitors}
    path = data_dir / NAME
    try:
        held = json.loads(path.read_text()) if path.exists() else {}
    except (OSError, ValueError) as error:
        log.warning("sent monitors not read", file=str(path), error=str(error))
        return found
    for name, content in held.items() if isinstance(held, dict) else ():
        if name in known:
            continue
        try:
            found.append(read_sent(name, content, data_dir))
        except ConfigurationError as error:
            log.warning("sent monitor refused", monitor=name, error=str(error))
    return found
