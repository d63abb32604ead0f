"""Bad files of every kind: each is refused at once, with what it is and what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import pickle
import socket
import threading
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, orc, parquet

from service.core.rows.schema import Column, Kind, Schema
from service.errors import ReferenceDataError, SourceError
from service.sources.table_format import PLAIN, CsvFormat, TableFormat, TimeFormat
from service.sources.tables.file import open_ordered, read_rows

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Schema((Column("size", Kind.NUMERICAL), Column("colour", Kind.CATEGORICAL)))
SECONDS = 5.0
ROWS = "at,size,colour\n2013-01-01,1,red\n2013-01-02,2,green\n"
TABLE = pa.table({"at": ["2013-01-01"], "size": [1.0], "colour": ["red"]})
TWICE = pa.table([pa.array(["2013-01-01"]), pa.array([1.0]), pa.array([2.0])], names=["at", "size", "size"])


@dataclass(frozen=True)
class Bad:
    """A bad file: what writes it (its content, or a function), and the first words of the message."""

    make: object
    message: str
    name: str = "a.csv"
    form: TableFormat = PLAIN


def to_buffer(write: Callable[[io.BytesIO], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    def write(buffer: io.BytesIO) -> None:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, ROWS)

    return to_buffer(write)


def stream(table: pa.Table) -> bytes:
    def write(buffer: io.BytesIO) -> None:
        with pa.ipc.new_stream(buffer, table.schema) as writer:
            writer.write_table(table)

    return to_buffer(write)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def folder_of(**files: str | bytes) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.mkdir()
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            (path / name.replace("_csv", ".csv").replace("_txt", ".txt")).write_bytes(data)

    return make


def folder_with_fifo(path: Path) -> None:
    folder_of(a_csv=ROWS)(path)
    os.mkfifo(path / "b.csv")


def looped(path: Path) -> None:
    path.symlink_to(path)


SIZE_TWICE = "the column 'size' is in the data more than once (columns 2 and 3)"
NO_TIME = "the timestamp column 'at' is not in the data"
UNUSABLE = "none of 1 rows has a usable time: at is "
PARQUET = to_buffer(lambda buffer: parquet.write_table(TABLE, buffer))
BAD = {
    "no file": Bad(lambda _: None, "there is no such file"),
    "no folder": Bad(lambda path: path.parent / "nowhere" / "a.csv", "there is no such file, nor the folder"),
    "address": Bad(lambda _: Path("https:/example.org/a.csv"), "it is an address; expected a file of this"),
    "bucket": Bad(lambda _: Path("s3:/bucket/a.parquet"), "it is an address; expected a file of this"),
    "near name": Bad(
        lambda path: path.with_name("b.csv").write_text(ROWS), "there is no such file; the near"
    ),
    "empty": Bad("", "the file is empty"),
    "header alone": Bad("at,size,colour\n", "the file holds no rows"),
    "blank lines": Bad("\n\n\n", "the file holds no header line"),
    "fifo": Bad(fifo, "it is a named pipe (FIFO); expected a regular file"),
    "socket": Bad(listening, "it is a socket; expected a regular file"),
    "device": Bad(link_to("/dev/zero"), "it is a device; expected a regular file"),
    "terminal": Bad(link_to("/dev/tty"), "it is a device; expected a regular file"),
    "loop of links": Bad(looped, "cannot be read: "),
    "empty folder": Bad(lambda path: path.mkdir(), "the folder holds no file"),
    "folder with a stranger": Bad(folder_of(a_csv=ROWS, b_txt=b"%PDF-1.7"), "it is a PDF document"),
    "folder with a fifo": Bad(folder_with_fifo, "it is a named pipe (FIFO); expected a regular file"),
    "folder of nothing": Bad(folder_of(a_csv="", b_csv=""), "the files hold no rows"),
    "pattern of none": Bad(lambda path: path.parent / "*.parquet", "no file matches the pattern"),
    "pattern nowhere": Bad(lambda path: path.parent / "x" / "*.csv", "no file matches the pattern; there is"),
    "xlsx": Bad(zipped("[Content_Types].xml", "xl/workbook.xml"), "it is an Excel workbook (.xlsx)"),
    "xls": Bad(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "it is an old Excel workbook"),
    "ods": Bad(zipped("mimetype", "content.xml"), "it is an OpenDocument file (.ods)"),
    "npz": Bad(zipped("a.npy", "b.npy"), "it is NumPy arrays (.npz)"),
    "zip of two": Bad(zipped("a.csv", "b.csv"), "it is a ZIP archive of 2 files (a.csv, b.csv)", "a.zip"),
    "npy": Bad(to_buffer(lambda buffer: np.save(buffer, np.zeros(3))), "it is a NumPy array (.npy)"),
    "pickle": Bad(pickle.dumps([1]), "it is a Python pickle, which is not read; it could run any code"),
    "orc": Bad(to_buffer(lambda buffer: orc.write_table(TABLE, buffer)), "it is an ORC file"),
    "feather 1": Bad(
        b"FEA1" + bytes(99),
        "it is a Feather file of version 1",
    ),
    "avro": Bad(b"Obj\x01\x04\x14avro", "it is an Avro file"),
    "hdf5": Bad(b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
    "sqlite": Bad(b"SQLite format 3\0", "it is an SQLite database"),
    "html": Bad("\n<!DOCTYPE html><html>404</html>", "it is an HTML page"),
    "xml": Bad("<?xml version='1.0'?><a/>", "it is an XML document"),
    "json array": Bad('[{"at": 1},\n{"at": 2}]', "it is a JSON array, which is not read; write one"),
    "pretty json": Bad(json.dumps({"at": [1, 2]}, indent=1), "it is JSON over several lines"),
    "broken json line": Bad('{"at": 1}\n{"at":\n', "line 2 is no JSON"),
    "json line without a name": Bad('{"at": 1}\n[1]\n', "line 2 is no JSON object"),
    "json key twice": Bad('{"at": 1, "size": 1, "size": 2}\n', "line 1 is no JSON: the key 'size' is in it"),
    "deep json": Bad('{"at": 1}\n' + "[" * 100_000 + "\n", "line 2 is no JSON"),
    "git lfs": Bad("version https://git-lfs.github.com/spec/v1\n", "it is a pointer of Git LFS"),
    "binary": Bad(bytes(range(256)) * 9, "it holds binary data (it begins with 00 01 02"),
    "utf-16 without a mark": Bad(ROWS.encode("utf-16-le"), "it looks like UTF-16 without a byte order mark"),
    "latin-1": Bad(
        ROWS.replace("green", "gr\u00fcn").encode("latin-1"), "line 3 holds bytes that are not UTF"
    ),
    "wrong encoding": Bad(
        b"at,size\n2013-01-01,\x81\n",
        "line 2 holds bytes that are not CP1252",
        form=TableFormat(csv=CsvFormat(encoding="cp1252")),
    ),
    "name twice": Bad("at,size,size\n2013-01-01,1,2\n", SIZE_TWICE),
    "time twice": Bad(
        "at,size,at\n2013-01-01,1,2\n", "the column 'at' is in the data more than once (columns 1 "
    ),
    "parquet name twice": Bad(
        to_buffer(lambda buffer: parquet.write_table(TWICE, buffer)),
        SIZE_TWICE,
        "a.parquet",
    ),
    "arrow name twice": Bad(stream(TWICE), SIZE_TWICE),
    "no header": Bad(
        "2013-01-01,1,red\n2013-01-02,2,green\n", "the timestamp column 'at' is not in the data"
    ),
    "padded name": Bad("time, At ,size\n1,2,3\n", NO_TIME + ", which has time,  At "),
    "long lines": Bad(
        "at,size\n" + "2013-01-03,1,surplus\n" * 3, "3 of its 3 lines have more or fewer cells"
    ),
    "short lines": Bad("at,size\n" + "2013-01-03\n" * 3, "3 of its 3 lines have more or fewer cells"),
    "an open quote": Bad(
        'at,size\n2013-01-01,"1\n' + "2013-01-01,2\n" * 9, 'a quote " that opens a cell in line 2'
    ),
    "JSON lines in UTF-16": Bad(
        '{"at": "2013-01-01"}\n'.encode("utf-16"), "it is JSON in UTF-16, which is not"
    ),
    "a comment first": Bad(
        "# of today\n" + ROWS, "3 of its 3 lines have more or fewer cells than the header has names: line 2 "
    ),
    "a time by the hour": Bad(
        "at,size\n2024030109,1\n2024030110,2\n",
        'none of 2 rows has a usable time: at is "2024030109", which is a ',
    ),
    "wrong separator": Bad(ROWS, NO_TIME, form=TableFormat(csv=CsvFormat(";"))),
    "cut gzip": Bad(gzip.compress(ROWS.encode() * 99)[:60], "cannot be read: ", "a.csv.gz"),
    "cut bzip2": Bad(bz2.compress(ROWS.encode() * 99)[:60], "cannot be read: ", "a.csv.bz2"),
    "cut zstd": Bad(pa.Codec("zstd").compress(ROWS.encode() * 99, asbytes=True)[:40], "cannot be read: "),
    "broken zip": Bad(b"PK\x03\x04" + bytes(99), "cannot be read: "),
    "gzip of gzip of gzip of gzip": Bad(
        gzip.compress(gzip.compress(gzip.compress(gzip.compress(b"a")))),
        "it is compressed more than 3",
    ),
    "parquet mark alone": Bad(b"PAR1 and then nothing", "cannot be read: ", "a.parquet"),
    "cut parquet": Bad(PARQUET[:-20], "cannot be read: ", "a.parquet"),
    "parquet without rows": Bad(
        to_buffer(lambda buffer: parquet.write_table(TABLE.slice(0, 0), buffer)), "the file holds no rows"
    ),
    "cut arrow": Bad(stream(TABLE)[:200], "cannot be read: ", "a.arrow"),
    "arrow mark alone": Bad(b"ARROW1\0\0 and nothing", "cannot be read: "),
    "epoch without a unit": Bad(
        "at,size\n1709251200000,1\n1709251200001,2\n",
        'none of 2 rows has a usable time: at is "1709251200000", which is a number without a unit',
    ),
    "wrong unit": Bad(
        "at,size\n1709251200000,1\n",
        UNUSABLE + '"1709251200000", which is outside',
        form=TableFormat(TimeFormat("s")),
    ),
    "unknown form of time": Bad("at,size\n01/02/2013,1\n", UNUSABLE + '"01/02/2013", which is not a time'),
    "wrong pattern": Bad(
        "at,size\n2013-01-01,1\n",
        'none of 1 rows has a usable time: at is "2013-01-01", which does not match the format',
        form=TableFormat(TimeFormat(pattern="%d/%m/%Y")),
    ),
    "times mostly missing": Bad(
        "at,size\n2013-01-01,1\n,2\n,3\n", "only 1 of 3 rows have a usable time: at is empty"
    ),
}


def in_time(call: Callable[[], object]) -> BaseException | None:
    """Run a call in a thread; return what it raised. Fails where it takes too long."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test looks at it
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(SECONDS)
    assert not thread.is_alive(), "reading hangs"
    return raised[0] if raised else None


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_at_once_with_what_to_do(tmp_path: Path, bad: Bad) -> None:
    """A source's error begins with the path and then what is wrong; a reference's says so as well."""
    path = tmp_path / bad.name
    if callable(bad.make):
        made = bad.make(path)
        path = made if isinstance(made, Path) else path
    elif isinstance(bad.make, str | bytes):
        path.write_bytes(bad.make.encode() if isinstance(bad.make, str) else bad.make)
    error = in_time(lambda: open_ordered(path, SCHEMA, "at", form=bad.form))
    assert isinstance(error, SourceError), error
    prefix, _, message = str(error).partition(": ")
    assert Path(prefix).is_relative_to(tmp_path) or message.startswith("it is an address")
    assert message.startswith(bad.message)
    assert "Traceback" not in message
    if "'at'" not in message and " at is " not in message:
        error = in_time(lambda: read_rows(path, SCHEMA, form=bad.form))
        assert isinstance(error, ReferenceDataError), error
        assert bad.message in str(error)


