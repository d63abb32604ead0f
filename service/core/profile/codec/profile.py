"""A profile's bytes: on disk, on the wire and between processes.

Layout: four magic bytes, a format version (uint16, big-endian), then a zlib stream of: the length of a JSON
head (uint32), the head, and the arrays that it names, each as little-endian numbers. Behind
it a second zlib stream, stored only, holds the tally's hashes (uint64). Equal profiles give equal bytes.
Integers in the head have no size limit, so exact sums survive.
"""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np

from service.core.profile.codec.outcome import outcome_head, outcome_of, segments_head, segments_of
from service.core.profile.codec.row_counts import tally_head, tally_of
from service.core.profile.codec.row_sample import row_sample_head, row_sample_of
from service.core.profile.distribution import Distribution
from service.core.profile.error_cells import CellCounts
from service.core.profile.pca_reconstruction import Reconstruction
from service.core.profile.profile import ColumnProfile, Profile
from service.core.profile.texts import TextCounts
from service.errors import CodecError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = b"TDGP"
VERSION = 4
_PREFIX = struct.Struct(">4sH")
_LENGTH = struct.Struct(">I")
_COMPRESSION = 1  # panes are written every cycle: speed over the last tenth of size


def encode(profile: Profile) -> bytes:
    """Return the profile as bytes."""
    arrays: list[bytes] = []
    hashes: list[bytes] = []

    def write(kept: Distribution) -> dict[str, Any]:
        return _distribution_head(kept, arrays)

    head = {
        "schema": profile.schema,
        "rows": profile.rows,
        "columns": {name: _column_head(column, arrays) for name, column in profile.columns.items()},
        "outcome": outcome_head(profile.outcome, write),
        "tally": tally_head(profile.tally, arrays, hashes),
        "cells": {name: _cells_head(counts) for name, counts in profile.cells.items()},
        "sample": row_sample_head(profile.sample, arrays),
        "reconstruction": _reconstruction_head(profile.reconstruction),
        "segments": {name: segments_head(found, write) for name, found in profile.segments.items()},
    }
    text = json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()
    body = b"".join([_LENGTH.pack(len(text)), text, *arrays])
    stored = zlib.compress(b"".join(hashes), 0)
    return _PREFIX.pack(MAGIC, VERSION) + zlib.compress(body, _COMPRESSION) + stored


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
        stream = zlib.decompressobj()
        body = stream.decompress(payload[_PREFIX.size :])
        hashes = _Arrays(zlib.decompress(stream.unused_data), 0)
        (length,) = _LENGTH.unpack_from(body)
        head = json.loads(body[_LENGTH.size : _LENGTH.size + length])
        reader = _Arrays(body, _LENGTH.size + length)
        columns = {name: _column(entry, reader) for name, entry in head["columns"].items()}

        def read(entry: dict[str, Any]) -> Distribution:
            return _distribution(entry, reader)

        outcome = outcome_of(head["outcome"], read)
        tally = tally_of(head["tally"], reader.take, hashes.take)
        cells = {name: _cells(entry) for name, entry in head["cells"].items()}
        sample = row_sample_of(head["sample"], reader.take)
        rebuilt = _reconstruction(head["reconstruction"])
        segments = {name: segments_of(entry, outcome, read) for name, entry in head["segments"].items()}
        return Profile(
            head["schema"], head["rows"], columns, outcome, tally, cells, sample, rebuilt, segments
        )
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
    head = _distribution_head(column.distribution, arrays)
    gaps = {"unparsable": column.unparsable, "absent": column.absent}
    return {**head, **gaps, "categorical": column.categorical, "text": _text_head(column.text)}


def _column(entry: dict[str, Any], arrays: _Arrays) -> ColumnProfile:
    kept = _distribution(entry, arrays)
    counted = entry["text"]
    text = None if counted is None else TextCounts(*counted)
    return ColumnProfile(kept, entry["unparsable"], entry["absent"], entry["categorical"], text)


def _text_head(text: TextCounts | None) -> list[Any] | None:
    return None if text is None else list(astuple(text))


def _cells_head(counts: CellCounts) -> list[Any]:
    # Sums as hexadecimal: see `outcome_codec.py`.
    sums = [[f"{value:x}" for value in side] for side in (counts.absolute_error, counts.squared_error)]
    return [counts.edges, counts.rows, counts.labelled, *sums]


def _cells(entry: list[Any]) -> CellCounts:
    edges, rows, labelled, *sums = entry
    absolute, squared = (tuple(int(text, 16) for text in side) for side in sums)
    return CellCounts(edges, tuple(rows), tuple(labelled), absolute, squared)


def _reconstruction_head(summed: Reconstruction | None) -> list[Any] | None:
    if summed is None:
        return None
    sums = [f"{value:x}" for value in (summed.total, summed.squares)]
    return [summed.components, summed.rows, summed.imputed, summed.empty, *sums]


def _reconstruction(entry: list[Any] | None) -> Reconstruction | None:
    if entry is None:
        return None
    components, rows, imputed, without, *sums = entry
    return Reconstruction(components, rows, imputed, without, *(int(text, 16) for text in sums))


def _distribution_head(kept: Distribution, arrays: list[bytes]) -> dict[str, Any]:
    arrays.append(kept.counts.astype("<i8").tobytes())
    if kept.is_numeric:
        arrays.append(kept.values.astype("<f8").tobytes())
    return {
        "size": kept.distinct,
        "labels": None if kept.is_numeric else kept.values.tolist(),
        "missing": kept.missing,
        "infinite": [kept.negative_infinite, kept.positive_infinite],
        "dropped_bits": kept.dropped_bits,
    }


def _distribution(entry: dict[str, Any], arrays: _Arrays) -> Distribution:
    counts = arrays.take("<i8", entry["size"])
    labels = entry["labels"]
    values = arrays.take("<f8", entry["size"]) if labels is None else np.array(labels, dtype=np.str_)
    negative, positive = entry["infinite"]
    return Distribution(values, counts, entry["missing"], positive, negative, entry["dropped_bits"])
