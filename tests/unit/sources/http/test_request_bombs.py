"""Requests that stand for far more than they take: refused before they fill the memory, with the limit."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import resource
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from service.core.rows.schema import Column, Kind, Schema
from service.errors import IntakeError, RowsTooLargeError, UnreadableRowsError
from service.sources.http.content import RowShape, decoded
from service.sources.http.content_types import RowFormat, decompressed
from service.sources.http.table_limits import MAX_BYTES
from service.sources.table_format import TableFormat

SHAPE = RowShape(
    Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL), Column("words", Kind.TEXT))),
    "at",
    TableFormat(),
)
MIB = 1 << 20
SOME = 1_000
LIMITS = "more than (64 MB|100,000 rows|2,000,000 lists and objects|8,388,608 values inside cells)"


def _stream(compression: str | None = None, **columns: pa.Array) -> bytes:
    batch = pa.record_batch(columns)
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _file(**columns: pa.Array) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue()


def _same(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array([text]))


def _run(text: str, count: int) -> pa.Array:
    return pa.RunEndEncodedArray.from_arrays(pa.array([count], pa.int32()), pa.array([text]))


def _of_nothing(size: int) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.nulls(size), size)


def _views() -> pa.Array:
    return pa.ListViewArray.from_arrays(
        pa.array([0] * SOME, pa.int32()), pa.array([100_000] * SOME, pa.int32()), pa.array([1.0] * 100_000)
    )


def _deep() -> pa.Array:
    kind = pa.int8()
    for _ in range(9):
        kind = pa.list_(kind)
    return pa.array([None] * SOME, kind)


ZEROS = pa.array(np.zeros(SOME))
TOO_LARGE: dict[str, tuple[Callable[[], bytes], RowFormat]] = {
    "a buffer": (
        lambda: _stream("zstd", size=ZEROS, words=pa.array(["x" * 200_000] * SOME)), RowFormat.ARROW,
    ),
    "a buffer by lz4": (
        lambda: _stream("lz4", size=ZEROS, other=pa.array(["x" * 200_000] * SOME)), RowFormat.ARROW,
    ),
    "a dictionary's own buffer": (
        lambda: _stream("zstd", size=ZEROS, words=_same("x" * 100_000_000, SOME)), RowFormat.ARROW,
    ),
    "a dictionary": (lambda: _stream(size=ZEROS, words=_same("x" * 100_000, SOME)), RowFormat.ARROW),
    "a run": (lambda: _stream(size=ZEROS, words=_run("x" * 100_000, SOME)), RowFormat.ARROW),
    "a list of nothing": (lambda: _stream(size=ZEROS[:1], words=_of_nothing(2**31 - 1)), RowFormat.ARROW),
    "views of one list": (lambda: _stream(size=ZEROS, words=_views()), RowFormat.ARROW),
    "a Parquet dictionary": (
        lambda: _file(size=ZEROS, words=pa.array(["x" * 100_000] * SOME)), RowFormat.PARQUET,
    ),
    "Parquet pages": (
        lambda: _file(size=ZEROS, words=pa.array([f"{place}{'x' * 100_000}" for place in range(SOME)])),
        RowFormat.PARQUET,
    ),
    "a Parquet list": (
        lambda: _file(size=ZEROS[:1], words=pa.array([np.zeros(20_000_000, np.int8)])), RowFormat.PARQUET,
    ),
    "objects": (lambda: b"[" + b"{}," * 3_000_000 + b"{}]", RowFormat.JSON),
    "lists in a line": (lambda: b'{"size": [' + b"[]," * 3_000_000 + b"[]]}", RowFormat.JSON_LINES),
    "rows": (lambda: b"\n".join([b'{"size": 1}'] * 100_001), RowFormat.JSON_LINES),
}  # fmt: skip


@pytest.mark.parametrize(("make", "content_format"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_stands_for_too_much_is_too_large(make: Callable[[], bytes], content_format: RowFormat) -> None:
    """Answered by 413 with the limit, and by a small part of the memory that it would have taken."""
    content = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RowsTooLargeError, match=LIMITS):
        decoded(content, content_format, SHAPE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * MIB // 1_024


TOO_WIDE: dict[str, tuple[Callable[[], bytes], RowFormat, str]] = {
    "JSON with a column per row": (
        lambda: json.dumps([{f"c{place}": 1, "size": 1} for place in range(50_000)]).encode(),
        RowFormat.JSON, "2,001 columns; expected 2,000 at most",
    ),
    "lines with a column each": (
        lambda: b"\n".join(b'{"size": 1, "c%d": 1}' % place for place in range(50_000)),
        RowFormat.JSON_LINES, "2,001 columns; expected 2,000 at most",
    ),
    "a deep Arrow column": (lambda: _stream(size=ZEROS, words=_deep()), RowFormat.ARROW, "more than 8 deep"),
    "a deep Parquet column": (
        lambda: _file(size=ZEROS, words=_deep()), RowFormat.PARQUET, "more than 8 deep",
    ),
    "a deep JSON cell": (
        lambda: b'[{"size": ' + b"[" * 9 + b"]" * 9 + b"}]", RowFormat.JSON, "more than 8 deep",
    ),
    "a JSON that is nested without end": (
        lambda: b'[{"size": ' + b"[" * 500_000, RowFormat.JSON, "nested too deeply",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "content_format", "said"), TOO_WIDE.values(), ids=TOO_WIDE)
def test_what_is_too_wide_or_too_deep_is_unreadable(
    make: Callable[[], bytes], content_format: RowFormat, said: str
) -> None:
    """Answered by 422 with the limit."""
    with pytest.raises(UnreadableRowsError, match=said):
        decoded(make(), content_format, SHAPE)


def test_gzip_in_members_and_zstd_in_frames_are_bounded_as_a_whole() -> None:
    """A concatenation is one content: what all of it expands to counts."""
    frame = pa.BufferOutputStream()
    with pa.CompressedOutputStream(frame, "zstd") as sink:
        sink.write(bytes(MIB))
    for body, encoding in (
        (gzip.compress(bytes(MIB)) * 65, "gzip"), (frame.getvalue().to_pybytes() * 65, "zstd"),
    ):  # fmt: skip
        with pytest.raises(RowsTooLargeError, match="more than 64 MB when it is decompressed"):
            decompressed(body, encoding, MAX_BYTES)


class Opened:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("content_format", [RowFormat.ARROW, RowFormat.PARQUET])
def test_nothing_that_is_sent_is_unpickled(tmp_path: Path, content_format: RowFormat) -> None:
    """Neither an extension type of Python's, nor what pandas wrote: no file is made."""
    mark = tmp_path / "mark"
    poison = pickle.dumps(Opened(mark))
    pickle.loads(poison).close()  # noqa: S301 - ours: it works
    mark.unlink()
    notes = {b"pandas": poison, b"ARROW:schema": poison}
    extension = {
        b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": poison,
    }  # fmt: skip
    fields = [pa.field("size", pa.float64()), pa.field("colour", pa.string(), metadata=extension)]
    table = pa.table([[1.0], ["red"]], pa.schema(fields, metadata=notes))
    sink = io.BytesIO()
    if content_format is RowFormat.ARROW:
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        parquet.write_table(table, sink, store_schema=False)
    with suppress(IntakeError):  # refused is as good
        assert decoded(sink.getvalue(), content_format, SHAPE).batch.rows == 1
    assert not mark.exists()
