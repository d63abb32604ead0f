"""Every decoder of bytes that come from elsewhere, as a function of bytes that may raise the errors it names.

`make fuzz` calls them with what atheris invents; `test_corpus` with what is kept in `corpus/`.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from service.access import cache_file
from service.core.rows.schema import Column, Kind, Schema
from service.errors import CodecError, IntakeError
from service.inbox import spool_record
from service.sources.http import stored_batch
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat, decompressed
from service.sources.http.table_limits import MAX_BYTES, MAX_ROWS
from service.sources.table_format import TableFormat

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Schema(
    (
        Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL), Column("words", Kind.TEXT),
        Column("key", Kind.CATEGORICAL),
    ),
    identity="key",
)  # fmt: skip
SHAPE = RowShape(SCHEMA, "at", TableFormat())


def rows(content_format: RowFormat) -> Callable[[bytes], None]:
    """Return the decoder of a format; what it returns is kept and comes back."""

    def target(content: bytes) -> None:
        with suppress(IntakeError):
            found = decoded(content, content_format, SHAPE)
            assert found.batch.rows <= MAX_ROWS
            stored = stored_batch.decode(stored_batch.encode(found.batch))
            assert stored.rows == found.batch.rows

    return target


def compressed(encoding: str) -> Callable[[bytes], None]:
    """Return the decoder of a Content-Encoding."""

    def target(content: bytes) -> None:
        with suppress(IntakeError):
            assert len(decompressed(content, encoding, MAX_BYTES)) <= MAX_BYTES

    return target


def spooled(content: bytes) -> None:
    """Decode a file of the spool; of what is whole, the same bytes are made again."""
    with suppress(CodecError):
        records, behind = spool_record.decode_all(content)
        assert 0 <= behind <= len(content)
        for record in records:
            again, rest = spool_record.decode_all(spool_record.encode(record))
            assert (again, rest) == ([record], 0)


def spooled_body(content: bytes) -> None:
    """Decode a record whose length and digest are right, whatever is in it."""
    whole = spool_record.framed(content)
    spooled(whole)


def stored(content: bytes) -> None:
    """Decode a batch of the inbox."""
    with suppress(CodecError):
        stored_batch.decode(b"\x01" + content)


def tokens(content: bytes) -> None:
    """Decode the hashes of the tokens on the disk; what is taken is written the same way again."""
    with suppress(CodecError):
        found = cache_file.decode(content)
        assert {*cache_file.decode(cache_file.encode(found))} == {*found}


TARGETS: dict[str, Callable[[bytes], None]] = {
    "json": rows(RowFormat.JSON),
    "ndjson": rows(RowFormat.JSON_LINES),
    "csv": rows(RowFormat.CSV),
    "arrow": rows(RowFormat.ARROW),
    "parquet": rows(RowFormat.PARQUET),
    "gzip": compressed("gzip"),
    "zstd": compressed("zstd"),
    "spool": spooled,
    "spool_body": spooled_body,
    "stored": stored,
    "tokens": tokens,
}
