"""Which files are new, which go on, and which are others than those that were taken under their names."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from service.core.rows.inbox_change import TakenFile
    from service.sources.files.folder import Found

ENDS_BYTES = 65_536
LOCAL_PARTS = 3  # of a local file's mark, behind its number
MOVED = "moved"  # the mark of a name whose file has another name now


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


def renamed(found: Sequence[Found], ledger: Mapping[str, TakenFile]) -> list[tuple[Found, TakenFile]]:
    """Return the files that seem to have another name now, and what was taken of them; logs rotate like that.

    Only the file system's own number of a file says so; its content has to be compared too.
    """
    here = {each.name: inode_of(each.mark) for each in found}
    gone = {
        inode_of(taken.mark): taken
        for taken in ledger.values()
        if taken.done and inode_of(taken.mark) not in {"", here.get(taken.name)}
    }
    return [
        (each, gone[here[each.name]])
        for each in found
        if here[each.name] in gone and gone[here[each.name]].name != each.name
    ]


def inode_of(mark: str) -> str:
    """Return the number of a local file in its mark; empty for an object of a store."""
    number, *rest = mark.split(":")
    return number if len(rest) == LOCAL_PARTS else ""


def content_of(stream: IO[bytes], size: int) -> str:
    """Return a hash of the first and the last of a file's first `size` bytes."""
    stream.seek(0)
    found = stream.read(min(size, ENDS_BYTES))
    stream.seek(max(0, size - ENDS_BYTES))
    found += stream.read(min(size, ENDS_BYTES))
    return hashlib.sha256(f"{size}:".encode() + found).hexdigest()[:32]
