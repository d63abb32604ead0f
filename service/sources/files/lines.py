"""Where a part of a file of lines ends: behind a whole record, never within one."""

from __future__ import annotations

from typing import IO

import numpy as np

from service.errors import SourceError

PART_BYTES = 32 << 20
PART_ROWS = 250_000
_PASSED_BYTES = 1 << 20


def part_of(
    stream: IO[bytes], *, limit: int, rows: int, quote: bytes | None, ended: bool
) -> tuple[bytes, bool]:
    """Return the next whole records of a stream, at most `rows`, and whether nothing is left after them.

    - `limit`: how many of the bytes that follow belong to the file, as it was looked at
    - `quote`: the sign around cells in which a line break ends no record
    - `ended`: whether a last record without a line break is whole
    """
    read = _read(stream, min(limit, PART_BYTES))
    at_end = len(read) < PART_BYTES or len(read) == limit
    ends = _ends(read, quote)
    if len(ends) > rows:
        return read[: ends[rows - 1] + 1], False
    if at_end and ended:
        return read, True
    if not len(ends):
        if at_end:
            return b"", True
        raise SourceError(
            f"a record is longer than {PART_BYTES >> 20} MiB, or a stray quote has swallowed those after it"
        )
    return read[: ends[-1] + 1], at_end


def first_record(stream: IO[bytes], quote: bytes) -> bytes:
    """Return a CSV file's header with its line break, and the line before it that names the separator."""
    header = b""
    while line := stream.readline(_PASSED_BYTES):
        header += line
        if (
            header.count(quote) % 2 == 0
            and line.strip()
            and not line.startswith((b"sep=", b"\xef\xbb\xbfsep="))
        ):
            break
    return header


def passed(stream: IO[bytes], offset: int) -> None:
    """Go to an offset of a stream that can only be read on."""
    while offset > 0 and (read := stream.read(min(offset, _PASSED_BYTES))):
        offset -= len(read)
    if offset:
        raise SourceError("it is shorter than what was taken of it")


def _read(stream: IO[bytes], size: int) -> bytes:
    parts, left = [], size
    while left and (part := stream.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _ends(read: bytes, quote: bytes | None) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    signs = np.frombuffer(read, dtype=np.uint8)
    ends = np.flatnonzero(signs == ord("\n"))
    if quote is not None:
        quotes = np.flatnonzero(signs == ord(quote))
        ends = ends[np.searchsorted(quotes, ends) % 2 == 0]
    return ends
