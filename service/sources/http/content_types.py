"""What the content of a request is, by its header: which table format, and how it is compressed."""

from __future__ import annotations

import gzip
import io
import zlib
from enum import StrEnum

import pyarrow as pa

from service.errors import RowsTooLargeError, UnknownFormatError, UnreadableRowsError

CHUNK = 1 << 20


class RowFormat(StrEnum):
    """A format in which rows are sent; its value is the content type that names it."""

    JSON = "application/json"
    JSON_LINES = "application/x-ndjson"
    ARROW = "application/vnd.apache.arrow.stream"
    PARQUET = "application/vnd.apache.parquet"
    CSV = "text/csv"


_OTHER_NAMES = {
    "text/json": RowFormat.JSON,
    "application/ndjson": RowFormat.JSON_LINES,
    "application/jsonl": RowFormat.JSON_LINES,
    "application/jsonlines": RowFormat.JSON_LINES,
    "application/x-jsonlines": RowFormat.JSON_LINES,
    "application/x-parquet": RowFormat.PARQUET,
    "application/parquet": RowFormat.PARQUET,
    "application/csv": RowFormat.CSV,
}


def format_of(content_type: str) -> RowFormat:
    """Return the format that a content type names. Raises UnknownFormatError with the list for any other."""
    name = content_type.partition(";")[0].strip().lower()
    known = {each.value: each for each in RowFormat} | _OTHER_NAMES
    found = known.get(name)
    if found is None:
        raise UnknownFormatError(
            f"the content type is {name or 'not given'}; expected {', '.join(RowFormat)}; "
            'such as: curl -H "Content-Type: application/json"'
        )
    return found


def decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    """Return a request's content, decompressed by its header Content-Encoding.

    Raises RowsTooLargeError where it is larger than `limit` bytes, UnknownFormatError for an encoding that is
    not read, UnreadableRowsError where it is not what the header says.
    """
    name = encoding.strip().lower()
    if name in {"", "identity"}:
        return body
    try:
        if name in {"gzip", "x-gzip"}:
            return _gunzipped(body, limit)
        if name == "zstd":
            return _unzstd(body, limit)
    except (zlib.error, OSError, EOFError, pa.ArrowException) as error:
        raise UnreadableRowsError(
            f"the content is not {name}, as its Content-Encoding says: {error}"
        ) from error
    raise UnknownFormatError(f"the Content-Encoding is {name}; expected gzip, zstd or none")


def _gunzipped(body: bytes, limit: int) -> bytes:
    parts, size = list[bytes](), 0
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as stream:
        while part := stream.read(CHUNK):
            size += len(part)
            _check(size, limit)
            parts.append(part)
    return b"".join(parts)


def _unzstd(body: bytes, limit: int) -> bytes:
    parts, size = [], 0
    with pa.CompressedInputStream(pa.BufferReader(body), "zstd") as stream:
        while part := stream.read(CHUNK):
            size += len(part)
            _check(size, limit)
            parts.append(part)
    return b"".join(parts)


def _check(size: int, limit: int) -> None:
    if size > limit:
        raise RowsTooLargeError(
            f"the content is more than {limit >> 20} MB when it is decompressed; send it in several requests"
        )
