"""Detect a file's format from its first bytes."""

from __future__ import annotations

import codecs
import json
from enum import StrEnum

from service.errors import SourceError
from service.sources.tables.formats.foreign import refuse_foreign

PARQUET_MARK = b"PAR1"
ARROW_MARK = b"ARROW1"
STREAM_MARK = b"\xff\xff\xff\xff"
BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Content(StrEnum):
    """A format that is read."""

    PARQUET = "Parquet"
    PACKED_PARQUET = "compressed Parquet"
    ARROW_FILE = "Arrow file"
    ARROW_STREAM = "Arrow stream"
    JSON_LINES = "JSON lines"
    CSV = "CSV"


def content_of(head: bytes, encoding: str | None = None) -> Content:
    """Return what a file is that begins with `head`; `encoding` is declared for a CSV file.

    Raises SourceError, with what the file is and what to do, where it is no table that is read.
    """
    if head.startswith(PARQUET_MARK):
        return Content.PARQUET
    if head.startswith(ARROW_MARK):
        return Content.ARROW_FILE
    if head.startswith(STREAM_MARK):
        return Content.ARROW_STREAM
    refuse_foreign(head)
    if encoding is None and byte_order(head) in {None, "utf-8-sig"}:
        _refuse_binary(head)
    order = byte_order(head)
    if (
        order not in {None, "utf-8-sig"}
        and head.decode(order or "", "ignore").lstrip("\ufeff \t\r\n")[:1] == "{"
    ):
        raise SourceError(f"it is JSON in {(order or '').upper()}, which is not read; write it as UTF-8")
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        return _json_lines(start)
    return Content.CSV


def byte_order(head: bytes) -> str | None:
    """Return the encoding that a byte order mark at the beginning names."""
    return next((name for mark, name in BYTE_ORDER_MARKS if head.startswith(mark)), None)


def _refuse_binary(head: bytes) -> None:
    if b"\0" not in head:
        return
    for name, zeros in (("utf-16-le", head[1::2]), ("utf-16-be", head[::2])):
        if zeros.count(0) > len(zeros) * 0.7:
            raise SourceError(
                f"it looks like UTF-16 without a byte order mark; write csv: {{encoding: {name}}}"
            )
    raise SourceError(
        f"it holds binary data (it begins with {head[:8].hex(' ')}), no format that is read; "
        "expected Parquet, Arrow, CSV or JSON lines"
    )


def _json_lines(start: bytes) -> Content:
    line, _, rest = start.partition(b"\n")
    if not rest and len(line) > 1_000:  # noqa: PLR2004 - a first line that is longer than the head
        return Content.JSON_LINES
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        begins = line.lstrip(b"{ \t\r")[:1]
        if begins in (b"", b'"'):
            raise SourceError(
                "it is JSON over several lines; write one object per line (JSON lines), as jq -c does"
            ) from None
        return Content.CSV  # a header such as {a},{b}
    return Content.JSON_LINES
