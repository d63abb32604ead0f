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


def test_keeping_and_reading_rows_needs_no_pandas() -> None:
    """Pandas takes a service half a second and 60 MB, which plain rows do not need."""
    code = """
import sys
import numpy as np
from service.core.rows.batch import Batch, Labels, Numbers, Texts
from service.sources.http import stored_batch
columns = {
    "n": Numbers(np.ones(3), np.zeros(3, dtype=bool)),
    "l": Labels(np.array([0, -1, 0]), np.array(["a"])),
    "t": Texts(np.array(["a", None, ""], dtype=object)),
}
stored_batch.decode(stored_batch.encode(Batch(3, np.arange(3), columns)))
print("pandas" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
