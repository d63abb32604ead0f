"""Compressed files that expand without end: refused while they are read, before they fill the memory."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tracemalloc
import zipfile
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from pyarrow import parquet

from service.core.rows.schema import Column, Kind, Schema
from service.errors import ReferenceDataError, SourceError
from service.sources.tables.file import open_ordered, read_rows
from service.sources.tables.formats import opening

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
MIB = 1 << 20
PIECE = b"0" * MIB
PIECES = 1_024  # a gibibyte
HEADER = b"at,size,colour\n"
ROWS = b"2013-01-01,1,red\n" * 200_000


def members(compress: Callable[[bytes], bytes]) -> bytes:
    """Compress a header and a gibibyte, piece by piece: a concatenation is one file in these formats."""
    return compress(HEADER) + compress(PIECE) * PIECES


def framed(content: bytes, codec: str) -> bytes:
    buffer = pa.BufferOutputStream()
    with pa.CompressedOutputStream(buffer, codec) as stream:
        stream.write(content)
    return bytes(buffer.getvalue().to_pybytes())


def zipped(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return buffer.getvalue()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": lambda: members(gzip.compress),
    "bzip2": lambda: members(bz2.compress),
    "xz": lambda: members(lzma.compress),
    "zstd": lambda: members(lambda content: framed(content, "zstd")),
    "lz4": lambda: members(lambda content: framed(content, "lz4")),
    "zip": lambda: zipped(HEADER + PIECE * 64),
    "gzip in gzip": lambda: gzip.compress(members(gzip.compress)),
    "json lines in gzip": lambda: gzip.compress(b'{"at": 1}\n') + gzip.compress(b" " * MIB) * PIECES,
    "arrow in gzip": lambda: gzip.compress(b"ARROW1\0\0") + gzip.compress(bytes(MIB)) * PIECES,
    "parquet in gzip": lambda: gzip.compress(b"PAR1") + gzip.compress(bytes(MIB)) * PIECES,
    "zip in gzip": lambda: gzip.compress(b"PK\x03\x04") + gzip.compress(bytes(MIB)) * PIECES,
}


@pytest.fixture(autouse=True)
def _tight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "FREE_BYTES", 8 * MIB)
    monkeypatch.setattr(opening, "MAX_RATIO", 2)


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS.keys())
def test_a_bomb_is_refused_before_it_fills_the_memory(tmp_path: Path, make: Callable[[], bytes]) -> None:
    """A file that expands beyond the bound is refused with what to do, at a fraction of its size."""
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(make())
    tracemalloc.start()
    try:
        with pytest.raises(SourceError, match=r"it expands to more than [0-9,]+ MiB, over 2 times its size"):
            open_ordered(path, SCHEMA, "at")
        assert tracemalloc.get_traced_memory()[1] < 256 * MIB
    finally:
        tracemalloc.stop()
    with pytest.raises(ReferenceDataError, match="decompress it and name the decompressed file"):
        read_rows(path, SCHEMA)


def test_compressed_buffers_of_an_arrow_file_count_as_well(tmp_path: Path) -> None:
    """Arrow compresses inside: what its batches hold is counted, batch by batch."""
    batch = pa.record_batch({"at": pa.array([0] * 100_000, pa.timestamp("us")), "size": [0.0] * 100_000})
    path = tmp_path / "rows.arrow"
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(str(path), batch.schema, options=options) as writer:
        for _ in range(20):
            writer.write_batch(batch)
    with pytest.raises(SourceError, match="it expands to more than"):
        open_ordered(path, SCHEMA, "at")


def test_a_parquet_file_of_too_many_rows_is_refused(tmp_path: Path) -> None:
    """A run of one value costs a Parquet file nothing: its own counts say what it would take."""
    count = 30_000_000
    same = pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int8()), count), pa.array(["red"]))
    path = tmp_path / "rows.parquet"
    parquet.write_table(pa.table({"colour": same}), path, compression="zstd")
    assert path.stat().st_size < MIB
    with pytest.raises(ReferenceDataError, match="it expands to more than"):
        read_rows(path, SCHEMA)


def test_a_well_compressed_table_is_read(tmp_path: Path) -> None:
    """Below the bound the ratio does not matter: three megabytes of one row are read."""
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(HEADER + ROWS))
    assert len(open_ordered(path, SCHEMA, "at").times) == 200_000
