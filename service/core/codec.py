"""A profile's bytes: on disk, on the wire and between processes.

Layout: four magic bytes, a format version (uint16, big-endian), then a zlib stream of: the length of a JSON
head (uint32), the head, and the number arrays that it names, each as little-endian float64 or int64. Equal
profiles give equal bytes. Integers in the head have no size limit, so exact sums survive.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.distribution import Distribution
from service.core.outcome import RegressionOutcome
from service.core.profile import ColumnProfile, Profile
from service.errors import CodecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"TDGP"
VERSION = 1
_PREFIX = struct.Struct(">4sH")
_LENGTH = struct.Struct(">I")
_COMPRESSION = 1  # panes are written every cycle: speed over the last tenth of size


def encode(profile: Profile) -> bytes:
    """Return the profile as bytes."""
    arrays: list[bytes] = []
    head = {
        "schema": profile.schema,
        "rows": profile.rows,
        "columns": {name: _column_head(column, arrays) for name, column in profile.columns.items()},
        "outcome": _outcome_head(profile.outcome),
    }
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(text)), text, *arrays])
    return _PREFIX.pack(MAGIC, VERSION) + zlib.compress(body, _COMPRESSION)


def decode(payload: bytes) -> Profile:
    """Return the profile that `payload` was made of.

    Raises CodecError where the bytes are no profile, are damaged or of a version that is not known here.
    """
    if len(payload) < _PREFIX.size:
        raise CodecError(f"a profile of {len(payload)} bytes is cut short")
    magic, version = _PREFIX.unpack_from(payload)
    if magic != MAGIC or version != VERSION:
        raise CodecError(
            f"bytes that start with {magic!r} version {version} are no profile that this version reads; "
            f"expected {MAGIC!r} version {VERSION}"
        )
    try:
        body = zlib.decompress(payload[_PREFIX.size :])
        (length,) = _LENGTH.unpack_from(body)
        head = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        reader = _Arrays(body, _LENGTH.size + length)
        columns = {name: _column(entry, reader) for name, entry in head["columns"].items()}
        return Profile(head["schema"], head["rows"], columns, _outcome(head["outcome"]))
    except (zlib.error, struct.error, ValueError, KeyError, TypeError) as error:
        raise CodecError(f"a profile of {len(payload)} bytes is damaged: {error}") from error


class _Arrays:
    """Hands out the arrays behind the head, in the order in which they were written."""

    def __init__(self, body: bytes, offset: int) -> None:
        self._body = body
        self._offset = offset

    def take(self, dtype: str, size: int) -> NDArray[Any]:
        array = np.frombuffer(self._body, dtype=dtype, count=size, offset=self._offset)
        self._offset += array.nbytes
        return array


def _column_head(column: ColumnProfile, arrays: list[bytes]) -> dict[str, Any]:
    kept = column.distribution
    arrays.append(kept.counts.astype("<i8").tobytes())
    if kept.is_numeric:
        arrays.append(kept.values.astype("<f8").tobytes())
    return {
        "size": kept.distinct,
        "labels": None if kept.is_numeric else kept.values.tolist(),
        "missing": kept.missing,
        "infinite": [kept.negative_infinite, kept.positive_infinite],
        "dropped_bits": kept.dropped_bits,
        "unparsable": column.unparsable,
        "absent": column.absent,
    }


def _column(entry: dict[str, Any], arrays: _Arrays) -> ColumnProfile:
    counts = arrays.take("<i8", entry["size"])
    labels = entry["labels"]
    values = arrays.take("<f8", entry["size"]) if labels is None else np.array(labels, dtype=np.str_)
    negative, positive = entry["infinite"]
    kept = Distribution(values, counts, entry["missing"], positive, negative, entry["dropped_bits"])
    return ColumnProfile(kept, unparsable=entry["unparsable"], absent=entry["absent"])


def _outcome_head(outcome: RegressionOutcome | None) -> list[int | str] | None:
    if outcome is None:
        return None
    # Sums as hexadecimal: decimal text of a 2,000-bit integer is slow, and Python bounds its length.
    sums = [f"{value:x}" for value in (outcome.error, outcome.absolute_error, outcome.squared_error)]
    return [outcome.labelled, outcome.pending, outcome.unusable, *sums]


def _outcome(entry: list[Any] | None) -> RegressionOutcome | None:
    if entry is None:
        return None
    labelled, pending, unusable, *sums = entry
    error, absolute, squared = (int(text, 16) for text in sums)
    return RegressionOutcome(labelled, pending, unusable, error, absolute, squared)
