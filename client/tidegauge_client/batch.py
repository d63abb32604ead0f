"""A batch of rows or labels: what one request carries, and how it is written to the disk."""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

Kind = Literal["rows", "labels"]
FORMAT = 1


class BatchFileError(Exception):
    """A file that does not hold a whole batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows or labels of one monitor.

    - `monitor`: the name of the monitor
    - `kind`: rows or labels
    - `key`: the Idempotency-Key, the same however often the batch is sent
    - `lines`: a line of JSON for each row
    """

    monitor: str
    kind: Kind
    key: str
    lines: tuple[bytes, ...]

    @classmethod
    def of(cls, monitor: str, kind: Kind, lines: list[bytes]) -> Batch:
        """Return a batch under a new key."""
        return cls(monitor, kind, new_key(), tuple(lines))

    @property
    def rows(self) -> int:
        """How many rows or labels there are."""
        return len(self.lines)

    @property
    def size(self) -> int:
        """How many bytes the lines have."""
        return sum(map(len, self.lines))

    def halves(self) -> tuple[Batch, Batch]:
        """Return two batches; their keys are made of this one's, so that they too are always the same."""
        middle = len(self.lines) // 2
        return (
            Batch(self.monitor, self.kind, f"{self.key}-0", self.lines[:middle]),
            Batch(self.monitor, self.kind, f"{self.key}-1", self.lines[middle:]),
        )

    def encoded(self) -> bytes:
        """Return the content of the batch's file: a line that describes it, then its rows."""
        body = b"".join(self.lines)
        return (
            _line({**_head(self.monitor, self.kind, self.key), "bytes": len(body), "crc": zlib.crc32(body)})
            + body
        )


def new_key() -> str:
    """Return a key that no other batch has; later ones of this machine sort behind earlier ones."""
    return f"{time.time_ns():016x}{uuid4().hex[:16]}"


def is_monitor(name: object) -> bool:
    """Say whether a path can name a monitor: a batch for any other would hold up all behind it."""
    if not isinstance(name, str) or not name:
        return False
    try:
        name.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True


def open_head(monitor: str, kind: Kind, key: str) -> bytes:
    """Return the first line of a file to which a batch's rows are added one by one."""
    return _line(_head(monitor, kind, key))


def decode(content: bytes) -> Batch:
    """Return the batch of a file. Raises BatchFileError where it is not whole."""
    head, body = _described(content)
    batch = _batch(head, body)
    if (head.get("bytes"), head.get("crc")) != (len(body), zlib.crc32(body)):
        raise BatchFileError("not the bytes that its first line describes")
    return batch


def decode_open(content: bytes) -> Batch | None:
    """Return the batch of a file to which rows were added until its process ended.

    A row without the end of its line is dropped: its write was broken off, so that `log` has not returned.
    None where no row is whole. Raises BatchFileError where the file holds anything else.
    """
    whole = content[: content.rfind(b"\n") + 1]
    if not whole and (not content or content.startswith(b"{")):
        return None  # broken off in its first line
    head, body = _described(whole or content)
    batch = _batch(head, body)
    if not all(line.startswith(b"{") and line.endswith(b"}\n") for line in batch.lines):
        raise BatchFileError("not the rows that a process wrote")
    return batch if batch.lines else None


def _head(monitor: str, kind: Kind, key: str) -> dict[str, Any]:
    return {"format": FORMAT, "monitor": monitor, "kind": kind, "key": key}


def _line(head: dict[str, Any]) -> bytes:
    return json.dumps(head).encode() + b"\n"


def _described(content: bytes) -> tuple[dict[str, Any], bytes]:
    first, _, body = content.partition(b"\n")
    try:
        head = json.loads(first)
        if head["format"] == FORMAT:
            return head, body
    except (ValueError, KeyError, TypeError) as error:
        raise BatchFileError(f"no description of a batch: {error!r}") from error
    raise BatchFileError(f"a batch of format {head['format']!r}; expected {FORMAT}")


def _batch(head: dict[str, Any], body: bytes) -> Batch:
    try:
        monitor, kind, key = head["monitor"], head["kind"], head["key"]
    except KeyError as error:
        raise BatchFileError(f"the description of a batch lacks {error}") from error
    is_key = isinstance(key, str) and key.isascii() and key.isprintable()
    if not is_monitor(monitor) or kind not in ("rows", "labels") or not is_key:
        raise BatchFileError(f"a batch of the monitor {monitor!r}, the kind {kind!r} and the key {key!r}")
    return Batch(monitor, kind, key, tuple(body.splitlines(keepends=True)))


def batches_of(lines: list[tuple[str, Kind, bytes]], max_rows: int, max_bytes: int) -> list[Batch]:
    """Return lines, each with its monitor and kind, as batches under new keys."""
    groups: dict[tuple[str, Kind], list[bytes]] = {}
    for monitor, kind, line in lines:
        groups.setdefault((monitor, kind), []).append(line)
    found = []
    for (monitor, kind), every in groups.items():
        part: list[bytes] = []
        size = 0
        for line in every:
            if part and (len(part) == max_rows or size + len(line) > max_bytes):
                found.append(Batch.of(monitor, kind, part))
                part, size = [], 0
            part.append(line)
            size += len(line)
        found.append(Batch.of(monitor, kind, part))
    return found
