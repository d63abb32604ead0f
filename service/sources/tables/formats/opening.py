"""Open a file's bytes: of a regular file alone, decompressed by what its first bytes say, not by its name."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import zipfile
from contextlib import ExitStack, contextmanager
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import pyarrow as pa

from service.errors import SourceError
from service.sources.tables.formats.foreign import archive_refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyarrow import parquet

HEAD_BYTES = 65_536
MIB = 1 << 20
FREE_BYTES = 256 * MIB  # that any compressed file may expand to
MAX_RATIO = 100  # of a larger one to its compressed bytes: tables stay far below it
MAX_LAYERS = 3  # of compression inside compression
ENCRYPTED = 0x1  # a ZIP entry's flag
ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


class Opened(NamedTuple):
    """A file's decompressed bytes from their first, those at its start, and whether it was compressed."""

    stream: IO[bytes]
    head: bytes
    compressed: bool


class _Again(io.RawIOBase):
    """A stream from its start, of which the beginning was already read; refused beyond `limit` bytes."""

    def __init__(self, head: bytes, rest: IO[bytes], limit: int | None) -> None:
        self._head, self._rest, self._limit = head, rest, limit
        self._passed = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        part, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        part = part or self._rest.read(len(buffer))
        buffer[: len(part)] = part
        self._passed += len(part)
        if self._limit is not None and self._passed > self._limit:
            raise too_large(self._limit)
        return len(part)


def open_regular(path: Path) -> IO[bytes]:
    """Open a regular file; raises SourceError for anything else, which could block or never end."""
    refuse_special(path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        refuse_special(os.fstat(descriptor).st_mode)  # what was opened, should the path have changed
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def refuse_special(mode: int) -> None:
    """Raise SourceError unless `mode`, as stat gives it, is a regular file's."""
    if not stat.S_ISREG(mode):
        what = next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
        raise SourceError(f"it is {what}; expected a regular file")


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """Open a file for reading, decompressed. Raises SourceError where it is empty or no regular file."""
    with ExitStack() as stack:
        stream, compressed = stack.enter_context(open_regular(path)), False
        limit = None
        for _ in range(MAX_LAYERS):
            head = _start_of(stream)
            stream = stack.enter_context(io.BufferedReader(_Again(head, stream, limit), HEAD_BYTES))
            limit = expanded_limit(path.stat().st_size)
            inner = _decompressed(head, stream, path if not compressed else None, stack)
            if inner is None:
                break
            stream, compressed = inner, True
        else:
            raise SourceError(f"it is compressed more than {MAX_LAYERS} times over; decompress it")
        if not head:
            raise SourceError("the file is empty; expected a header line and rows")
        yield Opened(stream, head, compressed)


def expanded_limit(size: int) -> int:
    """Return how many bytes a file of `size` compressed ones may hold."""
    return FREE_BYTES + MAX_RATIO * size


def too_large(limit: int) -> SourceError:
    """Return the refusal of a compressed file that holds more than `limit` bytes."""
    return SourceError(
        f"it expands to more than {limit // MIB:,} MiB, over {MAX_RATIO} times its size, as tables do not "
        "and decompression bombs do; if it is a table, decompress it and name the decompressed file"
    )


def refuse_parquet_bomb(metadata: parquet.FileMetaData, limit: int) -> None:
    """Raise SourceError where a Parquet file's own counts are of more than `limit` bytes, or rows."""
    groups = (metadata.row_group(place) for place in range(metadata.num_row_groups))
    if max(metadata.num_rows, sum(group.total_byte_size for group in groups)) > limit:
        raise too_large(limit)


def _start_of(stream: IO[bytes]) -> bytes:
    parts, size = [], 0
    while size < HEAD_BYTES and (part := stream.read(HEAD_BYTES - size)):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _decompressed(head: bytes, stream: IO[bytes], path: Path | None, stack: ExitStack) -> IO[bytes] | None:
    readers: dict[bytes, Callable[[], IO[bytes]]] = {
        b"\x1f\x8b": lambda: cast("IO[bytes]", gzip.GzipFile(fileobj=stream)),
        b"BZh": lambda: bz2.BZ2File(stream),
        b"\xfd7zXZ\x00": lambda: lzma.LZMAFile(stream),  # noqa: SIM115 - the stack closes it
        b"\x28\xb5\x2f\xfd": lambda: pa.CompressedInputStream(pa.PythonFile(stream, "r"), "zstd"),
        b"\x04\x22\x4d\x18": lambda: pa.CompressedInputStream(pa.PythonFile(stream, "r"), "lz4"),
    }
    for mark, reader in readers.items():
        if head.startswith(mark):
            return stack.enter_context(reader())
    if head.startswith(ZIP_MARKS):
        return _unzipped(stream, path, stack)
    return None


def _unzipped(stream: IO[bytes], path: Path | None, stack: ExitStack) -> IO[bytes]:
    whole = stack.enter_context(open_regular(path)) if path is not None else io.BytesIO(stream.read())
    archive = stack.enter_context(zipfile.ZipFile(whole))
    entries = [e for e in archive.infolist() if not e.is_dir() and not e.filename.startswith("__MACOSX/")]
    if len(entries) != 1:
        raise archive_refusal([entry.filename for entry in entries])
    if entries[0].flag_bits & ENCRYPTED:
        raise SourceError("it is a ZIP archive with a password; unpack it")
    return stack.enter_context(archive.open(entries[0]))
