"""A batch of rows or labels: what one request carries, and how it is written to the disk."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Literal
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
        return cls(monitor, kind, uuid4().hex, tuple(lines))

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
        head = {
            "format": FORMAT,
            "monitor": self.monitor,
            "kind": self.kind,
            "key": self.key,
            "bytes": len(body),
            "crc": zlib.crc32(body),
        }
        return json.dumps(head).encode() + b"\n" + body


def decode(content: bytes) -> Batch:
    """Return the batch of a file. Raises BatchFileError where it is not whole."""
    first, _, body = content.partition(b"\n")
    try:
        head = json.loads(first)
        is_whole = (head["format"], head["bytes"], head["crc"]) == (FORMAT, len(body), zlib.crc32(body))
        batch = Batch(head["monitor"], head["kind"], head["key"], tuple(body.splitlines(keepends=True)))
    except (ValueError, KeyError, TypeError) as error:
        raise BatchFileError(f"no description of a batch: {error!r}") from error
    if not is_whole:
        raise BatchFileError("not the bytes that its first line describes")
    return batch
