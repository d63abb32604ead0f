"""NumPy's arrays become Arrow's and come back by their buffers, without pandas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from service.core.rows.batch import Arrival, Batch, Labels, Numbers, Texts
from service.sources.http import buffers, stored_batch

ROWS = stored_batch.PACKED_ROWS + 7


def _texts(labels: Labels) -> list[str]:
    texts: list[str] = np.append(labels.labels, "")[labels.codes].tolist()  # code -1, missing, is the last
    return texts


@pytest.mark.parametrize("start", [0, 1, 9])
def test_arrays_come_back_wherever_they_begin(start: int) -> None:
    """Numbers, truth values, bytes and missing ones are as pyarrow converts them, sliced or not."""
    random = np.random.default_rng(start)
    codes, marks = random.integers(-1, 5, 40).astype(np.int32), random.random(40) < 0.5
    held = buffers.held(codes, pa.int32(), missing=codes < 0)
    assert held.equals(pa.array(codes, pa.int32(), mask=codes < 0))
    assert buffers.truths(marks).equals(pa.array(marks))
    texts = [None if mark else bytes([code % 256]) * code for code, mark in enumerate(marks.tolist())]
    assert buffers.contents(texts).equals(pa.array(texts, pa.binary()))
    assert buffers.numbers(held.slice(start), np.int32)[codes[start:] >= 0].tolist() == [
        code for code in codes[start:].tolist() if code >= 0
    ]
    assert buffers.missing(held.slice(start)).tolist() == (codes[start:] < 0).tolist()
    assert buffers.marked(buffers.truths(marks).slice(start)).tolist() == marks[start:].tolist()


@pytest.mark.parametrize("rows", [0, 1, ROWS])
def test_rows_come_back_packed_or_not(rows: int) -> None:
    """A stored batch gives back every bit, also where it has many rows and is packed."""
    random = np.random.default_rng(3)
    marks = random.random(rows) < 0.5
    size = Numbers(np.where(marks, np.nan, random.normal(size=rows)), marks)
    place = Labels(random.integers(-1, 2, rows), np.array(["a", "b"]))
    note = Texts(np.array(["", None, "\ud800"] * rows, dtype=object)[:rows])
    ids = random.integers(0, 2**63, rows).astype(np.uint64)
    times = np.arange(rows, dtype=np.int64)
    batch = Batch(rows, times, {"size": size, "place": place, "note": note}, Arrival((), ids))
    found = stored_batch.decode(stored_batch.encode(batch))
    numbers, labels, texts = (found.columns[name] for name in ("size", "place", "note"))
    assert isinstance(numbers, Numbers)
    assert isinstance(labels, Labels)
    assert isinstance(texts, Texts)
    assert numbers.values.tobytes() == size.values.tobytes()
    assert numbers.unparsable is not None
    assert numbers.unparsable.tolist() == marks.tolist()
    assert _texts(labels) == _texts(place)
    assert texts.texts.tolist() == note.texts.tolist()
    assert found.event_time.tolist() == times.tolist()
    assert found.arrival.identity is not None
    assert found.arrival.identity.tolist() == ids.tolist()


CODE = """
import sys
import pyarrow as pa
from service.core.inbox import BatchKind, Posted
from service.core.rows.masking import Masking, RowMask
from service.core.rows.schema import Column, Kind, Schema
from service.sources.http import stored_batch
from service.sources.http.content import RowShape
from service.sources.http.receiver import HttpReceiver
from service.sources.table_format import PLAIN

schema = Schema((Column("size", Kind.NUMERICAL), Column("place", Kind.CATEGORICAL)))
shape, unmasked = RowShape(schema, None, PLAIN), RowMask(Masking(frozenset(), b""), dict)
receiver = HttpReceiver("toy", shape, unmasked, 0, None)
coded = pa.dictionary(pa.int8(), pa.string())
types = pa.schema([("size", pa.float64()), ("place", pa.string()), ("kind", coded)])
sizes = pa.Array.from_buffers(pa.float64(), 2, [None, pa.py_buffer(bytes(16))])
place = pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(bytes(12)), pa.py_buffer(b"")])
codes = pa.Array.from_buffers(pa.int8(), 2, [None, pa.py_buffer(bytes(2))])
batch = pa.RecordBatch.from_arrays([sizes, place, pa.DictionaryArray.from_arrays(codes, place)], schema=types)
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, types) as writer:
    writer.write_batch(batch)
stream = Posted(sink.getvalue().to_pybytes(), "application/vnd.apache.arrow.stream")
lines = Posted(b'{"size": 1.5, "place": "a", "more": null}\\n' * 2_000, "application/x-ndjson")
found = [receiver.read_rows(stream, 1), receiver.read_rows(lines, 1)]
found.append(receiver.read_at_once(BatchKind.ROWS, Posted(b'{"size": 1}', "application/json"), 1))
print([stored_batch.decode(each.payload).rows for each in found], "pandas" in sys.modules)
"""


def test_taking_in_plain_rows_needs_no_pandas() -> None:
    """Importing it takes a service half a second and 60 MB, at the first request and from then on."""
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[2, 2000, 1] False"
