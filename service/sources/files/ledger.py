"""Which files are new, which go on, and which are others than those that were taken under their names."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.rows.inbox_change import TakenFile
    from service.sources.files.folder import Found

ENDS_BYTES = 65_536


class Due(Enum):
    """What is to be done with a file."""

    NOTHING = "nothing"
    START = "start"
    GO_ON = "go on"
    COMPARE = "compare"


def due(found: Found, taken: TakenFile | None) -> Due:
    """Return what is to be done with a file, of which `taken` was taken before."""
    if taken is None:
        return Due.START
    if taken.mark == found.mark:
        return Due.NOTHING if taken.is_whole else Due.GO_ON
    if not taken.done:
        return Due.START  # nothing of it was measured
    return Due.COMPARE


def content_of(stream: IO[bytes], size: int) -> str:
    """Return a hash of the first and the last of a file's first `size` bytes."""
    stream.seek(0)
    found = stream.read(min(size, ENDS_BYTES))
    stream.seek(max(0, size - ENDS_BYTES))
    found += stream.read(min(size, ENDS_BYTES))
    return hashlib.sha256(f"{size}:".encode() + found).hexdigest()[:32]
