"""Requests as bytes in a spool file: each record whole, or recognised as broken off.

A record is the length of its body (uint64, little-endian), the body's BLAKE2b digest (16 bytes) and the body:
the length of a JSON header (uint32), the header, and the payloads one behind the other.
"""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from service.core.inbox import BatchKind, Sent
from service.core.rows.id_sums import IdSums
from service.core.rows.take import Reject
from service.errors import CodecError

if TYPE_CHECKING:
    from collections.abc import Sequence

_LENGTH, _HEADER = struct.Struct("<Q"), struct.Struct("<I")
_DIGEST_BYTES = 16
_HEAD_BYTES = _LENGTH.size + _DIGEST_BYTES


@dataclass(frozen=True, slots=True)
class SpoolRecord:
    """The requests of one write; `transaction` is that in which the database may have kept them already."""

    sent: tuple[Sent, ...]
    transaction: str | None = None


def encode(record: SpoolRecord) -> bytes:
    """Return a record as bytes."""
    header = json.dumps(
        {"transaction": record.transaction, "sent": [_head(sent) for sent in record.sent]}, default=str
    ).encode()
    return framed(b"".join((_HEADER.pack(len(header)), header, *(sent.payload for sent in record.sent))))


def framed(body: bytes) -> bytes:
    """Return a record's body behind its length and its digest."""
    return _LENGTH.pack(len(body)) + _digest(body) + body


def decode_all(content: bytes) -> tuple[list[SpoolRecord], int]:
    """Return the whole records of a file, and how many bytes behind them are none.

    A write that was broken off was acknowledged to nobody. Raises CodecError where a record is damaged and
    others follow it.
    """
    records, start = list[SpoolRecord](), 0
    while len(content) - start >= _HEAD_BYTES:
        (length,) = _LENGTH.unpack_from(content, start)
        body_at = start + _HEAD_BYTES
        end = body_at + length
        body = content[body_at:end]
        if len(body) < length:
            break
        if _digest(body) != content[start + _LENGTH.size : body_at]:
            if content[end:].strip(b"\0"):
                raise CodecError(f"the record at byte {start} of a spool file is damaged, and others follow")
            break
        records.append(_record(body))
        start = end
    return records, len(content) - start


def _head(sent: Sent) -> dict[str, Any]:
    return {
        "monitor": sent.monitor,
        "kind": sent.kind.value,
        "received": sent.received,
        "rows": sent.rows,
        "rejected": sent.rejected,
        "rejects": [[reject.row, reject.reason] for reject in sent.rejects],
        "rejected_ids": [sent.rejected_ids.ids, sent.rejected_ids.mixed],
        "key": sent.key,
        "digest": sent.digest.hex(),
        "bytes": len(sent.payload),
        **({} if sent.instead is None else {"instead": _head(sent.instead)}),
    }


def _record(body: bytes) -> SpoolRecord:
    try:
        (size,) = _HEADER.unpack_from(body)
        at = _HEADER.size + size
        header = json.loads(body[_HEADER.size : at])
        sent = []
        for head in header["sent"]:
            sent.append(_sent(head, body[at : at + head["bytes"]]))
            at += head["bytes"]
        return SpoolRecord(tuple(sent), header["transaction"])
    except (ValueError, KeyError, TypeError, struct.error) as error:
        raise CodecError(f"a record of the spool is none of this version: {error}") from error


def _sent(head: dict[str, Any], payload: bytes) -> Sent:
    return Sent(
        monitor=head["monitor"],
        kind=BatchKind(head["kind"]),
        received=head["received"],
        payload=payload,
        rows=head["rows"],
        rejected=head["rejected"],
        rejects=tuple(Reject(row, reason) for row, reason in head["rejects"]),
        rejected_ids=IdSums(head["rejected"], *head["rejected_ids"]),
        key=head["key"],
        digest=bytes.fromhex(head["digest"]),
        instead=_sent(head["instead"], b"") if "instead" in head else None,
    )


def requests_of(records: Sequence[SpoolRecord]) -> list[Sent]:
    """Return the requests of some records, in order."""
    return [sent for record in records for sent in record.sent]


def _digest(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest()
