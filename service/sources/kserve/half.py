"""One half of an inference, a request or a response, as the inbox keeps it until the other half comes.

The bytes are a version, the length of a JSON header (uint32, little-endian), the header, and the typed rows
as `stored_batch` encodes them.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.rows.id_sums import IdSums, sums_of
from service.errors import CodecError
from service.sources.http import stored_batch
from service.sources.kserve.columns import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from service.core.rows.batch import Batch

VERSION = b"\x02"
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Half:
    """A request or a response.

    - `id`: the event's id, which both halves have
    - `side`: which half it is
    - `at`: the time of its event (UTC microseconds)
    - `batch`: its rows; None where they cannot be used
    - `fault`: why they cannot be used; such a half was rejected when it came, and is kept for its other one
    - `received`: when it came (UTC microseconds)
    - `stored`: its number among those that wait; 0 where it has just come
    """

    id: str
    side: Side
    at: int
    batch: Batch | None = None
    fault: str | None = None
    received: int = 0
    stored: int = 0


def encode(half: Half) -> bytes:
    """Return a half as bytes; when it came and its number are not in them."""
    head = {"id": half.id, "side": half.side.value, "at": half.at, "fault": half.fault}
    header = json.dumps(head).encode()
    rows = b"" if half.batch is None else stored_batch.encode(half.batch)
    return b"".join((VERSION, _LENGTH.pack(len(header)), header, rows))


def decode(content: bytes, *, received: int = 0, stored: int = 0) -> Half:
    """Return the half of bytes that `encode` made. Raises CodecError for any others."""
    head, rows = _parts(content)
    batch = stored_batch.decode(rows) if rows else None
    return Half(head["id"], Side(head["side"]), head["at"], batch, head["fault"], received, stored)


def sums_in(content: bytes) -> IdSums:
    """Return the sums of the event that bytes hold: none where it was rejected when it came."""
    if not content:
        return IdSums()
    head, _ = _parts(content)
    return IdSums() if head["fault"] is not None else event_sums([(head["id"], Side(head["side"]))])


def event_sums(events: Iterable[tuple[str, str]]) -> IdSums:
    """Return the sums of events, each by its id and its side."""
    hashes = [
        int.from_bytes(
            hashlib.blake2b(f"{side}\0{name}".encode(errors="replace"), digest_size=8).digest(), "little"
        )
        for name, side in events
    ]
    return sums_of(np.array(hashes, dtype=np.uint64), len(hashes))


def _parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    if content[:1] != VERSION:
        raise CodecError(
            f"an event of the inbox begins with {content[:1].hex() or 'nothing'}; expected {VERSION.hex()}"
        )
    try:
        (size,) = _LENGTH.unpack_from(content, 1)
        begin = 1 + _LENGTH.size
        header = json.loads(content[begin : begin + size])
        Side(header["side"])
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise CodecError(f"{len(content)} bytes of the inbox are no half of an inference: {error}") from error
    return header, content[begin + size :]
