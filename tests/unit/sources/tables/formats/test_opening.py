"""A file is what its first bytes say, whatever its name and however it is compressed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from service.core.profile import profile
from service.core.rows.schema import Column, Kind, Schema
from service.sources.tables.file import open_ordered, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
FRAME = pd.DataFrame(
    {
        "at": pd.date_range("2013-01-01", periods=9, freq="h", tz="UTC").as_unit("us"),
        "size": [0.5, None, 2.0, 3.25, 4.0, 5.0, 6.0, None, 8.0],
        "colour": ["red", "green", None] * 3,
        "other": range(9),
    }
)


def csv(separator: str = ",", encoding: str = "utf-8", ending: str = "\n") -> bytes:
    return FRAME.to_csv(index=False, sep=separator, lineterminator=ending).encode(encoding)


def lines() -> bytes:
    records = json.loads(FRAME.assign(at=FRAME["at"].astype(str)).to_json(orient="records"))
    return "\n".join(json.dumps(record) for record in records).encode()


def buffered(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def streamed(buffer: io.BytesIO) -> None:
    table = pa.Table.from_pandas(FRAME)
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)


def zipped(content: bytes) -> bytes:
    def write(buffer: io.BytesIO) -> None:
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("inside/table.csv", content)
            archive.writestr("__MACOSX/inside/._table.csv", b"\0\1")

    return buffered(write)


def by_arrow(codec: str) -> Callable[[bytes], bytes]:
    def compress(content: bytes) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as out:
            out.write(content)
        return bytes(sink.getvalue())

    return compress


CONTENTS = {
    "comma": csv(),
    "tab": csv("\t"),
    "semicolon": csv(";"),
    "pipe": csv("|"),
    "windows lines": csv(ending="\r\n"),
    "old mac lines": csv(ending="\r"),
    "utf-8 with mark": csv(encoding="utf-8-sig"),
    "utf-16": csv(encoding="utf-16"),
    "utf-32": csv(encoding="utf-32"),
    "excel's first line": b"sep=;\n" + csv(";"),
    "json lines": lines(),
    "parquet": buffered(FRAME.to_parquet),
    "feather": buffered(lambda buffer: feather.write_feather(FRAME, buffer)),
    "arrow stream": buffered(streamed),
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "two gzips": lambda content: gzip.compress(content[:50]) + gzip.compress(content[50:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": by_arrow("zstd"),
    "lz4": by_arrow("lz4"),
    "zip": zipped,
    "gzip in gzip": lambda content: gzip.compress(gzip.compress(content)),
}


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", ["a.data", "a.csv.gz"])
def test_every_content_in_every_packing_gives_the_same_rows(
    tmp_path: Path, content: str, packer: str, name: str
) -> None:
    """Nothing depends on the file's name."""
    (tmp_path / name).write_bytes(PACKERS[packer](CONTENTS[content]))
    parquet.write_table(pa.Table.from_pandas(FRAME), tmp_path / "expected")
    ordered, expected = (open_ordered(tmp_path / each, SCHEMA, "at") for each in (name, "expected"))
    assert ordered.times.tolist() == expected.times.tolist()
    found, wanted = (profile.of(each.read(0, 9), SCHEMA) for each in (ordered, expected))
    assert found == wanted
    assert profile.of(read_rows(tmp_path / name, SCHEMA, timestamp="at"), SCHEMA) == wanted
    for each in (ordered, expected):
        each.close()
