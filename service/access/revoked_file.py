"""The ids of tokens that were revoked on this machine, on the disk: refused at once, without the database.

One id per line, appended and synced. A line that a crash cut off is no id, and no revocation: the command
that wrote it had not said that it was done.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NAME = "revoked_tokens"
MAX_BYTES = 1 << 20  # 80,000 ids
_ID = re.compile(r"[0-9a-f]{12}")


def read(path: Path) -> frozenset[str]:
    """Return the ids of a file, none where there is no file. Raises OSError."""
    try:
        with path.open(encoding="ascii", errors="replace") as file:
            content = file.read(MAX_BYTES)
    except FileNotFoundError:
        return frozenset()
    return frozenset(line for line in content.split("\n")[:-1] if _ID.fullmatch(line))


def add(path: Path, token: str) -> None:
    """Add an id, once. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if token in read(path):
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        owner = path.parent.stat()  # root may revoke for a service that is not root
        with suppress(PermissionError):
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
        os.write(descriptor, f"\n{token}\n".encode())  # whatever a crash may have left before it
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