LISTS, STRUCTS = [[1.0], [2.0]], [{"x": 1}, {"x": 2}]
TIMES = pd.to_datetime(["2013-01-01", "2013-01-02"])


@pytest.mark.parametrize("kind", [Kind.NUMERICAL, Kind.CATEGORICAL])
@pytest.mark.parametrize(
    ("cells", "holds"),
    [
        (TIMES, "times"),
        (TIMES.date, "times"),
        (pd.to_timedelta([1, 2], unit="h"), "times"),
        (LISTS, "lists"),
        (STRUCTS, "structs"),
    ],
)
def test_a_column_of_another_kind_is_said(tmp_path: Path, kind: Kind, cells: object, holds: str) -> None:
    """A reference whose feature holds times, lists or structs is refused by the column's name."""
    frame = pd.DataFrame({"size": [1.0, 2.0], "joined": cells})
    schema = Schema((Column("size", Kind.NUMERICAL), Column("joined", kind)))
    frame.to_parquet(tmp_path / "a.parquet")
    feather.write_feather(pa.Table.from_pandas(frame), str(tmp_path / "a.arrow"))
    for name in ("a.parquet", "a.arrow"):
        with pytest.raises(ReferenceDataError, match=rf"joined: holds {holds} such as .*; expected "):
            read_rows(tmp_path / name, schema)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (["2013-01-01", "2013-01-02"], r"joined: holds times such as \"2013-01-01\"; expected numbers"),
        (["a", "b"], r"joined: holds texts such as \"a\"; expected numbers"),
        (["1,5", "2,25"], r"expected numbers; write joined: \{kind: numerical, decimal: \",\"\}"),
        ([[1], [2]], r"joined: holds lists such as \"\[1\]\"; expected numbers"),
        ([{"x": 1}, {"x": 2}], r"joined: holds structs such as"),
    ],
)
def test_a_column_without_a_number_is_said_in_texts_as_well(
    tmp_path: Path, cells: list[object], message: str
) -> None:
    """CSV files and JSON lines whose numerical column holds no number name the column and what it holds."""
    schema = Schema((Column("size", Kind.NUMERICAL), Column("joined", Kind.NUMERICAL)))
    frame = pd.DataFrame({"size": [1.0, 2.0], "joined": cells})
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    names = ["a.jsonl"]
    if isinstance(cells[0], str):
        frame.to_csv(tmp_path / "a.csv", index=False)
        names.append("a.csv")
    for name in names:
        with pytest.raises(ReferenceDataError, match=message):
            read_rows(tmp_path / name, schema)
