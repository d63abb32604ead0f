"""Content that is damaged or malicious: refused with a reason, never a crash and never a traceback."""

from __future__ import annotations

import gzip
import io
import json
import random
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from service.core.inbox import Posted
from service.core.rows.label_form import LabelForm
from service.core.rows.masking import Masking, RowMask
from service.core.rows.schema import Column, Kind, Schema
from service.errors import IntakeError, UnreadableRowsError
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.table_format import PLAIN

NOW = 1_795_810_000_000_000
CASES = 150  # of each format
COLUMNS = (Column("size", Kind.NUMERICAL), Column("c0", Kind.CATEGORICAL), Column("note", Kind.TEXT))
SHAPE = RowShape(Schema(COLUMNS, identity="key"), "at", PLAIN)
NO_FORMS: dict[str, LabelForm] = {}
UNMASKED = RowMask(Masking(frozenset(), b""), lambda: NO_FORMS)
RECEIVER = HttpReceiver("toy", SHAPE, UNMASKED, 60_000_000, None)
ROWS = [
    {"key": f"k{n}", "at": f"2026-11-27T19:0{n}:00Z", "size": n / 3, "c0": "ab"[n % 2], "note": "a b"}
    for n in range(5)
]
TABLE = pa.Table.from_pylist(ROWS)


def _stream(table: pa.Table, **options: str) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _parquet() -> bytes:
    sink = io.BytesIO()
    parquet.write_table(TABLE, sink)
    return sink.getvalue()


ARROW = "application/vnd.apache.arrow.stream"
CONTENTS = {
    "json": ("application/json", json.dumps(ROWS).encode(), ""),
    "lines": ("application/x-ndjson", "\n".join(map(json.dumps, ROWS)).encode(), ""),
    "csv": ("text/csv", b"key,at,size,c0,note\nk1,2026-11-27T19:00:00Z,1.5,a,b c\nk2,,2,b,\n", ""),
    "arrow": (ARROW, _stream(TABLE), ""),
    "dictionaries": (ARROW, _stream(TABLE.set_column(3, "c0", TABLE["c0"].dictionary_encode())), ""),
    "packed arrow": (ARROW, _stream(TABLE, compression="lz4"), ""),
    "parquet": ("application/vnd.apache.parquet", _parquet(), ""),
    "gzip": ("application/json", gzip.compress(json.dumps(ROWS).encode()), "gzip"),
    "zstd": ("application/json", pa.compress(json.dumps(ROWS).encode(), "zstd", asbytes=True), "zstd"),
}


def _damaged(content: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(content)
    for _ in range(dice.randint(1, 5)):
        at = dice.randrange(len(damaged))
        match dice.randrange(4):
            case 0:
                damaged[at] = dice.choice([0, 127, 128, 255, dice.randrange(256)])
            case 1:
                del damaged[at : at + dice.randint(1, 8)]
            case 2:
                damaged[at:at] = dice.randbytes(dice.randint(1, 8))
            case _:
                del damaged[max(1, at) :]
        damaged = damaged or bytearray(b"x")
    return bytes(damaged)


@pytest.mark.parametrize("name", CONTENTS)
def test_damaged_content_is_read_or_refused(name: str) -> None:
    """Whatever is done to the bytes, there is an answer for the sender; the seed is fixed."""
    content_type, content, encoding = CONTENTS[name]
    assert RECEIVER.read_rows(Posted(content, content_type, encoding), NOW).rows >= 2
    dice = random.Random(name)  # noqa: S311  # damage, no secrets
    refused = 0
    for _ in range(CASES):
        with suppress(IntakeError):
            RECEIVER.read_rows(Posted(_damaged(content, dice), content_type, encoding), NOW)
            continue
        refused += 1
    assert refused


def test_offsets_that_lead_out_of_their_buffer_are_refused() -> None:
    """A stream that ended the process when its size was asked for before it was validated."""
    content = (Path(__file__).parent / "data/broken_offsets.arrow").read_bytes()
    with pytest.raises(UnreadableRowsError, match="too small"):
        RECEIVER.read_rows(Posted(content, ARROW), NOW)
